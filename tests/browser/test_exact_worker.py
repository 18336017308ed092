"""Exact quantities in a page's own worker: the newest call of a kind wins, and faults are told."""

import numpy as np
import pytest

from explorer import blobs
from tests.browser.test_parity import b64, modules
from training.vae.model import VAE

__all__ = ["modules"]

START = """async ({ code, blob, image }) => {
  const { ExactWorker } = await import(code + 'session/exact_worker.js');
  const { read } = await import(code + 'model/blobs.js');
  const { Vae } = await import(code + 'model/vae.js');
  const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const model = URL.createObjectURL(new Blob([bytes(blob)]));
  const at = name => new URL(code + name, location.href).href;
  window.x = Float32Array.from(bytes(image), v => v / 255);
  window.vae = await Vae.of(read(bytes(blob).buffer, 'model'));
  window.q = (mu, std) => vae.prior.withMoments(Float32Array.from(mu), Float32Array.from(std));
  window.code = new URL(code, location.href).href;
  window.faults = [];
  const worker = at('model/worker_exact.js');
  window.open = path => new ExactWorker(worker, path ?? model, s => faults.push(s));
  window.exact = open();
}"""

CALLS = """async () => {
  const shares = [], steps = [];
  const over = exact.evidence(x);
  const evidence = await exact.evidence(x, share => shares.push(share));
  const other = Float32Array.from(x, v => 1 - v);
  const overtaken = [exact.split(other, q([0, 0], [1, 1])), exact.naive(x, 500)];
  const live = await exact.split(x, q([0.5, 0.5], [0.3, 0.3]));
  const naive = await exact.naive(x, 60);
  const fine = await exact.split(x, q([0.5, 0.5], [0.3, 0.3]), true);
  const best = await exact.climb(x, q([0.5, 0.5], [0.3, 0.3]), { steps: 5 }, s => steps.push(s));
  const field = await exact.field(x, { low: [-1, -1], high: [1, 1], n: 16 });
  const weights = await exact.importance(x, best.q, 64);
  const gradients = await exact.gradients(x, best.q, { repeats: 30 });
  const fits = await exact.search([x, other]);
  return { over: await over, overtaken: await Promise.all(overtaken), shares, evidence, live, fine,
    steps: steps.map(({ elbo, n }) => [n, elbo]), best: [best.elbo, ...best.q.mu],
    sizes: [naive, field, weights, gradients.score, gradients.path, fits].map(v => v.length) };
}"""


@pytest.fixture(scope="module")
def started(modules, vae):
    """A page with an exact worker; the encoder of its model is apart."""
    page, code = modules
    blob = np.frombuffer(blobs.model(vae, "made", apart=True), np.uint8)
    image = np.zeros(vae.shape.size, np.uint8)
    image[300:320] = 200
    page.evaluate(START, {"code": code, "blob": b64(blob), "image": b64(image)})
    yield page
    page.evaluate("exact.close()")


def test_each_call_is_answered_and_the_newest_of_a_kind_wins(started, vae: VAE):
    found = started.evaluate(CALLS)
    assert found["over"] is None
    assert found["overtaken"] == [None, None]
    shares = found["shares"]
    assert len(shares) > 5
    assert min(shares) < 0.5 < max(shares) <= 1
    log_p = found["evidence"]["logP"]
    for split in (found["live"], found["fine"]):
        assert split["elbo"] + split["gap"] == pytest.approx(log_p, abs=0.01)
    climbed = [elbo for _, elbo in found["steps"]]
    assert climbed == sorted(climbed)
    assert [n for n, _ in found["steps"]] == list(range(1, len(climbed) + 1))
    assert found["live"]["elbo"] < found["best"][0] <= log_p + 0.01
    assert found["sizes"] == [60, 256, 64, 30, 30, 2]


def test_whoever_waits_is_told_that_there_is_no_model_or_no_more_worker(started):
    found = started.evaluate(
        """async () => {
        const nowhere = open(new URL('../../blob/nothing', code).href);
        const said = await nowhere.evidence(x).catch(error => error.message);
        nowhere.close();
        const closed = open();
        const waiting = closed.evidence(x);
        closed.close();
        return { said, faults, waiting: await waiting };
    }"""
    )
    assert "no such model any more" in found["said"]
    assert found["faults"] == [found["said"]]
    assert found["waiting"] is None
