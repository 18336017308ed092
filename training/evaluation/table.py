"""The table of all checkpoints: their evaluations as JSON, and as Markdown for people."""

import contextlib
import hashlib
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

import msgspec

from training.checkpoint import SUFFIX, Checkpoint
from training.errors import UserError
from training.evaluation.metrics import Evaluation
from training.files import read_regular, replace_file
from training.presets import PRESETS
from training.text import printable, printable_path
from training.vae.image_shape import GREY_28, ImageShape
from training.vae.likelihoods import LIKELIHOODS
from training.vae.priors import find

JSON, MARKDOWN = "evaluations.json", "README.md"
OWN = ".evaluation.json"  # of a checkpoint that was measured by itself, behind its name
MAX_BYTES = 16 * 2**20

# FID as the report publishes it, in Inception's features.
REPORT_FID: dict[str, float] = {
    "report-normal": 131.70,
    "report-n12": 132.02,
    "report-kaiming": 150.65,
    "report-mse": 143.35,
    "report-mae": 98.25,
    "report-perceptual": 323.56,
    "report-perceptual-bce": 180.73,
    "report-perceptual-mse": 176.89,
    "report-10d": 79.72,
}


@dataclass(frozen=True)
class Row:
    """An evaluated checkpoint. `digest` is of the file that was evaluated, `image_shape` that of
    its pictures."""

    name: str
    digest: str
    prior: str
    likelihood: str
    data: str
    evaluation: Evaluation
    report_fid: float | None = None
    image_shape: ImageShape = GREY_28


class TableError(UserError):
    """The table cannot be read or written; the message is a sentence."""


def digest_of(path: Path) -> str:
    """Digest of a checkpoint's file: BLAKE2b of its content, 8 bytes in hex."""
    return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()


def row_of(
    path: Path, digest: str, checkpoint: Checkpoint, data: str, evaluation: Evaluation
) -> Row:
    """The table's row of a checkpoint that was evaluated on `data`."""
    config = checkpoint.vae.config
    return Row(
        path.stem,
        digest,
        config.prior,
        config.likelihood,
        data,
        evaluation,
        REPORT_FID.get(path.stem),
        config.image_shape,
    )


def read(folder: Path) -> dict[str, Row]:
    """The rows in `folder` by name; empty where nothing has been evaluated. A checkpoint that was
    measured by itself has its own.

    Raises:
        TableError: the table's file is damaged.
    """
    path = folder / JSON
    try:
        rows = _rows(msgspec.json.decode(read_regular(path, MAX_BYTES), type=list[Row]))
        return {row.name: row for row in rows} | _measured_alone(folder)
    except FileNotFoundError:
        return _measured_alone(folder)
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise TableError(
            f"{printable_path(path)} cannot be read ({printable(_reason(error))}); make it "
            "again with "
            "`python -m training evaluate --all`."
        ) from None


def _rows(rows: list[Row]) -> list[Row]:
    """The rows, whose families are known; ValueError where one is not."""
    for row in rows:
        find(row.prior)
        if row.likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood {printable(row.likelihood, 40)!r} is not known")
    return rows


def _measured_alone(folder: Path) -> dict[str, Row]:
    """Rows of checkpoints that were measured by themselves and are there; a damaged one is as if
    nothing had been measured."""
    found = {}
    for path in sorted(folder.glob("*" + OWN)):
        name = path.name.removesuffix(OWN)
        if not (folder / (name + SUFFIX)).exists():
            continue
        with contextlib.suppress(OSError, ValueError, RecursionError, msgspec.MsgspecError):
            (row,) = _rows([msgspec.json.decode(read_regular(path, MAX_BYTES), type=Row)])
            found[name] = replace(row, name=name)
    return found


def write_alone(folder: Path, row: Row) -> None:
    """Keep the row of a checkpoint beside it, whatever the table says.

    Raises:
        TableError: the folder cannot be written to.
    """
    content = msgspec.json.encode(row) + b"\n"
    try:
        replace_file(folder / (row.name + OWN), partial(_write_text, content))
    except OSError as error:
        raise TableError(f"{folder} cannot be written to ({error.strerror}).") from None


def copy(folder: Path, name: str, new: str) -> None:
    """Give another checkpoint of the same content what was measured of this one."""
    with contextlib.suppress(TableError):  # it is then measured again
        row = read(folder).get(name)
        if row is not None:
            write_alone(folder, replace(row, name=new, report_fid=REPORT_FID.get(new)))


def forget(folder: Path, name: str) -> None:
    """Remove what was measured of a checkpoint by itself."""
    with contextlib.suppress(OSError):
        (folder / (name + OWN)).unlink()


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")


_MADE_BY = "Written by `python -m training evaluate --all`"


def check(folder: Path) -> None:
    """Check that the table can be written to `folder`, before the work.

    Raises:
        TableError: it cannot, or a README.md there is somebody else's.
    """
    try:
        theirs = (folder / MARKDOWN).read_text(errors="replace")
        if _MADE_BY not in theirs:
            raise TableError(
                f"{folder / MARKDOWN} was not written by this command, and would be lost; move it "
                "away, or name another --folder."
            )
    except FileNotFoundError:
        pass
    except OSError as error:
        raise TableError(f"{folder / MARKDOWN} cannot be read ({error.strerror}).") from None
    if (folder / JSON).is_dir():
        raise TableError(f"{folder / JSON} is a folder; move it away, or name another --folder.")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise TableError(
            f"{folder} cannot be written to ({error.strerror}); name another --folder."
        ) from None


def write(folder: Path, rows: Sequence[Row]) -> None:
    """Write both files, each beside its place and then renamed.

    Raises:
        TableError: the folder cannot be written to.
    """
    content = msgspec.json.format(msgspec.json.encode(list(rows)), indent=1)
    try:
        for name, text in ((JSON, content + b"\n"), (MARKDOWN, markdown(rows).encode())):
            replace_file(folder / name, partial(_write_text, text))
        for row in rows:  # they are in the table now
            forget(folder, row.name)
    except OSError as error:
        raise TableError(
            f"{folder} cannot be written to ({error.strerror}); name another --folder."
        ) from None


def _write_text(text: bytes, file: IO[bytes]) -> None:
    file.write(text)


def number(value: float | None, form: str = ".2f") -> str:
    """A cell: the number, or a dash where there is none."""
    return "–" if value is None else format(value, form)


def in_order(row: Row) -> tuple[int, str]:
    """Sort key of a row: the order of the presets, others behind them by name."""
    names = list(PRESETS)
    return (names.index(row.name) if row.name in names else len(names), row.name)


COLUMNS = (
    "checkpoint",
    "prior",
    "d",
    "trained term",
    "its value",
    "its −ELBO",
    "KL",
    "Bernoulli",
    "−ELBO",
    "IWAE",
    "active",
    "I(x; z)",
    "MIG",
    "5-NN",
    "FID",
    "conf.",
    "H(class)",
    "report's FID",
)


def cells(row: Row) -> tuple[str, ...]:
    """The table's cells of a row, in the order of `COLUMNS`."""
    e, quality = row.evaluation, row.evaluation.quality
    return (
        row.name,
        find(row.prior).title,
        str(e.latent_dim),
        LIKELIHOODS[row.likelihood].formula,
        number(e.reconstruction),
        number(e.neg_elbo),
        number(e.kl if find(row.prior).has_density else None),
        number(e.bernoulli),
        number(e.bernoulli_neg_elbo),
        number(e.iwae),
        f"{e.active_units}",
        number(e.mutual_information),
        number(e.mutual_information_gap, ".3f"),
        number(e.knn_accuracy, ".1%"),
        number(quality.fid if quality else None, ".0f"),
        number(quality.confidence if quality else None, ".1%"),
        number(quality.class_entropy if quality else None),
        number(row.report_fid),
    )


def plain(text: str) -> str:
    """The text as a forge shows it letter by letter in a Markdown file, in a table's cell too."""
    return re.sub(r"([\\`*_\[\]<>|$:~])", r"\\\1", text)


def markdown(rows: Sequence[Row]) -> str:
    """The table with what its columns mean."""
    lines = [
        "# Checkpoints",
        "",
        f"{_MADE_BY}; changes by hand are lost at the next one.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "| --- | --- |" + " ---: |" * (len(COLUMNS) - 2),
        *("| " + " | ".join(map(plain, cells(row))) + " |" for row in rows),
        "",
        _notes(rows),
    ]
    return "\n".join(lines)


_NOTES = """\
Over {images} test images of {data}, nats per image (sums over pixels), one sample of z an image;
the KL is exact. A lower −ELBO, bound and FID are better, and a higher 5-NN accuracy, confidence and
entropy; of the KL, the information and the active units, neither more nor less is.

- **trained term**: what the model was trained to make small beside the KL, and its value. **its
  −ELBO** adds the KL and the likelihood's constant, so that the term is −log p(x|z): {constants}.
  Densities of grey levels are no probabilities of pixels: these numbers stand beside no others.
  Perceptual terms are distances in a classifier's features, not likelihoods, and no ELBO is
  claimed for them.
- **Bernoulli, −ELBO**: the same pictures read as the probabilities of a Bernoulli p(x|z), whatever
  was trained: one quantity for all rows, from which the −ELBO of those that claim one is made.
- **IWAE**: the importance-weighted bound on that Bernoulli's −log p(x), {bound} samples, the first
  {some} images (Burda, Grosse & Salakhutdinov 2016). The −ELBO is over all of them, so the
  difference of the two is not how much tighter the bound is.
- **active**: latent dimensions whose mean has a variance of more than 0.01 over the images.
  **I(x; z)**: mutual information under q (Hoffman & Johnson 2016); its estimate cannot exceed the
  logarithm of the number of images (9.21 for 10,000). **MIG**: mutual information gap (Chen, Li,
  Grosse & Duvenaud 2018) of the factors that are known of the images: how much more of a factor its
  best latent dimension tells than the second best, as a share of its entropy. **5-NN**: share of
  the test images whose class the five nearest training codes tell.
{quality}- **report's FID**: as the report publishes it, in Inception's features and of its own
  weights: not the same quantity as ours.
"""


_QUALITY = """\
- **FID**: Fréchet distance of {samples} pictures decoded from the prior to all test images, in the
  features of the {features}; other samples change it by a few per cent.
  **conf.** and **H(class)**: the digit classifier's mean confidence in those samples, and the
  entropy of its mean class probabilities (log 10 = 2.30 where all classes are equally frequent).
"""


def _notes(rows: Sequence[Row]) -> str:
    shapes = {row.image_shape for row in rows} or {GREY_28}
    evaluations = [row.evaluation for row in rows]
    judged = [e.quality for e in evaluations if e.quality]
    quality = _QUALITY.format(
        samples=_all_of(q.samples for q in judged),
        features=_all_of({_FEATURES[q.features] for q in judged}),
    )
    return _NOTES.format(
        images=_all_of(e.images for e in evaluations),
        data=_all_of(row.data for row in rows),
        constants="; ".join(
            _constants(shape) + (f" ({shape})" if len(shapes) > 1 else "")
            for shape in sorted(shapes, key=str)
        ),
        bound=_all_of(e.k for e in evaluations),
        some=_all_of(e.iwae_images for e in evaluations),
        quality=quality if judged else "",
    )


def _constants(shape: ImageShape) -> str:
    """The likelihoods' constants for pictures of a shape, in nats per image."""
    found = [(row.constant(shape), row.formula) for row in LIKELIHOODS.values()]
    return ", ".join(f"{constant:.2f} for {formula}" for constant, formula in found if constant)


_FEATURES = {
    "classifier": "digit classifier's penultimate layer",
    "inception": "last pooled layer of Inception v3 (ImageNet)",
}


def _all_of(values: Iterable[object]) -> str:
    """Text of the different values, one where all rows have the same."""
    found = sorted(set(values), key=str)
    return ", ".join(f"{v:,}" if isinstance(v, int) else str(v) for v in found) or "no"
