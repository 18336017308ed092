"""What the command line takes out of a checkpoint: tables of codes, and films."""

import io
from dataclasses import replace

import av
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageSequence

from explorer.__main__ import main
from explorer.figures import film
from tests.test_house import ROOT
from training import checkpoint
from training.data import datasets
from training.data.datasets import to_float
from training.evaluation import image_terms
from training.fit.session import train
from training.presets import PRESETS
from training.runs.run import Run, RunConfig, snapshot_steps


@pytest.fixture(scope="module")
def vae():
    return checkpoint.load(ROOT / "checkpoints" / "gamma.safetensors").vae


@pytest.fixture(scope="module")
def digits():
    """All images that the page shows of the embedded set, in its order."""
    return datasets.join([datasets.load("mnist-5k", part) for part in ("train", "test")])


def run(*options: object) -> int:
    return main([str(option) for option in options])


def test_tables_hold_codes_and_terms_the_same_in_each_kind(tmp_path, vae, digits):
    read = {}
    for kind in ("csv", "parquet", "npz"):
        out = tmp_path / f"codes.{kind}"
        options = ("--data", "mnist-5k", "--images", 40, "--terms", "--out", out)
        assert run("codes", "gamma", *options) == 0
        read[kind] = out
    x = to_float(digits.images[:40])
    with torch.no_grad():
        q = vae.encode(x)
        terms = image_terms.terms(vae, x)
    csv, parquet = pd.read_csv(read["csv"]), pd.read_parquet(read["parquet"])
    assert csv["class"].astype(str).tolist() == [digits.classes[n] for n in digits.labels[:40]]
    for table in (csv, parquet):
        assert table["image"].tolist() == list(range(40))
        np.testing.assert_allclose(table[["mu_1", "mu_2"]], q.mu, rtol=1e-5)
        np.testing.assert_allclose(table[["std_1", "std_2"]], q.std, rtol=1e-5)
        np.testing.assert_allclose(table[["kl_1", "kl_2"]], vae.prior.kl(q), rtol=1e-4)
        np.testing.assert_allclose(table["reconstruction"], terms.reconstruction, rtol=1e-5)
        np.testing.assert_allclose(table["log_p"], terms.log_p, rtol=1e-5)
    with np.load(read["npz"], allow_pickle=False) as arrays:
        np.testing.assert_allclose(arrays["mu"], q.mu, rtol=1e-5)
        assert arrays["kl"].shape == (40, 2)
        assert arrays["class"].tolist() == csv["class"].astype(str).tolist()


def frames_of(content: bytes) -> list[np.ndarray]:
    found = ImageSequence.Iterator(Image.open(io.BytesIO(content)))
    return [np.asarray(frame.convert("RGB")).astype(int) for frame in found]


def test_a_walk_begins_at_one_image_turns_at_the_other_and_comes_back(tmp_path, vae, digits):
    out = tmp_path / "walk.webp"
    options = ("--data", "mnist-5k", "--from", 3, "--to", 8, "--seconds", 1, "--side", 28)
    assert run("film", "gamma", *options, "--out", out) == 0
    frames = frames_of(out.read_bytes())
    with torch.no_grad():
        ends = vae.picture(vae.encode(to_float(digits.images[[3, 8]])).mu).numpy()
    assert 22 <= len(frames) <= 25  # those that are alike are one
    away = np.array([[np.abs(f[..., 0].ravel() - 255 * e).mean() for f in frames] for e in ends])
    assert away[0, 0] == away[0].min() < 1
    assert 10 <= away[1].argmin() <= 13
    assert away[1].min() < 2
    assert away[0, -1] < 3 < 15 < away[0].max()  # it comes back


def test_a_training_is_a_film_of_its_snapshots(tmp_path, monkeypatch):
    runs = tmp_path / "runs"
    monkeypatch.setenv("VAE_RUN_DIR", str(runs))
    preset = replace(PRESETS["mnist-5k-2d"], epochs=2)
    config = RunConfig(preset, 0, "data", "cpu", 1, out=str(tmp_path / "short.safetensors"))
    made = Run(runs / "short")
    train(made, config, fresh=True)
    out = tmp_path / "training.gif"
    assert run("film", "short", "--run", "--seconds", 2, "--side", 120, "--out", out) == 0
    frames = frames_of(out.read_bytes())
    assert frames[0].shape == (120, 240, 3)
    assert len(snapshot_steps(made.snapshots)) > 3
    halves = [[frame[:, :120], frame[:, 120:]] for frame in (frames[0], frames[-1])]
    for first, last in zip(*halves, strict=True):
        assert np.abs(first - last).mean() > 5  # codes have moved, and so has the grid


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_films_by_ffmpeg_have_the_frames_in_their_order(kind):
    levels = [20, 120, 230, 60]
    made = (np.full((64, 96, 3), level, np.uint8) for level in levels)
    with av.open(io.BytesIO(film.packed(made, kind, 25))) as container:
        found = [frame.to_ndarray(format="rgb24").mean() for frame in container.decode(video=0)]
    np.testing.assert_allclose(found, levels, atol=4)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("codes", "gamma", "--out", "a.xlsx"), "end it in .csv, .parquet, .npz"),
        (("codes", "gamma", "--out", "a.csv", "--images", "0"), "choose 1 or more"),
        (("film", "gamma", "--out", "a.avi"), "end it in .gif, .webp, .mp4, .webm"),
        (("film", "gamma", "--out", "a.gif", "--from", "5000"), "numbered 0 to 4999"),
        (("film", "gamma", "--out", "a.gif", "--dim", "3"), "choose 1 to 2"),
        (("film", "gamma", "--out", "a.gif", "--seconds", "0"), "choose 0.5 to 60"),
        (("film", "nobody", "--run", "--out", "a.gif"), "There is no run nobody"),
        (("film", "nobody", "--out", "a.gif"), "There is no checkpoint"),
        (("codes", "gamma", "--out", "nowhere/a.csv", "--images", "2"), "name another with --out"),
    ],
)
def test_what_cannot_be_made_is_said_in_a_sentence(
    options, sentence, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    data = () if "--run" in options else ("--data", "mnist-5k")
    assert run(*options, *data) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
