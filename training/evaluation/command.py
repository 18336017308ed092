"""The command `evaluate`: one checkpoint on the screen, or all of them into the table."""

import argparse
import json
import math
import time
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint, CheckpointError
from training.console import progress_bar, say
from training.data.datasets import EMBEDDED, DataError, ImageSet, misfit
from training.data.download import load_split
from training.device import pick_device
from training.errors import OptionError
from training.evaluation import table
from training.evaluation.metrics import Evaluation, codes_of, evaluate_steps, knn_accuracy
from training.evaluation.sample_quality import Judge, Quality
from training.text import printable
from training.vae import classifier


class Progress(NamedTuple):
    """How far a measurement is, as `--keep` prints it: what is counted, how many of how many."""

    what: str
    done: int
    total: int


WITH_IT = "the pictures that came with it"
MOST = 1_000_000  # of samples or images; more is a slip of the hand


def run(args: argparse.Namespace) -> None:
    """`python -m training evaluate`.

    Raises:
        OptionError, CheckpointError, DataError, ClassifierError, QualityError, TableError: with a
            sentence that says what to do.
    """
    for name, least in (("k", 1), ("iwae_images", 1), ("samples", 2), ("images", 2)):
        if not least <= getattr(args, name, least) <= MOST:
            raise OptionError(
                f"--{name.replace('_', '-')} {getattr(args, name)} is not possible; choose a "
                f"number from {least} to {MOST:,}."
            )
    session = _Session(args)
    if args.all:
        if args.checkpoint is not None:
            raise OptionError("Name a checkpoint or give --all, not both.")
        if args.json:
            raise OptionError(
                f"--json is for one checkpoint; --all writes {args.folder / table.JSON}."
            )
        if session.net is not None:  # FIDs in other features do not stand in one column
            raise OptionError("--classifier is for one checkpoint; the table has the digits' one.")
        _all(args, session)
        return
    if args.checkpoint is None:
        raise OptionError("Name a checkpoint, or give --all for every one in --folder.")
    if args.keep:
        _keep(args.checkpoint, session)
        return
    found = checkpoints.load(args.checkpoint)
    data, result = session.evaluate(found)
    if args.json:
        say(json.dumps({"checkpoint": found.name, "data": data, **asdict(result)}))
        return
    say(
        f"{printable(found.name)} on {result.images:,} {'' if data == WITH_IT else 'test images '}"
        f"of {printable(data)}, nats per image"
    )
    for title, value, note in _lines(found, result, session.net):
        say(f"  {title:<27}{value:>9}   {note}".rstrip())
    if data == EMBEDDED and found.data != EMBEDDED:
        say(
            "The embedded digits are of MNIST's training images: a model that was trained on those "
            "has seen them, and looks better here than it is."
        )


def _all(args: argparse.Namespace, session: "_Session") -> None:
    folder: Path = args.folder
    rows, bad = [], []
    table.check(folder)
    for path, item in checkpoints.list_checkpoints(folder):
        if isinstance(item, str):
            bad.append(item)
            continue
        if item.vae.encoder is None:
            say(f"{printable(path.stem):<24} a decoder alone, without terms: it has no row")
            continue
        digest = table.digest_of(path)  # of what was loaded just now
        try:
            data, result = session.evaluate(item)
        except (DataError, CheckpointError) as error:  # the others can be measured without it
            bad.append(f"{printable(path.name)}: {error}")
            continue
        rows.append(table.row_of(path, digest, item, data, result))
        own = table.number(result.neg_elbo)
        fid = table.number(result.quality.fid if result.quality else None)
        kl = table.number(result.kl if item.vae.prior.has_density else None)
        say(f"{printable(path.stem):<24} −ELBO {own:>8}   KL {kl:>6}   FID {fid:>8}")
    if bad and not rows:
        raise CheckpointError(" ".join(bad))
    if not rows:
        raise CheckpointError(
            f"{folder} holds no checkpoint that can be evaluated; make one with `python -m "
            "training fit mnist-5k-2d`."
        )
    table.write(folder, sorted(rows, key=table.in_order))
    say(f"Wrote {folder / table.MARKDOWN} and {folder / table.JSON}, {len(rows)} rows.")
    if bad:
        raise CheckpointError(" ".join(bad))


def _keep(path: Path, session: "_Session") -> None:
    """Write a checkpoint's row beside it, and tell programs how far it is."""
    session.tells = True
    found, digest = checkpoints.load(path), table.digest_of(path)
    data, result = session.evaluate(found)
    table.write_alone(path.parent, table.row_of(path, digest, found, data, result))


class _Session:
    """Images and judges, which several checkpoints share."""

    tells = False  # its progress to a program, and not to people

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.device = args, pick_device(args.device)
        self._images: dict[tuple[str, str], ImageSet | DataError] = {}
        self._judges: dict[str, Judge] = {}
        own = getattr(args, "classifier", None)
        self.net = None if own is None else classifier.load(own).to(self.device)

    def images(self, data: str, split: Any) -> ImageSet:
        key = (data, split)
        if key not in self._images:
            try:
                self._images[key] = load_split(data, split, self.args.data_dir)
            except DataError as error:  # the next checkpoint need not wait for the network again
                self._images[key] = error
        found = self._images[key]
        if isinstance(found, DataError):
            raise found
        return found

    def evaluate(self, found: Checkpoint) -> tuple[str, Evaluation]:
        """The name of the data set that it was evaluated on, and what came out."""
        args, vae = self.args, found.vae.to(self.device)
        if vae.encoder is None:
            raise CheckpointError(
                f"{printable(found.name)} is a decoder alone: without q(z|x) there are no terms of "
                "images to measure."
            )
        data, test = self._test(found)
        if test.shape != vae.shape:
            raise DataError(f"{misfit(data, test.shape, found.name, vae.shape)}.")
        if len(test) < 2:
            raise DataError(
                f"{printable(data)} has {len(test)} test image; an evaluation needs two or more."
            )
        some = test.take(torch.arange(min(len(test), getattr(args, "images", len(test)))))
        images = some.images
        # Of other pictures the digits' classifier knows nothing: their samples are not judged.
        known = self.net is not None or test.shape == classifier.SHAPE
        judged = args.fid != "none" and known and data != WITH_IT  # those are few
        judge = self._judge(data, test) if judged else None
        own = vae.labels_of(some.labels, len(test.classes))
        steps = evaluate_steps(
            vae,
            images.to(self.device),
            args.k,
            args.seed,
            iwae_images=args.iwae_images,
            factors=some.factors,
            labels=own,
        )
        result: Evaluation = self._last(steps, len(images), f"{printable(found.name)}: terms")
        codes = codes_of(vae, images.to(self.device), labels=own)
        if not bool(torch.isfinite(codes).all()) or not _numbers(result):
            raise CheckpointError(
                f"{printable(found.name)} gives codes or terms that are not numbers: its "
                "weights overflow."
            )
        if judge is not None:
            counted = judge.judge_steps(vae, args.samples, args.seed)
            what = f"{printable(found.name)}: samples"
            quality: Quality = self._last(counted, args.samples, what)
            result = replace(result, quality=quality)
        if data == WITH_IT:
            return data, result
        train = self.images(data, "train")
        accuracy = knn_accuracy(
            codes_of(
                vae,
                train.images.to(self.device),
                labels=vae.labels_of(train.labels, len(train.classes)),
            ),
            train.labels,
            codes,
            some.labels,
        )
        return data, replace(result, knn_accuracy=accuracy)

    def _last(self, steps: Iterable[Any], total: int, what: str) -> Any:
        return _last(_told(steps, total, what) if self.tells else steps, total, what)

    def _test(self, found: Checkpoint) -> tuple[str, ImageSet]:
        """Images to evaluate a checkpoint on, with their name: those of --data, those of its data
        set or, of a network of somebody else's whose data set is not known, those with it."""
        own = found.images_with_it
        if not hasattr(self.args, "data") and not found.data:
            if own is None:
                raise CheckpointError(
                    f"{printable(found.name)} names no data set; choose one with --data."
                )
            return WITH_IT, own
        data = getattr(self.args, "data", found.data)
        return data, self.images(data, "test")

    def _judge(self, data: str, test: ImageSet) -> Judge:
        if data not in self._judges:
            self._judges[data] = Judge(
                test.images, self.args.fid, self.device, test.shape, self.net
            )
        return self._judges[data]


def _numbers(e: Evaluation) -> bool:
    """Whether all measures are finite, those that there are."""
    found = (e.reconstruction, e.kl, e.bernoulli, e.iwae, e.mutual_information, *e.kl_per_dim)
    return all(value is None or math.isfinite(value) for value in found)


def _told(steps: Iterable[Any], total: int, what: str) -> Iterable[Any]:
    """The same, each number of them printed on a line, a few in a second."""
    last = -math.inf
    for item in steps:
        if isinstance(item, int) and time.monotonic() - last > 0.2:
            last = time.monotonic()
            say(json.dumps(Progress(what.rpartition(": ")[2], item, total)))
        yield item


def _last(steps: Iterable[Any], total: int, what: str) -> Any:
    """The last item; the numbers before it move a bar."""
    result = None
    with progress_bar(total=total, desc=what, leave=False, delay=1) as bar:
        for item in steps:
            if isinstance(item, int):
                bar.update(item - bar.n)
            else:
                result = item
    return result


def _lines(
    found: Checkpoint, e: Evaluation, net: classifier.Classifier | None = None
) -> list[tuple[str, str, str]]:
    row, constant = found.vae.likelihood, found.vae.likelihood.constant(found.vae.shape)
    lines = [("reconstruction", f"{e.reconstruction:.2f}", f"{row.formula}, one z an image")]
    if found.vae.prior.has_density:
        lines.append(("KL", f"{e.kl:.2f}", "closed form"))
    else:
        lines.append(("KL", "none", "a code is a point"))
    if e.neg_elbo is None:
        lines.append(("−ELBO", "none", f"{row.title} is no likelihood"))
    elif constant:
        lines.append(("−ELBO", f"{e.neg_elbo:.2f}", f"with the constant {constant:.2f}"))
    else:
        lines.append(("−ELBO", f"{e.neg_elbo:.2f}", ""))
    if constant != 0.0:
        lines.append(("Bernoulli reconstruction", f"{e.bernoulli:.2f}", "x̂ read as probabilities"))
    if constant and e.bernoulli_neg_elbo is not None:
        lines.append(("Bernoulli −ELBO", f"{e.bernoulli_neg_elbo:.2f}", ""))
    if e.iwae is not None:
        note = f"Bernoulli, k = {e.k}, {e.iwae_images:,} images"
        lines.append(("IWAE bound on −log p(x)", f"{e.iwae:.2f}", note))
    lines += [
        ("active units", f"{e.active_units}", f"of {e.latent_dim}"),
        ("mutual information", table.number(e.mutual_information), "of x and z under q"),
        ("5-NN accuracy of codes", table.number(e.knn_accuracy, ".2%"), ""),
    ]
    if e.mutual_information_gap is not None:
        note = f"of {len(e.factors)} factors; 1 where each has a dimension to itself"
        lines.append(("mutual information gap", f"{e.mutual_information_gap:.3f}", note))
    for f in e.factors:
        note = f"I(z{f.dimension + 1}; {f.name}) is {f.information:.2f} of {f.entropy:.2f} nats"
        lines.append((f"  gap of {f.name}", f"{f.gap:.3f}", note))
    if e.quality:
        q = e.quality
        lines += [
            (
                "FID",
                f"{q.fid:.0f}",
                f"{q.samples:,} samples, all test images; {q.features}",
            ),
            ("confidence", f"{q.confidence:.2%}", "of the classifier in the samples"),
            (
                "class entropy",
                f"{q.class_entropy:.2f}",
                f"at most {math.log(net.classes if net else classifier.CLASSES):.2f}",
            ),
        ]
    elif found.vae.shape != classifier.SHAPE:
        note = f"the classifier takes pictures of {classifier.SHAPE}; make one with `fit classifier"
        data = printable(found.data or "folder:PICTURES")
        lines.append(("FID", "none", f"{note} --data {data}`, for --classifier"))
    return lines
