"""`fit` and `resume`: a run from its images to its checkpoint, and what a signal does to it."""

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from training import checkpoint as checkpoints
from training.checkpoint import SUFFIX, Checkpoint, CheckpointError, Metrics
from training.data import FOLDER, ImageSet, Split, download, find, load
from training.loop import EpochTerms, Trainer, TrainingError, mean_terms, new_vae, pick_device
from training.runlog import Run, RunConfig


def load_split(name: str, split: Split, data_dir: Path) -> ImageSet:
    """Load a split, fetching the data set first where it has to be."""
    if not name.startswith(FOLDER) and not find(name).on_disk(data_dir, split):
        download_shown(name, data_dir)
    return load(name, split, data_dir)


def download_shown(name: str, data_dir: Path) -> None:
    with tqdm(unit="B", unit_scale=True, desc=f"downloading {name}", disable=None) as bar:
        for progress in download(name, data_dir):
            bar.total = progress.total
            bar.update(progress.done - bar.n)


def images_of(config: RunConfig) -> tuple[ImageSet, ImageSet]:
    """The images to train on, and those to measure on."""
    name, data_dir = config.preset.data, Path(config.data_dir)
    train = load_split(name, "train", data_dir)
    if config.validation:
        return _hold_back(train, config.validation)
    return train, load_split(name, "test", data_dir)


def _hold_back(train: ImageSet, n: int) -> tuple[ImageSet, ImageSet]:
    """Split the training images, always in the same way, into a training and a validation part."""
    if not 0 < n < len(train):
        raise TrainingError(
            f"--validation {n} is not possible with {len(train):,} training images; choose a "
            f"number between 1 and {len(train) - 1:,}."
        )
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(123))
    return train.take(order[n:]), train.take(order[:n])


def train(
    run: Run,
    config: RunConfig,
    images: tuple[ImageSet, ImageSet],
    state: dict[str, Any] | None = None,
    finish: bool = False,
) -> None:
    """Train from a saved state, or from the beginning, and write the checkpoint.

    With `finish` nothing more is trained.

    Raises:
        Stopped: a signal came; the step under way was finished and saved.
    """
    preset, (train_set, test) = config.preset, images
    device = pick_device(config.device)
    vae = new_vae(preset, config.seed)
    trainer = Trainer(vae, preset, train_set, test, config.seed, device, state)
    history = run.rewind(trainer.step)
    on = f", on from step {trainer.step:,}" if state else ""
    say(
        f"{preset.name}: {preset.model.latent_dim}-D, {len(train_set):,} training and "
        f"{len(test):,} {'validation' if config.validation else 'test'} images of {preset.data}, "
        f"{preset.epochs} epochs on {device}, seed {config.seed}{on}. Run {run.path}. "
        "Terms in nats per image."
    )
    say(
        f"{'epoch':>7}{'β':>6}  {'train':>7}{'KL':>7}{'−ELBO':>8}  {'test':>7}{'KL':>7}{'−ELBO':>8}"
    )
    if not finish:
        try:
            _steps(run, config, trainer, history)
        except TrainingError as error:
            raise TrainingError(f"{error} Its last good state is in {run.path}.") from None
    elif trainer.step == 0:
        raise TrainingError(f"{run.path} has no trained step yet; go on with it without --finish.")
    out = Path(config.out) if config.out else unused_name(preset.name)
    kept = checkpoints.as_stored(vae.eval())
    reconstruction, kl = mean_terms(kept, test.images)
    metrics = Metrics(reconstruction, kl, len(test), validation=config.validation > 0)
    result = Checkpoint(out.stem, kept, preset, config.seed, preset.data, tuple(history), metrics)
    say(f"−ELBO {metrics.neg_elbo:.2f} nats per image (as stored). Wrote {_save(result, out)}.")


def _steps(run: Run, config: RunConfig, trainer: Trainer, history: list[EpochTerms]) -> None:
    """Train to the end, logging epochs and saving now and then and at the last."""
    saved = time.monotonic()
    with (
        _stop_signals() as stopped,
        tqdm(unit="step", disable=None, leave=False, smoothing=0.05, mininterval=0.25) as bar,
    ):
        for record in trainer:
            bar.total = record.steps
            bar.update(record.step - bar.n)
            if record.terms:
                run.append(record.terms, record.step)
                history.append(record.terms)
                bar.clear()
                say(_epoch_line(record.terms))
            last = record.step == record.steps
            if stopped or last or time.monotonic() - saved > config.save_every:
                if not trainer.healthy():
                    raise TrainingError(
                        f"A weight is no longer finite at step {record.step}. A learning rate "
                        f"below {config.preset.learning_rate:g} is the likely cure."
                    )
                run.save(trainer.state())
                saved = time.monotonic()
            if stopped and not last:
                say(
                    f"stopped at step {record.step:,} of {record.steps:,} and saved; go on with "
                    f"`python -m training resume {run.path}`, or end it there with --finish."
                )
                raise Stopped(stopped[0])


class Stopped(Exception):
    """A signal ended the training in good order; its number."""


@contextlib.contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM, so that the step that is under way can be finished and saved."""
    stopped: list[int] = []
    before = {
        number: signal.signal(number, lambda n, _frame: stopped.append(n))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _epoch_line(terms: EpochTerms) -> str:
    return (
        f"{terms.epoch:>7}{terms.beta:>6.2f}  "
        f"{terms.train_reconstruction:>7.2f}{terms.train_kl:>7.2f}{terms.train_neg_elbo:>8.2f}  "
        f"{terms.test_reconstruction:>7.2f}{terms.test_kl:>7.2f}{terms.test_neg_elbo:>8.2f}"
    )


def unused_name(preset: str) -> Path:
    out, n = Path("checkpoints") / (preset + SUFFIX), 2
    while out.exists():
        out, n = out.with_name(f"{preset}-{n}{SUFFIX}"), n + 1
    return out


def _save(result: Checkpoint, out: Path) -> Path:
    try:
        return checkpoints.save(result, out)
    except CheckpointError as error:
        # The place was writable when training began; do not lose the work now.
        refuge = Path(tempfile.mkdtemp(prefix="checkpoint-")) / f"{out.stem[:64]}{SUFFIX}"
        print(f"error: {error} Trying {refuge}.", file=sys.stderr)
        return checkpoints.save(replace(result, name=refuge.stem), refuge)


def say(text: str) -> None:
    """Print at once; where the reader (head, less) has gone, go on with the work without it."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
