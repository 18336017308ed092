"""Adding a thing touches what the table of docs/ARCHITECTURE.md says, and no more.

Each example below is put into a copy of the project, into just the files of its row; other
processes then train, load, offer and run it there. The examples are short, to be copied.
"""

import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.web import node

ROOT = Path(__file__).resolve().parents[1]
TESTS = ("tests/__init__.py", "tests/test_adding.py", "tests/web/__init__.py", "tests/web/node.py")
COPIED = ("training", "explorer", "docs/ARCHITECTURE.md", *TESTS)


class Touched(NamedTuple):
    """A file that a row of the table names, and the table in it."""

    path: str
    table: str


def rows() -> dict[str, list[Touched]]:
    """The table "To add" of docs/ARCHITECTURE.md: what is touched, by what is added."""
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text().split("\n## To add\n")[1]
    cells = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {
        name.strip(): [Touched(*found) for found in re.findall(r"`([\w./-]+)`: `([\w-]+)`", files)]
        for name, files, *_ in cells[2:]
    }


@pytest.mark.parametrize("name", rows())
def test_a_row_names_files_and_tables_that_are_there(name):
    assert rows()[name]
    for path, table in rows()[name]:
        assert re.search(rf"\b{table}\b", (ROOT / path).read_text()), f"{path}: {table}"


# --- the examples: for each row, the code and the table's new row, file by file ----------------

STRIPES = '''
def _load_stripes(row: Dataset, data_dir: Path, split: Split) -> ImageSet:
    """Coloured stripes, upright or level, drawn as they are asked for."""
    draw = torch.Generator().manual_seed(int(split == "test"))
    n, shape = row.size[split == "test"], row.shape
    labels = torch.arange(n) % 2
    along = torch.where(
        labels[:, None, None] == 0, torch.arange(shape.width), torch.arange(shape.height)[:, None]
    )
    on = torch.sin(0.9 * along + 6 * torch.rand(n, 1, 1, generator=draw)) > 0
    ink = torch.randint(100, 256, (n, shape.channels, 1, 1), generator=draw)
    images = (on[:, None] * ink).to(torch.uint8).reshape(n, -1)
    return ImageSet(row.name, split, images, labels, row.classes, shape)
'''
STRIPES_ROW = """
        Dataset(
            *("stripes", "Stripes", _load_stripes, ("upright", "level"), (640, 60)),
            ImageShape(3, 20, 24),
        ),
"""

LAPLACE = '''
class LaplacePosterior(NamedTuple):
    """Parameters of q(z|x) = Laplace(mu, scale), each of shape (..., d)."""

    mu: Tensor
    scale: Tensor

    @property
    def std(self) -> Tensor:
        return math.sqrt(2) * self.scale


class Laplace:
    """Laplace posterior with the prior Laplace(0, 1) in every dimension."""

    params_per_dim, low, title, has_density = 2, -math.inf, "Laplace(0, 1)", True

    def posterior(self, params: Tensor) -> LaplacePosterior:
        mu, log_scale = params.chunk(2, dim=-1)
        return LaplacePosterior(mu, torch.exp(log_scale.clamp(-15, 5)))

    def sample(self, posterior, generator=None) -> Tensor:
        mu, scale = posterior
        share = torch.rand(mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
        return mu + scale * self.quantile(share.clamp(1e-6, 1 - 1e-6))

    def log_posterior(self, z: Tensor, posterior) -> Tensor:
        mu, scale = posterior
        return (-torch.log(2 * scale) - (z - mu).abs() / scale).sum(-1)

    def log_prior(self, z: Tensor) -> Tensor:
        return (-math.log(2) - z.abs()).sum(-1)

    def kl(self, posterior) -> Tensor:
        mu, scale = posterior
        return mu.abs() + scale * torch.exp(-mu.abs() / scale) - torch.log(scale) - 1

    def sample_prior(self, n: int, latent_dim: int, generator=None) -> Tensor:
        return self.quantile(torch.rand(n, latent_dim, generator=generator).clamp(1e-6, 1 - 1e-6))

    def quantile(self, share: Tensor) -> Tensor:
        return -torch.sign(share - 0.5) * torch.log1p(-2 * (share - 0.5).abs())

    def facts(self) -> dict[str, Any]:
        quantiles = quantile_table(self)
        own = {"family": "laplace", "low": None, "quantiles": quantiles}
        return {"mean": 0.0, "std": math.sqrt(2), **own}
'''
LAPLACE_JS = """
class Laplace {
  constructor({ mean, std, quantiles }) {
    Object.assign(this, { mean, std, quantiles, low: -Infinity, hasDensity: true });
    this.draw = "z ~ q(z|x), a Laplace";
    this.drawn = "z";
  }
  posterior(out, d) {
    const scale = out.slice(d, 2 * d).map((v) => Math.exp(clamp([-15, 5], v)));
    return { mu: out.slice(0, d), scale, std: scale.map((b) => Math.SQRT2 * b) };
  }
  fromStandardNormal(t) {
    return quantileAt(this.quantiles, t);
  }
  toStandardNormal(z) {
    return quantileOf(this.quantiles, z);
  }
  kl({ mu, scale }) {
    return mu.map((m, i) => {
      const [far, b] = [Math.abs(m), scale[i]];
      return far + b * Math.exp(-far / b) - Math.log(b) - 1;
    });
  }
  logRatio(z, { mu, scale }) {
    const q = z.map((v, i) => -Math.abs(v - mu[i]) / scale[i] - Math.log(scale[i]));
    return z.reduce((sum, v, i) => sum + q[i] + Math.abs(v), 0);
  }
  sample({ mu, scale }, normal) {
    return mu.map((m, i) => m + scale[i] * quantileAt(this.quantiles, normal()));
  }
}
"""

CAUCHY = '''
def cauchy(output: Tensor, x: Tensor) -> Tensor:
    """−log Cauchy(x; x̂, 0.1) without n·log 0.1π, in nats: a pixel that is far off costs little."""
    return torch.log1p(((x - torch.sigmoid(output)) / 0.1) ** 2).sum(-1)
'''
CAUCHY_ROW = """
    "cauchy": Likelihood("Cauchy", "Σ log(1 + (x − x̂)²/γ²)", cauchy, math.log(0.1 * math.pi)),
"""
CAUCHY_JS = """
function cauchy(output, x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += Math.log1p(((x[i] - sigmoid(output[i])) / 0.1) ** 2);
  return sum;
}
"""

LINEAR = '''
def build_linear(config: VAEConfig) -> tuple[nn.Sequential, nn.Sequential]:
    """One layer each way: probabilistic PCA, but for the sigmoid."""
    head, n = config.latent_dim * priors.find(config.prior).params_per_dim, config.image_shape.size
    return nn.Sequential(nn.Linear(n, head)), nn.Sequential(nn.Linear(config.latent_dim, n))
'''

TINY_ROW = """
        Preset("tiny", VAEConfig(3, (16,), (16,)), data=EMBEDDED, epochs=1, batch_size=200),
"""

SQUEEZED = '''
def squeezed(codes: Codes) -> MapView:
    """The first two dimensions, those far out drawn in: asinh of either."""
    titles = tuple(f"asinh {z_name(i)}" for i in (0, 1))
    index = np.arange(len(codes.mu))
    spec = {"kind": "squeezed", "axes": [0, 1]}
    return MapView(np.arcsinh(codes.mu[:, :2]), index, (titles[0], titles[1]), spec)
'''
SQUEEZED_JS = """
class Squeezed {
  invertible = true;
  project(z) {
    return [Math.asinh(z[0]), Math.asinh(z[1])];
  }
  move(z, xy) {
    for (const k of [0, 1]) z[k] = Math.sinh(xy[k]);
  }
  covariance({ mu, std }) {
    const [a, b] = [0, 1].map((k) => std[k] / Math.hypot(1, mu[k]));
    return [a * a, 0, b * b];
  }
}
"""

EXAMPLES: dict[str, list[tuple[str, str]]] = {  # the code and the row of each file, in its order
    "data set": [(STRIPES, STRIPES_ROW)],
    "prior": [(LAPLACE, '"laplace": Laplace(),'), (LAPLACE_JS, "laplace: Laplace,")],
    "likelihood": [(CAUCHY, CAUCHY_ROW), (CAUCHY_JS, "cauchy,")],
    "network": [(LINEAR, '"linear": Architecture(build_linear),')],
    "preset": [("", TINY_ROW)],
    "projection": [
        (SQUEEZED, '"squeezed": Projection("Squeezed", squeezed),'),
        (SQUEEZED_JS, "squeezed: Squeezed,"),
    ],
}


def add(file: Path, table: str, code: str, row: str) -> None:
    """Put the code before a table, and the row at the table's top."""
    text = file.read_text()
    begins = rf"^(?:export )?(?:const )?{table}\b[^=\n]* = \{{"
    by_name = r"(?:\n    row\.name: row\n    for row in \()?"  # a table that is made of its rows
    head = re.search(begins + by_name, text, re.MULTILINE)
    assert head, f"{file}: {table}"
    before, after = text[: head.start()], text[head.end() :]
    file.write_text(f"{before}{code}\n\n{head[0]}\n{row}{after}")


@pytest.fixture
def house(request, tmp_path):
    """A copy of the project with an example in the files of its row, and in these alone."""
    name = request.param
    for part in COPIED:
        source, copy = ROOT / part, tmp_path / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    for (path, table), (code, row) in zip(rows()[name], EXAMPLES[name], strict=True):
        add(tmp_path / path, table, code, row)
    files = (p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    changed = {str(p) for p in files if not filecmp.cmp(ROOT / p, tmp_path / p, shallow=False)}
    assert changed == {path for path, _ in rows()[name]}
    return tmp_path


def run(house: Path, *command: str) -> str:
    done = subprocess.run(
        command,
        cwd=house,
        env={name: value for name, value in os.environ.items() if not name.startswith("VAE_")},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def prove(house: Path, call: str) -> None:
    """Call a function of this file in the copy."""
    run(house, sys.executable, "-c", f"from tests import test_adding; test_adding.{call}")


def in_node(house: Path, program: str) -> None:
    """Run a program under Node in the copy, where a model or a map was left."""
    command = node.command("node")
    if command is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no node here: pip install -r requirements-dev.txt")
    run(house, *command, "--input-type=module", "-e", NEAR + program)


# --- the proofs, in Python: called in a process of the copy ------------------------------------


def fit_and_leave(*options: str, preset: str = "mnist-5k-2d") -> None:
    """Train an epoch, load what came of it, and leave the model and its numbers for Node."""
    import torch

    from explorer import blobs
    from explorer.session import catalogue, image_sets
    from training import checkpoint
    from training.__main__ import main
    from training.data import datasets
    from training.runs.run import Run
    from training.vae.elbo import iwae

    assert Path(checkpoint.__file__).is_relative_to(Path.cwd())
    torch.set_num_threads(1)
    assert main(["fit", preset, "--epochs", "1", "--device", "cpu", *options]) == 0
    ((name, listed),) = catalogue.listed().items()  # as the pages' boxes have it
    assert isinstance(listed, catalogue.Listed), listed
    model = listed.load()
    assert isinstance(model, catalogue.Model), model
    assert model.checkpoint.name == name
    found = model.checkpoint
    vae, last = found.vae, found.history[-1]
    assert last.test_total < Run(f"runs/{preset}").config().preset.model.image_shape.size
    offers = catalogue.image_offers()
    fitting = image_sets.fitting(offers, listed.description.config.image_shape)
    assert image_sets.alike(offers[image_sets.usual(fitting, found.data)], found.data)
    shown = image_sets.load(offers[found.data])
    assert isinstance(shown, image_sets.Shown), shown
    x = datasets.to_float(shown.images.images[:5])
    with torch.no_grad():
        q = vae.encode(x)
        z = vae.prior.sample(q, torch.Generator().manual_seed(0))
        output = vae.decode(z)
        ratio = vae.prior.log_posterior(z, q) - vae.prior.log_prior(z)
        many = q._make(p.expand(20_000, *p.shape) for p in q)
        draws = vae.prior.sample(many)
        drawn = vae.prior.log_posterior(draws, many) - vae.prior.log_prior(draws)
        torch.testing.assert_close(drawn.mean(0), vae.prior.kl(q).sum(-1), rtol=0.05, atol=0.05)
        if vae.likelihood.is_nll:
            assert torch.isfinite(iwae(vae, x, 3)).all()
        expected = {
            "mu": q.mu,
            "std": q.std,
            "kl": vae.prior.kl(q),
            "ratio": ratio,
            "pictures": vae.likelihood.mean(output),
            "terms": vae.likelihood.reconstruction(output, x),
            "places": vae.prior.quantile(torch.special.ndtr(torch.tensor([-1.5, 0.0, 2.0]))),
        }
    Path("model.blob").write_bytes(blobs.model(vae, name))
    Path("pictures.blob").write_bytes(blobs.pictures(shown.images, "piece"))
    Path("piece.blob").write_bytes(blobs.piece(shown.images, 0, webp=False))
    numbers = {key: tensor.tolist() for key, tensor in expected.items()}
    Path("expected.json").write_text(json.dumps({"x": x.tolist(), "z": z.tolist(), **numbers}))


def fit_linear() -> None:
    """Train the example of a network, which a preset names."""
    from training.presets import PRESETS, Preset
    from training.vae.model import VAEConfig

    PRESETS["line"] = Preset("line", VAEConfig(2, (), (), architecture="linear"), data="mnist-5k")
    fit_and_leave(preset="line")


def project_and_leave(name: str) -> None:
    """Offer the projection on the Explore page, and leave its map for Node."""
    import numpy as np
    from streamlit.testing.v1 import AppTest

    from explorer import blobs
    from explorer.figures.latent_scatter import by_class, scatter
    from explorer.latent.codes import Codes, dimensions
    from explorer.session import catalogue
    from training.__main__ import main

    assert main(["fit", "mnist-5k-2d", "--epochs", "1", "--device", "cpu"]) == 0
    page = AppTest.from_file(Path("explorer/explore/page.py").resolve(), default_timeout=100)
    page.query_params["view"] = name
    page.run()
    assert not page.exception
    assert not page.warning
    assert "Squeezed" in page.get("button_group")[0].options
    assert page.query_params["view"] in (name, [name])

    mu = np.random.default_rng(0).normal(0, 2, (50, 3)).astype(np.float32)
    codes = Codes(mu, np.full_like(mu, 0.1), np.ones_like(mu))
    view = catalogue.projected(("a model", "images"), name, codes)
    found = scatter(view.points, view.index, by_class(np.zeros(50, int), ("all",)))
    dims = dimensions(codes)
    Path("map.blob").write_bytes(blobs.map_(found, view.spec, view.axis_titles, dims, "r"))
    Path("expected.json").write_text(
        json.dumps({"codes": mu[found.index].tolist(), "x": found.x.tolist()})
    )


# --- and under Node: the browser's own modules ---------------------------------------------------

NEAR = """
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const load = (path) => import(pathToFileURL(`${process.cwd()}/explorer/web/${path}`));
const { read } = await load("model/blobs.js");
const { Pictures } = await load("model/pictures.js");
const blob = (kind) => read(Uint8Array.from(readFileSync(`${kind}.blob`)).buffer, kind);
const near = (a, b, what, rtol = 1e-4) => {
  [a, b] = [Array.from(a), Array.from(b)];
  assert.equal(a.length, b.length, what);
  a.forEach((v, i) =>
    assert.ok(Math.abs(v - b[i]) <= rtol * (1 + Math.abs(b[i])), `${what}: ${v}, not ${b[i]}`));
};
const expected = JSON.parse(readFileSync("expected.json", "utf8"));
"""
AS_TORCH = """
const { Vae } = await load("model/vae.js");
const { normals, seeded } = await load("model/random.js");
const vae = new Vae(blob("model"));
const fetchPiece = async () => ({ blob: blob("piece"), wire: 0 });
const pictures = new Pictures(blob("pictures"), fetchPiece);
await pictures.ready(0);
assert.ok(!vae.likelihood.formula.includes("instead"), vae.likelihood.formula);
expected.x.forEach((values, n) => {
  const [x, z] = [Float32Array.from(values), Float32Array.from(expected.z[n])];
  near(pictures.get(n), x, "x");
  const q = vae.encode(x);
  for (const part of ["mu", "std"]) near(q[part], expected[part][n], part);
  near(q.klPerDim, expected.kl[n], "KL");
  near([vae.logRatio(z, q)], [expected.ratio[n]], "log q(z|x) − log p(z)", 2e-3);
  const output = vae.decode(z);
  near(vae.mean(output), expected.pictures[n], "x̂");
  near([vae.reconstruction(output, x)], [expected.terms[n]], "term");
  assert.ok(vae.sample(q, normals(seeded(1))).every(Number.isFinite));
});
const { prior } = vae;
[-1.5, 0, 2].forEach((t, i) => {
  near([prior.fromStandardNormal(t)], [expected.places[i]], "place", 2e-3);
  near([prior.toStandardNormal(prior.fromStandardNormal(t))], [t], "and back");
});
"""
AS_NUMPY = """
const { viewOf } = await load("map/projections.js");
const { header, arrays } = blob("map");
const projection = viewOf({ header, arrays });
expected.codes.forEach((code, n) => {
  const [z, at] = [Float32Array.from(code), [arrays.x[n], arrays.y[n]]];
  near(projection.project(z), at, "place");
  const moved = z.slice();
  projection.move(moved, [at[0] + 0.5, at[1] - 0.5]);
  near(projection.project(moved), [at[0] + 0.5, at[1] - 0.5], "a move");
  const [across, , up] = projection.covariance({ mu: z, std: [0.1, 0.1, 0.1] });
  assert.ok(across > 0 && across <= 0.0101 && up > 0 && up <= 0.0101);
});
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("house", "call", "program"),
    [
        ("data set", "fit_and_leave('--data', 'stripes')", AS_TORCH),
        ("prior", "fit_and_leave('--prior', 'laplace')", AS_TORCH),
        ("likelihood", "fit_and_leave('--likelihood', 'cauchy')", AS_TORCH),
        ("network", "fit_linear()", AS_TORCH),
        ("preset", "fit_and_leave(preset='tiny')", AS_TORCH),
        ("projection", "project_and_leave('squeezed')", AS_NUMPY),
    ],
    indirect=["house"],
    ids=EXAMPLES,
)
def test_what_is_added_works_everywhere_by_the_files_of_its_row_alone(house, call, program):
    prove(house, call)
    in_node(house, program)
