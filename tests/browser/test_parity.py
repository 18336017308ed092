"""The browser's model against torch: the same blob, the same codes and images."""

import base64

import numpy as np
import pytest
import torch

from explorer import blobs
from explorer.server import assets
from tests import programs
from tests.browser.conftest import ROOT
from tests.training.importing.networks import NETWORKS, network
from training import checkpoint
from training.data import datasets
from training.importing import import_vae
from training.vae import program
from training.vae.image_shape import GREY_28
from training.vae.likelihoods import LIKELIHOODS
from training.vae.model import VAE, VAEConfig

CHECKPOINTS = checkpoint.checkpoint_files(ROOT / "checkpoints")

RUN = """async ({ code, blob, codes, images }) => {
  const { read } = await import(code + 'model/blobs.js');
  const { Vae } = await import(code + 'model/vae.js');
  const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const text = array => {
    const all = new Uint8Array(array.buffer);
    let s = '';
    const step = 32768;
    for (let i = 0; i < all.length; i += step)
      s += String.fromCharCode(...all.subarray(i, i + step));
    return btoa(s);
  };
  const vae = await Vae.of(read(bytes(blob).buffer, 'model'));
  const z = new Float32Array(bytes(codes).buffer);
  const x = bytes(images);
  const n = z.length / vae.d, size = vae.shape.size, m = x.length / size;
  const pixels = new Float32Array(size * n), terms = new Float32Array(n);
  const mu = new Float32Array(vae.d * m), logVar = mu.slice(), kl = new Float32Array(m);
  const ms = [];
  const first = Float32Array.from(x.subarray(0, size), v => v / 255);
  for (let i = 0; i < n; i++) {
    const began = performance.now();
    const logits = vae.decode(z.subarray(i * vae.d, (i + 1) * vae.d));
    pixels.set(vae.mean(logits), size * i);
    ms.push(performance.now() - began);
    terms[i] = vae.reconstruction(logits, first);
  }
  for (let i = 0; i < m && vae.encodes; i++) {
    const q = vae.encode(Float32Array.from(x.subarray(size * i, size * (i + 1)), v => v / 255));
    mu.set(q.mu, vae.d * i);
    logVar.set(q.logVar ?? q.std, vae.d * i);
    kl[i] = q.kl;
  }
  ms.sort((a, b) => a - b);
  return { pixels: text(pixels), terms: text(terms), mu: text(mu), logVar: text(logVar),
           kl: text(kl), median: ms[n >> 1] };
}"""


def b64(array) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


@pytest.fixture(scope="module")
def modules(app, chromium):
    """A page that may import the stage's modules, and where they are."""
    page = chromium.new_page()
    page.goto(f"{app.url}/_stcore/health")
    yield page, f"{app.url}/{assets.code_path('')}"
    page.close()


def in_browser(modules, blob: bytes, codes, images) -> dict:
    page, code = modules
    found = page.evaluate(
        RUN,
        {
            "code": code,
            "blob": b64(np.frombuffer(blob, np.uint8)),
            "codes": b64(codes),
            "images": b64(images),
        },
    )
    median = found.pop("median")
    arrays = {k: np.frombuffer(base64.b64decode(v), np.float32) for k, v in found.items()}
    return {**arrays, "median": median}


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: path.stem)
def test_the_browser_agrees_with_torch_to_1e_4(modules, path):
    vae = checkpoint.load(path).vae.eval()
    n = 1000 if path.stem.startswith("mnist") else 60
    generator = torch.Generator().manual_seed(1)
    codes = vae.prior.sample_prior(n, vae.config.latent_dim, generator)
    data = "mnist-5k" if vae.shape == GREY_28 else checkpoint.load(path).data
    images = datasets.load(data, "test").images[:n]
    found = in_browser(modules, blobs.model(vae, path.stem), codes.numpy(), images.numpy())
    x = datasets.to_float(images)
    with torch.no_grad():
        logits = vae.decode(codes)
        posterior = vae.encode(x)
        expected = {
            "pixels": vae.likelihood.mean(logits),
            "mu": posterior.mu,
            "logVar": posterior[1] if hasattr(posterior, "log_var") else posterior.std,
        }
        terms = vae.likelihood.reconstruction(logits, x[0])
        kl = vae.prior.kl(posterior).sum(-1)
    for name, tensor in expected.items():
        # A gate's scores differ by hundreds of nats: what float32 has of them is relative.
        reach = float(tensor.abs().max()) if vae.config.architecture == "experts" else 1.0
        assert np.abs(found[name] - tensor.numpy().ravel()).max() <= 1e-4 * reach, name
    np.testing.assert_allclose(found["terms"], terms.numpy(), rtol=2e-5)
    np.testing.assert_allclose(found["kl"], kl.numpy(), rtol=1e-4)
    assert found["median"] < 20  # a decode that takes 2 ms on a quiet core; far from it, this fails


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_somebody_else_gives_what_it_gives_in_torch(modules, name, tmp_path):
    own = network(name)
    path = import_vae(
        *(own.encoder, own.decoder, own.pictures),
        **{"name": name, "out": tmp_path / name, **own.options},
    )
    found = checkpoint.load(path)
    vae = found.vae
    generator = torch.Generator().manual_seed(2)
    z = vae.prior.sample_prior(12, vae.config.latent_dim, generator)
    images = found.examples.images if found.examples else torch.zeros(0, vae.shape.size).byte()
    given = in_browser(modules, blobs.model(vae, name), z.numpy(), images.numpy())
    with torch.no_grad():
        pixels = vae.picture(z)
        assert np.abs(given["pixels"] - pixels.numpy().ravel()).max() <= 1e-4
        # What the network itself gives, which need not be sure to a millionth near 0 and 1.
        assert np.abs(given["pixels"] - own.decode(z).flatten().numpy()).max() <= 1.1e-4
        if vae.encoder is None:
            return
        q = vae.encode(datasets.to_float(images))
        reach = float(q.mu.abs().max())
        assert np.abs(given["mu"] - q.mu.numpy().ravel()).max() <= 1e-4 * max(1.0, reach)
        kl = vae.prior.kl(q).sum(-1).numpy()
    np.testing.assert_allclose(given["kl"], kl, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_every_likelihoods_term_is_torchs(modules, name):
    torch.manual_seed(0)
    vae = VAE(VAEConfig(2, (30,), (30,), likelihood=name)).eval()
    if vae.likelihood.learned:
        vae.decoder[-1].bias.data.fill_(-2.5)
    codes = 2 * torch.randn(40, 2)
    images = datasets.load("mnist-5k", "test").images[:2]
    found = in_browser(modules, blobs.model(vae, "made"), codes.numpy(), images.numpy())
    with torch.no_grad():
        output = vae.decode(codes)
        terms = vae.likelihood.reconstruction(output, datasets.to_float(images[0]))
        pixels = vae.likelihood.mean(output)
    np.testing.assert_allclose(found["terms"], terms.numpy(), rtol=2e-5)
    assert np.abs(found["pixels"] - pixels.numpy().ravel()).max() < 1e-5


def test_a_likelihood_that_the_browser_does_not_know_is_shown_as_cross_entropy_and_says_so(
    modules, monkeypatch
):
    monkeypatch.setitem(LIKELIHOODS, "new", LIKELIHOODS["laplace"]._replace(formula="new(x̂, x)"))
    torch.manual_seed(0)
    vae = VAE(VAEConfig(2, (30,), (30,), likelihood="new")).eval()
    codes, images = torch.randn(20, 2), datasets.load("mnist-5k", "test").images[:2]
    blob = blobs.model(vae, "made")
    found = in_browser(modules, blob, codes.numpy(), images.numpy())
    with torch.no_grad():
        terms = LIKELIHOODS["bernoulli"].reconstruction(
            vae.decode(codes), datasets.to_float(images[0])
        )
    np.testing.assert_allclose(found["terms"], terms.numpy(), rtol=2e-5)
    page, code = modules
    said = page.evaluate(
        """async ({ code, blob }) => {
          const { read } = await import(code + 'model/blobs.js');
          const { Vae } = await import(code + 'model/vae.js');
          const bytes = Uint8Array.from(atob(blob), c => c.charCodeAt(0));
          return new Vae(read(bytes.buffer, 'model')).likelihood;
        }""",
        {"code": code, "blob": b64(np.frombuffer(blob, np.uint8))},
    )
    assert said["constant"] is None
    assert "instead of new(x̂, x)" in said["formula"]


@pytest.mark.parametrize("activation", ["silu", "relu", "gelu", "tanh"])
def test_every_activation_runs_as_in_torch(modules, activation):
    torch.manual_seed(0)
    vae = VAE(VAEConfig(3, (40, 30), (30, 40), activation=activation)).eval()
    codes = 2 * torch.randn(50, 3)
    images = datasets.load("mnist-5k", "test").images[:20]
    found = in_browser(modules, blobs.model(vae, "made"), codes.numpy(), images.numpy())
    with torch.no_grad():
        assert np.abs(found["pixels"] - vae.picture(codes).numpy().ravel()).max() < 1e-5
        mu = vae.encode(datasets.to_float(images)).mu
    assert np.abs(found["mu"] - mu.numpy().ravel()).max() < 1e-5


def test_the_convolutional_vae_runs_as_in_torch(modules):
    torch.manual_seed(0)
    vae = VAE(VAEConfig(2, (), (), architecture="report", activation="relu")).eval()
    codes, images = 2 * torch.randn(50, 2), datasets.load("mnist-5k", "test").images[:20]
    found = in_browser(modules, blobs.model(vae, "conv"), codes.numpy(), images.numpy())
    with torch.no_grad():
        assert np.abs(found["pixels"] - vae.picture(codes).numpy().ravel()).max() < 1e-5
        posterior = vae.encode(datasets.to_float(images))
    assert np.abs(found["mu"] - posterior.mu.numpy().ravel()).max() < 1e-5
    assert np.abs(found["logVar"] - posterior.log_var.numpy().ravel()).max() < 1e-5


@pytest.mark.parametrize("prior", ["normal-1-2", "gamma"])
def test_every_latent_family_runs_as_in_torch(modules, prior):
    torch.manual_seed(0)
    vae = VAE(VAEConfig(3, (40,), (40,), prior=prior)).eval()
    with torch.no_grad():
        vae.encoder[-1].weight *= 8  # small and large parameters
    codes, images = torch.rand(5, 3), datasets.load("mnist-5k", "test").images[:200]
    found = in_browser(modules, blobs.model(vae, prior), codes.numpy(), images.numpy())
    with torch.no_grad():
        posterior = vae.encode(datasets.to_float(images))
        kl = vae.prior.kl(posterior).sum(-1)
    np.testing.assert_allclose(found["mu"], posterior.mu.numpy().ravel(), rtol=1e-4, atol=1e-4)
    second = posterior.std if prior == "gamma" else posterior.log_var
    np.testing.assert_allclose(found["logVar"], second.numpy().ravel(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["kl"], kl.numpy(), rtol=1e-4, atol=1e-4)


def test_gamma_draws_follow_q_and_their_mean_ratio_finds_the_closed_form(modules):
    page, code = modules
    found = page.evaluate(
        """async code => {
          const { Running, normals, seeded } = await import(code + 'model/random.js');
          const { FAMILIES, digamma, logGamma } = await import(code + 'model/families.js');
          const family = new FAMILIES.gamma({ shape: 2, rate: 0.5, bounds: [1e-3, 1e4] });
          const q = { shape: Float32Array.of(0.4, 5), rate: Float32Array.of(2, 0.8) };
          const normal = normals(seeded(3));
          const ratio = new Running(), means = [new Running(), new Running()];
          for (let i = 0; i < 200000; i++) {
            const z = family.sample(q, normal);
            ratio.add(family.logRatio(z, q));
            means.forEach((mean, k) => mean.add(z[k]));
          }
          const at = [0.001, 0.2, 1, 2.5, 30, 1e4];
          return { kl: [...family.kl(q)], ratio: [ratio.mean, ratio.error],
            means: means.map(m => [m.mean, m.error]),
            digamma: at.map(digamma), logGamma: at.map(logGamma), at };
        }""",
        code,
    )
    at = torch.tensor(found["at"], dtype=torch.float64)
    np.testing.assert_allclose(found["digamma"], torch.digamma(at).numpy(), rtol=1e-9)
    np.testing.assert_allclose(found["logGamma"], torch.lgamma(at).numpy(), rtol=1e-9, atol=1e-12)
    q = torch.distributions.Gamma(torch.tensor([0.4, 5.0]), torch.tensor([2.0, 0.8]))
    kl = torch.distributions.kl_divergence(q, torch.distributions.Gamma(2.0, 0.5))
    np.testing.assert_allclose(found["kl"], kl.numpy(), rtol=1e-4)
    for (mean, error), exact in zip(
        [found["ratio"], *found["means"]], [float(kl.sum()), *q.mean.tolist()], strict=True
    ):
        assert 0 < error < 0.05
        assert abs(mean - exact) < 4 * error


@pytest.mark.parametrize("kernel", ["fma", "simd", "js"])
def test_a_program_runs_as_in_torch_in_this_browser(modules, kernel):
    made = programs.case("many")
    tensors = {
        name: {"shape": list(tensor.shape), "data": b64(tensor.numpy())}
        for name, tensor in made.program.tensors.items()
    }
    page, code = modules
    found = page.evaluate(
        """async ({ code, program, tensors, x, kernel, n }) => {
          const { Network } = await import(code + 'engine/program.js');
          const floats = text => new Float32Array(
            Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
          const held = Object.fromEntries(Object.entries(tensors).map(
            ([name, { shape, data }]) => [name, { shape, data: floats(data) }]));
          const network = new Network(program, name => held[name], { kernel });
          return [network.kernel, Array.from(network.run(floats(x), n))];
        }""",
        {
            "code": code,
            "program": made.program.describe(),
            "tensors": tensors,
            "x": b64(made.x.numpy()),
            "kernel": kernel,
            "n": len(made.x),
        },
    )
    assert found[0] == kernel
    with torch.no_grad():
        expected = program.run(made.program, made.x).numpy().ravel()
    assert np.abs(np.array(found[1]) - expected).max() < 1e-4


def test_sampling_and_paths_are_what_their_formulas_say(modules):
    page, code = modules
    found = page.evaluate(
        """async code => {
          const { Vae } = await import(code + 'model/vae.js');
          const { Running, normals, seeded } = await import(code + 'model/random.js');
          const { spherical, straight } = await import(code + 'model/paths.js');
          const { centring } = await import(code + 'widgets/drawing_pad.js');
          const { FAMILIES } = await import(code + 'model/families.js');
          const vae = Object.assign(Object.create(Vae.prototype), {
            d: 2, prior: new FAMILIES.gaussian({ mean: 0.5, std: 2, log_var: [-30, 10] }) });
          const mu = Float32Array.of(1, -2), logVar = Float32Array.of(-1, 0.5);
          const std = logVar.map(v => Math.exp(v / 2));
          const q = { mu, logVar, std };
          const normal = normals(seeded(3));
          const ratio = new Running(), moments = [new Running(), new Running()];
          for (let i = 0; i < 200000; i++) {
            const z = vae.sample(q, normal);
            ratio.add(vae.logRatio(z, q));
            moments[0].add(z[0]);
            moments[1].add((z[1] - mu[1]) ** 2);
          }
          const a = Float32Array.of(3, 0, 0), b = Float32Array.of(0, 2, 0);
          const dot = new Float32Array(784);
          dot[28 * 3 + 5] = 1;
          return {
            kl: [...vae.prior.kl(q)], ratio: [ratio.mean, ratio.error],
            mean: [moments[0].mean, moments[0].error],
            variance: [moments[1].mean, moments[1].error],
            half: [...spherical(a, b, 0.5)],
            ends: [[...spherical(a, b, 0)], [...spherical(a, b, 1)]],
            opposite: [...spherical(a, a.map(v => -v), 0.25)], middle: [...straight(a, b, 0.5)],
            centring: centring(dot),
          };
        }""",
        code,
    )
    q = torch.distributions.Normal(
        torch.tensor([1.0, -2.0]), torch.tensor([-1.0, 0.5]).mul(0.5).exp()
    )
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.5, 2.0))
    np.testing.assert_allclose(found["kl"], kl.numpy(), rtol=1e-5)
    for (mean, error), exact in (
        (found["ratio"], float(kl.sum())),
        (found["mean"], 1.0),
        (found["variance"], float(np.exp(0.5))),
    ):
        assert 0 < error < 0.02
        assert abs(mean - exact) < 4 * error
    np.testing.assert_allclose(found["half"], 2.5 * np.array([0.5**0.5, 0.5**0.5, 0]), rtol=1e-6)
    np.testing.assert_allclose(found["ends"], [[3, 0, 0], [0, 2, 0]], atol=1e-6)
    np.testing.assert_allclose(found["opposite"], [1.5, 0, 0])  # no great circle: straight
    np.testing.assert_allclose(found["middle"], [1.5, 1, 0])
    # A pixel whose centre is (5.5, 3.5) goes to within half a pixel of the middle, (14, 14).
    assert np.abs(np.array(found["centring"]) - [8.5, 10.5]).max() <= 0.5
