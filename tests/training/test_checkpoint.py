"""Checkpoints: what is kept, and what a bad file says."""

import json
import os
import pickle
import random
import resource
import time
from dataclasses import replace

import pytest
import safetensors.torch
import torch

from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint, CheckpointError, Metrics
from training.fit.trainer import new_vae
from training.presets import Preset
from training.runs.records import EpochTerms
from training.vae.model import VAEConfig

PRESET = Preset("tiny", VAEConfig(2, (12,), (12,)), data="mnist-5k", epochs=2)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    history = (EpochTerms(1, 1.0, 2e-3, 250.0, 3.0, 240.0, 2.5, 1e4),)
    vae = checkpoints.as_stored(new_vae(PRESET, seed=5))
    made = Checkpoint("good", vae, PRESET, 5, "mnist-5k", history, Metrics(240.0, 2.5, 1000))
    return made, checkpoints.save(made, tmp_path_factory.mktemp("c") / "good.safetensors")


def parts(path):
    content = path.read_bytes()
    n = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + n])["__metadata__"], safetensors.torch.load(content)


def rebuilt(path, tmp_path, metadata=None, tensors=None):
    old_metadata, old_tensors = parts(path)
    out = tmp_path / "bad.safetensors"
    out.write_bytes(
        safetensors.torch.save(
            {**old_tensors, **(tensors or {})}, {**old_metadata, **(metadata or {})}
        )
    )
    return out


def test_a_checkpoint_comes_back_as_it_was(good):
    made, path = good
    back = checkpoints.load(path)
    assert replace(back, vae=made.vae) == made
    for name, tensor in made.vae.state_dict().items():
        assert torch.equal(back.vae.state_dict()[name], tensor)
    x = torch.rand(3, 784)
    assert torch.equal(back.vae.encode(x).mu, made.vae.encode(x).mu)
    assert [p.name for p in path.parent.iterdir()] == ["good.safetensors"]


def test_saving_where_one_cannot_says_so(good, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written"):
        checkpoints.save(good[0], tmp_path / "file" / "x.safetensors")


def test_every_bad_file_gets_its_own_sentence(good, tmp_path):
    _, path = good
    content = path.read_bytes()
    bad = tmp_path / "bad.safetensors"

    def says(sentence):
        with pytest.raises(CheckpointError, match=sentence) as caught:
            checkpoints.load(bad)
        text = str(caught.value)
        assert "bad.safetensors" in text
        assert text.endswith(".")
        assert "\n" not in text

    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoints.load(tmp_path / "missing.safetensors")
    for n in (0, 5, 100, len(content) // 2, len(content) - 1):
        bad.write_bytes(content[:n])
        says("damaged, truncated or not a safetensors file")
    bad.write_bytes(random.Random(0).randbytes(5000))
    says("damaged, truncated or not a safetensors file")
    bad.write_bytes(pickle.dumps({"a": 1}))
    says("pickle")
    torch.save({"a": torch.ones(2)}, bad)
    says("never opened, because unpickling can run code")
    safetensors.torch.save_file({"weight": torch.ones(2)}, bad)
    says("written by another tool")
    rebuilt(path, tmp_path, {"format_version": "5"})
    says("format version 5, and this program reads up to 4")
    rebuilt(path, tmp_path, {"format_version": "one"})
    says("no number")
    rebuilt(path, tmp_path, tensors={"decoder.0.weight": torch.ones(12, 3).bfloat16()})
    says(r"decoder\.0\.weight has the shape \(12, 3\) instead of \(12, 2\)")
    rebuilt(path, tmp_path, tensors={"decoder.9.weight": torch.ones(1).bfloat16()})
    says(r"unexpected decoder\.9\.weight")
    rebuilt(path, tmp_path, tensors={"decoder.0.bias": torch.full((12,), torch.nan).bfloat16()})
    says(r"NaN or infinity in decoder\.0\.bias")
    rebuilt(path, tmp_path, tensors={"decoder.0.bias": torch.ones(12, dtype=torch.int64)})
    says("int64")
    config = json.loads(parts(path)[0]["config"])
    for field, value, sentence in (
        ("latent_dim", 10**9, "<= 4096"),
        ("latent_dim", "2", "Expected `int`"),
        ("encoder_widths", [10**8], "<= 4096"),
        ("architecture", "transformer", "the valid ones are mlp"),
        ("prior", "gamma-ray", "standard-normal"),
    ):
        rebuilt(path, tmp_path, {"config": json.dumps({**config, field: value})})
        says(sentence)
    for field in ("config", "preset", "seed", "history", "metrics"):
        rebuilt(path, tmp_path, {field: "[" * 5000})
        says(f"its {field} cannot be read")
    rebuilt(path, tmp_path, tensors={"decoder.0.bias": torch.full((12,), 3e38)})
    says("beyond ±65,504")
    rebuilt(path, tmp_path, tensors={"evil\n\x1b[31m" + 500 * "x": torch.ones(1)})
    says("unexpected evil")
    rebuilt(path, tmp_path, {"data": "a\nb"})
    says("its data cannot be read")
    names = {f"t{i}": torch.zeros(0) for i in range(2500)}
    safetensors.torch.save_file(names, bad)
    says("2,500 tensors")
    bad.write_bytes((10 * 2**20).to_bytes(8, "little") + bytes(11 * 2**20))
    says("a header of 10,485,760 bytes")
    with bad.open("wb") as file:
        file.truncate(checkpoints.MAX_BYTES + 1)
    says("at most 67,108,864")
    bad.unlink()
    os.mkfifo(bad)  # waiting for it would never end
    says("not a regular file")


def test_random_damage_never_does_worse_than_an_error(good, tmp_path):
    content, rng = bytearray(good[1].read_bytes()), random.Random(1)
    head = 8 + int.from_bytes(content[:8], "little")
    opened = refused = 0
    began = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for i in range(2000):
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 1, 2, 8))):
            # Half of them where it hurts: in the header.
            where = rng.randrange(head) if i % 2 else rng.randrange(len(damaged))
            damaged[where] = rng.randrange(256)
        try:
            checkpoints.loads(bytes(damaged), "damaged.safetensors")
            opened += 1
        except CheckpointError:
            refused += 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # KiB on Linux
    assert opened + refused == 2000
    assert opened > 100
    assert refused > 300
    assert grown < 100_000
    assert time.monotonic() - began < 100


def test_listing_goes_on_past_a_bad_file(good, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"garbage")
    (tmp_path / "b.safetensors").write_bytes(good[1].read_bytes())
    (first, bad), (second, fine) = checkpoints.list_checkpoints(tmp_path)
    assert (first.name, second.name) == ("a.safetensors", "b.safetensors")
    assert "a.safetensors is damaged" in bad
    assert fine.name == "b"


def test_a_name_in_any_script_is_the_checkpoints_name(good, tmp_path):
    path = tmp_path / "größe 数.safetensors"
    path.write_bytes(good[1].read_bytes())
    assert checkpoints.load(path).name == "größe 数"
    with pytest.raises(CheckpointError, match=r"^a\\u202eb\\nc\.safetensors is damaged"):
        checkpoints.loads(b"garbage", "a\u202eb\nc.safetensors")


def test_weights_that_are_not_finite_are_not_saved():
    vae = new_vae(PRESET, 0)
    vae.decoder[0].weight.data[0, 0] = torch.inf
    with pytest.raises(CheckpointError, match=r"decoder\.0\.weight"):
        checkpoints.as_stored(vae)
