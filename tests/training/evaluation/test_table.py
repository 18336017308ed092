"""The table of checkpoints: written, read again, and read by people."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.training.importing.networks import network
from training import checkpoint
from training.__main__ import main
from training.checkpoint import Checkpoint, Metrics
from training.data import datasets
from training.evaluation import table
from training.evaluation.metrics import Evaluation
from training.evaluation.sample_quality import Quality
from training.evaluation.table import TableError
from training.importing import import_vae
from training.presets import PRESETS
from training.vae.model import VAE, VAEConfig
from training.vae.priors import find

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = {
    "report-normal": "131.70",
    "report-n12": "132.02",
    "report-kaiming": "150.65",
    "report-mse": "143.35",
    "report-mae": "98.25",
    "report-perceptual": "323.56",
    "report-perceptual-bce": "180.73",
    "report-perceptual-mse": "176.89",
    "report-10d": "79.72",
    "report-perceptual-10d": "–",
    "report-gamma": "–",
}


def evaluation(likelihood, d, n):
    claimed = "perceptual" not in likelihood
    some = dict.fromkeys(("neg_elbo", "iwae"), 100.5 + n if claimed else None)
    return Evaluation(
        reconstruction=90.25 + n,
        kl=5.125,
        bernoulli=92.0,
        bernoulli_neg_elbo=97.125 if claimed else None,
        active_units=d,
        mutual_information=4.5,
        kl_per_dim=(5.125 / d,) * d,
        latent_dim=d,
        k=500,
        iwae_images=1000,
        images=10_000,
        knn_accuracy=0.75 if n % 2 else None,
        quality=Quality(12.5, "classifier", 0.9, 2.2, 10_000) if n % 2 else None,
        **some,
    )


@pytest.fixture
def rows(tmp_path):
    found = []
    for n, name in enumerate(PUBLISHED):
        path, model = tmp_path / f"{name}.safetensors", PRESETS[name].model
        path.write_bytes(name.encode())
        result = evaluation(model.likelihood, model.latent_dim, n)
        vae = SimpleNamespace(vae=SimpleNamespace(config=model))
        found.append(table.row_of(path, table.digest_of(path), vae, "mnist", result))
    return found


def cells(text):
    """The cells of the Markdown table by column, a row a line; a \\| is no end of a cell."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    parts = [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    assert parts[0] == list(table.COLUMNS)
    return [dict(zip(parts[0], row, strict=True)) for row in parts[2:]]


def test_the_table_comes_back_as_it_was_and_has_a_row_a_checkpoint(rows, tmp_path):
    table.write(tmp_path, rows)
    assert table.read(tmp_path) == {row.name: row for row in rows}
    assert len({row.digest for row in rows}) == 11
    written = cells((tmp_path / table.MARKDOWN).read_text())
    assert {row["checkpoint"]: row["report's FID"] for row in written} == PUBLISHED
    for n, row in enumerate(written):
        distance = "perceptual" in row["checkpoint"]
        for column in ("its −ELBO", "−ELBO", "IWAE"):
            assert (row[column] == "–") == distance
        assert row["its value"] == f"{90.25 + n:.2f}"
        assert (row["FID"], row["5-NN"]) == (("12", "75.0%") if n % 2 else ("–", "–"))
        assert row["d"] == ("10" if "10d" in row["checkpoint"] else "2")
    odd = replace(rows[0], name="a|b_*<i>*")
    first = cells(table.markdown([odd]))[0]["checkpoint"]
    assert first == r"a\|b\_\*\<i\>\*"  # no mark of Markdown's, and no end of a cell
    assert written[4]["trained term"] == "Σ\\|x − x̂\\|"
    assert written[2]["prior"] == "N(1, 2²)"
    mixed = sorted([*rows[::-1]], key=table.in_order)
    assert [row.name for row in mixed] == list(PUBLISHED)


def test_a_table_that_is_missing_is_empty_and_a_damaged_one_a_sentence(rows, tmp_path):
    assert table.read(tmp_path) == {}
    table.write(tmp_path, rows)
    whole = (tmp_path / table.JSON).read_bytes()
    for content in (b"", whole[:-40], b"{}", whole.replace(b'"kl"', b'"kI"', 1), b"\xff" + whole):
        (tmp_path / table.JSON).write_bytes(content)
        with pytest.raises(TableError, match=r"evaluations\.json cannot be read.*evaluate --all"):
            table.read(tmp_path)
    with pytest.raises(TableError, match="cannot be written to"):
        table.write(tmp_path / "nowhere", rows)


def test_all_checkpoints_of_a_folder_are_evaluated_into_it_and_the_damaged_named(tmp_path, capsys):
    folder = tmp_path / "c"
    for name, d in (("one", 1), ("report-10d", 3)):
        fit = ["fit", "mnist-5k-2d", "--epochs", "1", "--batch-size", "250"]
        places = ["--out", str(folder / f"{name}.safetensors"), "--run-dir", str(tmp_path / name)]
        assert main([*fit, "--latent-dim", str(d), "--device", "cpu", *places]) == 0
    (folder / "bad.safetensors").write_bytes(b"no such thing")
    capsys.readouterr()
    few = ["--images", "150", "--iwae-images", "50", "--k", "3", "--samples", "120"]
    assert main(["evaluate", "--all", "--folder", str(folder), *few]) == 2
    out, error = capsys.readouterr()
    assert error.startswith("error: bad.safetensors is damaged")
    assert error.count("\n") == 1
    assert "2 rows" in out
    found = table.read(folder)
    assert list(found) == ["report-10d", "one"]
    for name, row in found.items():
        e = row.evaluation
        assert row.digest == table.digest_of(folder / f"{name}.safetensors")
        assert (row.data, e.images, e.iwae_images, e.k) == ("mnist-5k", 150, 50, 3)
        assert e.quality.samples == 120
        assert e.neg_elbo == pytest.approx(e.reconstruction + e.kl)
        assert 0.1 < e.knn_accuracy < 1
    assert found["one"].evaluation.latent_dim == 1
    written = cells((folder / table.MARKDOWN).read_text())
    assert [(row["checkpoint"], row["report's FID"]) for row in written] == [
        ("report-10d", "79.72"),
        ("one", "–"),
    ]
    assert "Over 150 test images of mnist-5k" in (folder / table.MARKDOWN).read_text()
    alone = ["evaluate", "--all", str(folder / "one.safetensors")]
    assert main(alone) == 2
    assert "not both" in capsys.readouterr().err


def test_networks_of_others_are_measured_on_the_pictures_that_came_with_them(tmp_path, capsys):
    for name in ("conditional", "no_variance", "decoder_only"):
        own = network(name)
        import_vae(
            *(own.encoder, own.decoder, own.pictures), name=name, out=tmp_path / name, **own.options
        )
    assert main(["evaluate", "--all", "--folder", str(tmp_path), "--k", "4"]) == 0
    assert "decoder_only" in capsys.readouterr().out
    rows = table.read(tmp_path)
    assert set(rows) == {"conditional", "no_variance"}
    found = checkpoint.load(tmp_path / "conditional.safetensors")
    x = datasets.to_float(found.examples.images)
    with torch.no_grad():  # each image is told its own label
        q = found.vae.encode(x, found.examples.labels[:, None].float())
        kl = float(found.vae.prior.kl(q).sum(-1).mean())
    told = rows["conditional"].evaluation
    assert told.kl == pytest.approx(kl, rel=1e-4)
    assert (told.latent_dim, told.images, told.knn_accuracy) == (3, 8, None)
    point = dict(zip(table.COLUMNS, table.cells(rows["no_variance"]), strict=True))
    assert (point["KL"], point["−ELBO"], point["IWAE"], point["active"]) == ("–", "–", "–", "3")


def test_a_readme_of_somebody_elses_and_overflowing_weights_are_told(tmp_path, capsys):
    few = ["--images", "50", "--iwae-images", "20", "--k", "2", "--samples", "50"]
    (tmp_path / "README.md").write_text("my notes")
    assert main(["evaluate", "--all", "--folder", str(tmp_path)]) == 2
    assert "was not written by this command" in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text() == "my notes"
    (tmp_path / "README.md").unlink()
    torch.manual_seed(0)
    vae = VAE(VAEConfig(2, (64,) * 8, (20,)))
    with torch.no_grad():
        for parameter in vae.encoder.parameters():
            parameter.fill_(6e4)
    made = Checkpoint("wild", vae, PRESETS["mnist-5k-2d"], 0, "mnist-5k", (), Metrics(1, 1, 10))
    checkpoint.save(made, tmp_path / "wild.safetensors")
    assert main(["evaluate", "--all", "--folder", str(tmp_path), *few]) == 2
    assert "weights overflow" in capsys.readouterr().err
    out = tmp_path / "classifier.safetensors"
    assert main(["fit", "mnist-5k-2d", "--out", str(out)]) == 2
    assert "is the classifier's" in capsys.readouterr().err


def test_the_readme_says_what_was_measured_and_our_own_models_beat_their_rows():
    found = table.read(ROOT / "checkpoints")
    own = [row for row in found.values() if not row.name.startswith("report-")]
    ours = {row.name: row for row in own if row.data == "mnist"}

    def values(row):
        e = row.evaluation
        return (e.bernoulli_neg_elbo, e.iwae, 100 * e.knn_accuracy, e.quality.fid)

    lines = [line for line in (ROOT / "README.md").read_text().splitlines() if "-D | **" in line]
    told = {}
    for line in lines:
        name, _, *numbers, rows = [cell.strip() for cell in line.split("|")[1:-1]]
        told[name.strip("`")] = rows
        written = [float(n.strip("*%").replace(" %", "").replace(",", "")) for n in numbers]
        exact = values(ours[name.strip("`")])
        assert written == [round(v, 0 if n == 3 else 1) for n, v in enumerate(exact)]
    assert set(told) == set(ours)
    sprites = found["sprites-64"].evaluation
    said = (
        f"−ELBO {sprites.neg_elbo:.1f}, mutual information gap {sprites.mutual_information_gap:.2f}"
    )
    plain = found["sprites-64-vae"].evaluation
    beside = f"{plain.neg_elbo:.1f} and {plain.mutual_information_gap:.2f}"
    assert said in (ROOT / "README.md").read_text()
    assert f"the same with β = 1: {beside}." in (ROOT / "README.md").read_text()
    assert sprites.mutual_information_gap > 2 * plain.mutual_information_gap
    for name, row in ours.items():
        same = (find(row.prior).title, row.evaluation.latent_dim)
        rows = [
            r
            for r in found.values()
            if r.name in PUBLISHED and (find(r.prior).title, r.evaluation.latent_dim) == same
        ]
        bounds = [r.evaluation.bernoulli_neg_elbo for r in rows if r.evaluation.bernoulli_neg_elbo]
        fids = [r.evaluation.quality.fid for r in rows]
        assert bool(bounds) == bool(fids) == bool(told[name])
        for value, theirs, form in (
            (row.evaluation.bernoulli_neg_elbo, bounds, ".1f"),
            (row.evaluation.quality.fid, fids, ",.0f"),
        ):
            if theirs:
                assert value < 0.9 * min(theirs)
                assert format(min(theirs), form) in told[name]
    assert {r.name for r in found.values()} - set(ours) == {
        *PUBLISHED,
        "sprites-64",
        "sprites-64-vae",
    }
