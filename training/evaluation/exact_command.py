"""The command `exact`: exact quantities of images of a model with two latent dimensions."""

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint, CheckpointError
from training.console import progress_bar, say
from training.data.datasets import EMBEDDED, DataError, to_float
from training.data.download import load_split
from training.errors import OptionError
from training.evaluation.exact import Exact, ExactError, Plane, exact
from training.evaluation.exact_many import exact_many
from training.files import checkpoint_dir, replace_file
from training.text import printable, printable_path
from training.vae.elbo import iwae
from training.vae.model import VAE

K = (1, 10, 100, 1000, 5000)  # of the bounds L_k in the table
JSON = "exact.json"  # in the folder of the checkpoints, of a table that is written
AT_ONCE = 50  # images whose coarse grids are kept


def add_arguments(sub: argparse.ArgumentParser, data_dir: dict[str, Any]) -> None:
    """The options of `python -m training exact`."""
    sub.add_argument("checkpoint", type=Path, nargs="?")
    sub.add_argument("--all", action="store_true", help="every one in --folder, as a table")
    sub.add_argument("--folder", type=Path, default=checkpoint_dir())
    sub.add_argument("--images", type=int, default=20, help="the first N test images")
    sub.add_argument("--data", default=EMBEDDED, help="the data set")
    sub.add_argument("--data-dir", **data_dir)
    sub.add_argument("--best", action="store_true", help="also the best Gaussian q of each image")
    sub.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object an image, with its best Gaussian q",
    )
    sub.add_argument("--out", type=Path, help="the Markdown file of --all (default: the screen)")


def run(args: argparse.Namespace) -> None:
    """Print exact quantities of the first test images, or write a table of all checkpoints.

    Raises:
        CheckpointError, DataError, OptionError: with a sentence that says what to do.
    """
    if not 1 <= args.images <= 100_000:
        raise OptionError(f"--images {args.images} is not possible; choose 1 to 100,000.")
    if args.all == (args.checkpoint is not None):
        raise OptionError("Name a checkpoint, or give --all for every one in --folder.")
    if args.all:
        _all(args)
        return
    found = checkpoints.load(args.checkpoint)
    x = _images(args, found)
    for number, one in enumerate(_each(found, x, args.best or args.json)):
        if args.json:
            say(json.dumps({"image": number, **asdict(one)}))
        else:
            best = (
                "" if one.best_gaussian_elbo is None else f"  best q {one.best_gaussian_elbo:.3f}"
            )
            say(
                f"image {number:>4}  log p(x) {one.log_p:>9.3f}  ELBO {one.elbo:>9.3f}  "
                f"gap {one.gap:>8.3f}{best}"
            )


def _images(args: argparse.Namespace, found: Checkpoint) -> Tensor:
    test = load_split(args.data, "test", args.data_dir)
    if test.shape != found.vae.shape:
        raise DataError(
            f"{printable(found.name)} is for pictures of {found.vae.shape}, and {args.data} has "
            f"{test.shape}; choose another with --data."
        )
    return to_float(test.images[: args.images])


def _plane(found: Checkpoint, x: Tensor) -> Plane:
    try:
        with torch.no_grad():
            return Plane(found.vae, found.vae.encode(x).mu)
    except ExactError as error:
        raise CheckpointError(f"{printable(found.name)}: {error}") from None


def _each(found: Checkpoint, x: Tensor, best: bool) -> Iterator[Exact]:
    plane = _plane(found, x)
    for rows in x.split(AT_ONCE):
        coarse = plane.coarse(rows)
        for one, known in zip(rows, coarse, strict=True):
            yield exact(plane, one, known, best)


def _mean(values: list[float]) -> tuple[float, float]:
    """A mean and its standard error."""
    n, mean = len(values), math.fsum(values) / len(values)
    variance = math.fsum((v - mean) ** 2 for v in values) / max(1, n - 1)
    return mean, math.sqrt(variance / n)


def measured(found: Checkpoint, x: Tensor) -> dict[str, Any]:
    """Means over images (B, n) of a model with two latent dimensions and their standard errors:
    `log_p`, `elbo`, `gap` and `l_k` (by k), each [mean, standard error], the share of images whose
    gap is above 5 nats, `missed`, and the largest `error`.

    Raises:
        CheckpointError: there is no such integral.
    """
    plane, values = _plane(found, x), []
    with progress_bar(total=len(x), unit="image", desc=printable(found.name)) as bar:
        for one in exact_many(plane, x):
            values.append(one)
            bar.update(1)
    made: dict[str, Any] = {"name": found.name, "images": len(x)}
    for name in ("log_p", "elbo", "gap"):
        made[name] = _mean([getattr(v, name) for v in values])
    made["missed"] = sum(v.gap > 5 for v in values) / len(values)
    made["error"] = max(v.error for v in values)
    made["l_k"] = _bounds(found.vae, x)
    return made


def _bounds(vae: VAE, x: Tensor) -> dict[str, tuple[float, float]]:
    """L_k for each of `K`, from the first k of the same samples."""
    generator = torch.Generator().manual_seed(0)
    found, done = {}, 0
    total = torch.full((len(x),), -math.inf, dtype=torch.float64)  # log Σ p(x, z) / q(z|x)
    for k in K:
        more = k - done
        part = math.log(more) - iwae(vae, x, more, generator).double()
        total, done = torch.logaddexp(total, part), k
        found[str(k)] = _mean((total - math.log(k)).tolist())
    return found


def _cells(row: dict[str, Any]) -> list[str]:
    numbers = [row["log_p"], row["elbo"], row["gap"]]
    texts = [f"{mean:.2f} ± {error:.2f}" for mean, error in (*numbers, *row["l_k"].values())]
    return [row["name"], *texts[:3], f"{row['missed']:.0%}", *texts[3:]]


def read(folder: Path) -> dict[str, Any]:
    """The table in a folder of checkpoints: rows as `measured` gives them under `checkpoints`, and
    under `before` those of models as they were with another encoder; empty where there is none."""
    try:
        found = json.loads((folder / JSON).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _all(args: argparse.Namespace) -> None:
    heads = ["checkpoint", "log p(x)", "ELBO", "gap", "gap > 5", *(f"L{k:,}" for k in K)]
    lines = [
        f"Means over the first {args.images:,} test images of {args.data} with standard errors, "
        "nats per image.",
        "",
        f"| {' | '.join(heads)} |",
        f"| --- |{' ---: |' * (len(heads) - 1)}",
    ]
    rows: list[dict[str, Any]] = []
    for path, item in checkpoints.list_checkpoints(args.folder):
        if isinstance(item, str):
            say(item)
            continue
        try:
            row = measured(item, _images(args, item))
        except (CheckpointError, DataError) as error:  # it has none, and the others have
            say(f"{printable(path.stem)} is left out. {error}")
            continue
        rows.append(row)
        lines.append(f"| {' | '.join(_cells(row))} |")
        say(lines[-1])
    text = "\n".join(lines) + "\n"
    if args.out is None:
        say(text)
        return
    try:
        args.out.write_text(text, "utf-8")
        kept = {"before": before} if (before := read(args.folder).get("before")) else {}
        content = json.dumps({"data": args.data, "checkpoints": rows, **kept}, indent=1) + "\n"
        replace_file(args.folder / JSON, lambda file: file.write(content.encode()))
    except OSError as error:
        raise CheckpointError(
            f"{printable_path(args.out)} cannot be written ({error.strerror}); name another file "
            "with --out."
        ) from None
    say(f"Wrote {printable_path(args.out)}.")
