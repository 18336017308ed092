"""A checkpoint is measured beside the page: with progress, or with a sentence."""

import os
import time
from dataclasses import replace

import numpy as np
import pytest

from explorer.runs import measure
from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint, Metrics
from training.errors import UserError
from training.evaluation import table
from training.fit.trainer import new_vae
from training.presets import PRESETS
from training.vae.image_shape import ImageShape


@pytest.fixture
def tiny(tmp_path):
    return make_tiny(tmp_path)


def make_tiny(tmp_path):
    """A checkpoint of 8×8 pictures in a folder, and the 60 it was trained on."""
    levels = np.random.default_rng(0).integers(0, 255, (60, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "few.npz", images=levels, labels=np.arange(60) % 3)
    usual = PRESETS["mnist-5k-2d"]
    model = replace(
        usual.model,
        image_shape=ImageShape(1, 8, 8),
        encoder_widths=(8,),
        decoder_widths=(8,),
    )
    preset = replace(usual, model=model, data=f"npz:{tmp_path / 'few.npz'}")
    found = Checkpoint(
        "tiny", new_vae(preset, 0), preset, 0, preset.data, (), Metrics(40.0, 1.0, 12, False)
    )
    return checkpoints.save(found, tmp_path / "checkpoints" / "tiny.safetensors")


def ended(job, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while job.running:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_checkpoint_is_measured_and_its_row_lies_beside_it(tiny, tmp_path):
    job = measure.start(tiny, tmp_path / "data")
    with pytest.raises(UserError, match="tiny is being measured; wait for its numbers, or cancel"):
        measure.start(tiny, tmp_path / "data")
    ended(job)
    assert not job.fault
    assert job.progress is not None
    assert (job.progress.what, job.progress.total) == ("terms", 12)
    (row,) = table.read(tiny.parent).values()
    assert (row.name, row.digest) == ("tiny", table.digest_of(tiny))
    assert row.evaluation.images == 12
    assert row.evaluation.knn_accuracy is not None
    # What is damaged is as if nothing had been measured.
    own = tiny.with_name("tiny" + table.OWN)
    for content in (b"", b"{}", own.read_bytes().replace(b"bernoulli", b"nothing", 1), b"[" * 9999):
        own.write_bytes(content)
        assert table.read(tiny.parent) == {}


def test_what_cannot_be_measured_is_said_and_a_cancelled_one_leaves_nothing(tiny, tmp_path):
    job = measure.start(tiny, tmp_path / "data")
    assert measure.newest() is job
    job.cancel()
    assert not job.running
    assert not job.fault
    (tmp_path / "few.npz").unlink()
    job = measure.start(tiny, tmp_path / "data")
    ended(job)
    assert "few.npz" in job.fault
    assert job.fault.endswith(".")
    assert os.listdir(tiny.parent) == ["tiny.safetensors"]
