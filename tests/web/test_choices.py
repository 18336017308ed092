"""Choices in the browser: the same posteriors and terms as in Python."""

import torch

from explorer import blobs
from tests.training.networks_of_others import with_choices
from tests.web.test_contracts import in_node
from training.vae.choices import Choice, WithChoices
from training.vae.priors import Gaussian

FAMILY = WithChoices(
    Gaussian(1.0, 2.0),
    (
        Choice("digit", ("0", "1", "2"), "label"),
        Choice("kind", ("p", "q", "r", "s"), "categorical"),
    ),
)
PROGRAM = """
    const { latentFamily } = await load("model/families.js");
    const { normals, seeded } = await load("model/random.js");
    const family = latentFamily(input.header);
    const q = family.posterior(Float32Array.from(input.params), 4, [2]);
    const counts = [0, 0, 0, 0];
    const normal = normals(seeded(3));
    let ratio = 0;
    for (let i = 0; i < 20000; i++) {
      const z = family.sample(q, normal);
      if (z[2] !== 2) throw new Error("a label that was drawn");
      counts[z[3]] += 1 / 20000;
      ratio += family.logRatio(z, q) / 20000;
    }
    answer({
      mu: [...q.mu], std: [...q.std], kl: [...family.kl(q)], counts, ratio,
      logRatio: family.logRatio(Float32Array.from(input.z), q),
      settled: [...family.settle(Float32Array.from([0.5, 9, -3, 7.4]))],
    });
"""


def test_posterior_kl_and_draws_are_those_of_python():
    torch.manual_seed(0)
    params = torch.cat([torch.randn(4), torch.randn(4).softmax(0)])
    q = FAMILY.posterior(params[None], torch.tensor([[2.0]]))
    z = torch.tensor([[0.3, -1.2, 2.0, 1.0]])
    found = in_node(
        PROGRAM, {"header": FAMILY.facts(), "params": params.tolist(), "z": z[0].tolist()}
    )
    assert isinstance(found, dict)
    close = torch.testing.assert_close
    close(torch.tensor([found["mu"]]), q.mu)
    close(torch.tensor([found["std"]]), q.std)
    close(torch.tensor([found["kl"]]), FAMILY.kl(q), atol=1e-5, rtol=1e-4)
    exact = FAMILY.log_posterior(z, q) - FAMILY.log_prior(z)
    close(torch.tensor([found["logRatio"]]), exact, atol=1e-4, rtol=1e-4)
    close(torch.tensor(found["counts"]), q.chances[0, 1], atol=0.02, rtol=0)
    close(torch.tensor(found["ratio"]), FAMILY.kl(q).sum(), atol=0.1, rtol=0)
    assert found["settled"] == [0.5, 9, 0, 3]


def test_a_model_with_choices_runs_in_the_browser_as_in_torch(tmp_path):
    vae = with_choices()
    path = tmp_path / "model"
    path.write_bytes(blobs.model(vae, "x"))
    x, z = torch.rand(1, vae.shape.size), torch.tensor([[0.1, -0.4, 1.3, 1.0, 3.0]])
    found = in_node(
        """
        const { read } = await load("model/blobs.js");
        const { Vae } = await load("model/vae.js");
        const bytes = readFileSync(input.path);
        const vae = new Vae(read(new Uint8Array(bytes).buffer, "model"));
        const q = vae.encode(Float32Array.from(input.x), [2]);
        answer({ mu: [...q.mu], kl: q.kl, output: [...vae.decode(Float32Array.from(input.z))] });
        """,
        {"path": str(path), "x": x[0].tolist(), "z": z[0].tolist()},
    )
    assert isinstance(found, dict)
    with torch.no_grad():
        q = vae.encode(x, torch.tensor([[2.0]]))
        torch.testing.assert_close(torch.tensor([found["mu"]]), q.mu, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(
            torch.tensor([found["output"]]), vae.decode(z), atol=1e-4, rtol=1e-4
        )
        assert abs(found["kl"] - float(vae.prior.kl(q).sum())) < 1e-3
