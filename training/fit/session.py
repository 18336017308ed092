"""Sessions of `fit` and `resume`: a run from its images to its checkpoint."""

import contextlib
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from training import checkpoint as checkpoints
from training.checkpoint import SUFFIX, Checkpoint, CheckpointError, Metrics, unused
from training.console import complain, progress_bar, say
from training.data.datasets import ImageSet, misfit
from training.device import pick_device
from training.distributed import Team, join
from training.evaluation.metrics import mean_terms
from training.files import checkpoint_dir, clear_partials
from training.fit.estimate import estimate, parameters_of
from training.fit.failures import Stopped, record_failure, report_lost_process, stop_signals
from training.fit.splits import images_of
from training.fit.trainer import Trainer, TrainingError, new_vae
from training.presets import Preset
from training.runs.log import epoch_line, step_line
from training.runs.records import EpochTerms, Record
from training.runs.run import Run, RunConfig, RunError
from training.runs.snapshots import Prober, schedule
from training.runs.status import State
from training.text import printable_path
from training.vae.likelihoods import LIKELIHOODS

LOG_EVERY = 0.25  # seconds between records of the newest steps
READ_CONTROL_EVERY = 0.1  # seconds between readings of `control.json`
AGREE_EVERY = 8  # steps between the processes' agreeing on what to do, where there are several
PAUSE_LIMIT = 1800.0  # seconds after which a paused process ends; its run can be gone on with


def join_team(device: str) -> tuple[Team, torch.device]:
    """The processes that train together, and this one's device."""
    try:
        return join(pick_device(device))
    except ValueError as error:
        raise TrainingError(str(error)) from None


def train(
    run: Run,
    config: RunConfig,
    finish: bool = False,
    fresh: bool = False,
) -> None:
    """Train from the run's saved state, or from the beginning, and write the checkpoint.

    With `finish` nothing more is trained; a `fresh` run is made first, once its images are there.
    Where `torchrun` started several processes, all of them call this, and the first one writes.

    Raises:
        Stopped: a signal came; the step under way was finished and saved.
    """
    team, device = join_team(config.device)
    with report_lost_process(run, team):
        images = _images(config, team) if fresh else None
        if fresh and team.leads:
            run.create(config)
        team.wait()
    with (
        run.exclusive_lock() if team.leads else contextlib.nullcontext(),
        record_failure(run, team),
        report_lost_process(run, team),
    ):
        if team.leads:
            run.clear_partials()
            if config.out:
                clear_partials(Path(config.out).parent)
            try:
                run.read_control()
            except RunError as error:  # it is written anew
                say(str(error))
            run.request(order="run")
            run.write_status("running", message=f"loading {config.preset.data}")
        _Session(run, config, team, device, images or _images(config, team)).go(finish)
        team.wait()  # nobody leaves while another one is still at work


def _images(config: RunConfig, team: Team) -> tuple[ImageSet, ImageSet]:
    """The run's images; where they have to be fetched, one process does."""
    if team.leads:
        images = images_of(config)
    team.wait()
    return images if team.leads else images_of(config)


class _Session:
    """One process's part in training a run."""

    def __init__(
        self,
        run: Run,
        config: RunConfig,
        team: Team,
        device: torch.device,
        images: tuple[ImageSet, ImageSet],
    ) -> None:
        self.run, self.config, self.team = run, config, team
        self.images, wanted = images, config.preset.model.image_shape
        for part in images:
            if part.shape != wanted:
                fault = misfit(part.name, part.shape, config.preset.name, wanted)
                raise TrainingError(f"{fault}; choose another with --data.")
        parameters_of(config.preset.model)
        self.vae = new_vae(config.preset, config.seed)
        self.trainer = Trainer(
            self.vae, config.preset, *images, config.seed, device, run.state(), team
        )
        step = team.broadcast(float(self.trainer.step))
        if team.any([self.trainer.step != step])[0]:
            raise TrainingError(
                f"The processes do not find the same saved state in "
                f"{printable_path(run.path)}; it must be on a "
                "disk that all of them share."
            )
        self.history: list[EpochTerms] = []
        self.prober = Prober(images[1], device)
        self.snapshot_steps = set(schedule(self.trainer.steps))
        self.logged = self.saved = self.control_read = time.monotonic()
        self.control = run.control()
        self.refused = ""

    def go(self, finish: bool) -> None:
        """Train, and write what comes of it."""
        trainer, team, run = self.trainer, self.team, self.run
        began_at = trainer.step
        if team.leads:
            self.history = run.rewind(trainer.step)
            run.write_status("running", steps=trainer.steps, batches=trainer.batches)
        self._print_header(began_at, finish)
        state: State = "done"
        if finish:
            state = "done" if trainer.step == trainer.steps else "kept"
            if trainer.step == 0:
                raise TrainingError(
                    f"{printable_path(run.path)} has no trained step yet; go on with it "
                    "without --finish."
                )
        elif trainer.step < trainer.steps:
            try:
                state = self._train()
            except TrainingError as error:
                raise type(error)(
                    f"{error} Its last good state is in {printable_path(run.path)}."
                ) from None
        if team.leads:
            self._snapshot()
            out = self._checkpoint(validation=self.config.validation > 0)
            run.write_status(state, checkpoint=str(out.resolve()))

    def _print_header(self, began_at: int, finish: bool) -> None:
        if not self.team.leads:
            return
        preset, (train_set, test) = self.config.preset, self.images
        many = f" in {self.team.size} processes" if self.team.size > 1 else ""
        on = f", on from step {began_at:,}" if began_at else ""
        say(
            f"{preset.name}: {preset.model.latent_dim}-D, {len(train_set):,} training and "
            f"{len(test):,} {'validation' if self.config.validation else 'test'} images of "
            f"{printable_path(preset.data)} ({preset.model.image_shape}), {preset.epochs} "
            "epochs on "
            f"{self.trainer.device}{many}, seed {self.config.seed}{on}. "
            f"Run {printable_path(self.run.path)}. {_units(preset)}"
        )
        for note in train_set.notes:
            say(note)
        if not finish:
            sizes = len(train_set), len(test)
            say(str(estimate(preset, *sizes, self.trainer.device, self.team.size)))
        both = "−ELBO" if self.vae.likelihood.constant_per_value == 0.0 else "sum"
        terms = f"{'KL':>7}{both:>10}"
        say(f"{'epoch':>7}{'β':>6}  {'train':>9}{terms}  {'test':>9}{terms}")

    def _train(self) -> State:
        """Train to the end, or to where the run is asked to stop; the state to tell."""
        trainer, team = self.trainer, self.team
        if trainer.step == 0:
            self._update_beta()
            if team.leads:
                self._snapshot()
        with (
            stop_signals(team) as signals,
            progress_bar(
                unit="step",
                disable=None if team.leads else True,
                leave=False,
                smoothing=0.05,
                mininterval=0.25,
            ) as bar,
        ):
            for record in trainer:
                bar.total = record.steps
                bar.update(record.step - bar.n)
                # Before a state of this step may be saved: going on from that would not look again.
                if record.step in self.snapshot_steps and team.leads:
                    self._snapshot()
                if record.terms:
                    self._end_epoch(record, record.terms, bar)
                last = record.step == record.steps
                agrees = team.size == 1 or record.step % AGREE_EVERY == 0
                if not (agrees or record.terms):
                    continue
                order = self._requested_order()
                now = time.monotonic()
                log, save, pause, stop, signalled = team.any(
                    [
                        now - self.logged >= LOG_EVERY,
                        now - self.saved >= self.config.save_every,
                        order == "pause",
                        order == "stop",
                        bool(signals),
                    ]
                )
                ends = last or stop or signalled
                if log or ends or pause:
                    self._log_recent()
                if save or ends or pause:
                    self._save()
                if last:
                    break
                if pause and not (stop or signalled):
                    stop, signalled = self._pause(signals)
                if signalled:
                    self._stopped(record, signals)
                if stop:
                    self.vae.eval()
                    return "kept"
        self.vae.eval()
        return "done"

    def _requested_order(self) -> str:
        """Order that the run was given last, which the leader reads at intervals."""
        now = time.monotonic()
        if self.team.leads and now - self.control_read >= READ_CONTROL_EVERY:
            self.control_read = now
            self._read_control()
        return self.control.order if self.team.leads else "run"

    def _read_control(self) -> None:
        """Read what the run is asked to do; what is not possible is refused, and said once."""
        try:
            self.control, self.refused = self.run.read_control(), ""
        except RunError as error:
            if str(error) != self.refused:
                self.refused = str(error)
                say(self.refused)

    def _update_beta(self) -> bool:
        """Take over the requested β; whether it is another one than before."""
        if self.team.leads:
            self._read_control()
        before = self.trainer.beta
        self.trainer.beta = self.team.broadcast(self.control.beta)
        return self.trainer.beta != before

    def _end_epoch(self, record: Record, terms: EpochTerms, bar: Any) -> None:
        if self.team.leads:
            self.run.append(epoch_line(terms, record.step, record.kl_per_dim))
            self.history.append(terms)
            bar.clear()
            say(_epoch_text(terms))
        if record.step == record.steps:
            return
        # A state that was saved before β changed could not go on to the same weights.
        if self._update_beta() or terms.epoch == 1:
            self._save()

    def _log_recent(self) -> None:
        recent = self.trainer.recent()
        if recent is not None and self.team.leads:
            self.run.append(step_line(recent, time.time()), sync=False)
        self.logged = time.monotonic()

    def _save(self) -> None:
        trainer = self.trainer
        if not trainer.healthy():
            raise TrainingError(
                f"A weight is no longer finite at step {trainer.step}. A learning rate "
                f"below {self.config.preset.learning_rate:g} is the likely cure."
            )
        state = trainer.state()
        if self.team.leads:
            self.run.save(state)
            self.run.write_status("running", saved=trainer.step)
        self.saved = time.monotonic()

    def _snapshot(self) -> None:
        snapshot = self.prober.snapshot(self.vae)
        if snapshot is not None:
            self.run.save_snapshot(self.trainer.step, snapshot, self.prober.probe)

    def _pause(self, signals: list[int]) -> tuple[bool, bool]:
        """Wait until the run is asked to go on; whether it is asked to stop, or a signal came."""
        if self.team.leads:
            self.run.write_status("paused")
            say(f"paused at step {self.trainer.step:,}")
        began = time.monotonic()
        while True:
            time.sleep(READ_CONTROL_EVERY)
            order = self._requested_order()
            too_long = time.monotonic() - began > PAUSE_LIMIT
            on, stop, signalled = self.team.any(
                [self.team.leads and order == "run", order == "stop", bool(signals) or too_long]
            )
            if on or stop or signalled:
                break
        if self.team.leads and not signalled:
            self.run.write_status("running")
        self.logged = self.saved = time.monotonic()
        return stop, signalled

    def _stopped(self, record: Record, signals: list[int]) -> None:
        if self.team.leads:
            self.run.write_status("stopped")
            say(
                f"stopped at step {record.step:,} of {record.steps:,} and saved; go on with "
                f"`python -m training resume {printable_path(self.run.path)}`, or end it "
                "there with --finish."
            )
        raise Stopped(signals[0] if signals else 0)

    def _checkpoint(self, validation: bool) -> Path:
        """Write the checkpoint of the model as it is; where it is."""
        config, preset, test = self.config, self.config.preset, self.images[1]
        out = Path(config.out) if config.out else unused_name(preset.name)
        if not config.overwrite and self.run.status().checkpoint != str(out):
            out = unused(out)
        kept = checkpoints.as_stored(self.vae.eval())
        reconstruction, kl = mean_terms(kept, test.images)
        metrics = Metrics(reconstruction, kl, len(test), validation)
        result = Checkpoint(
            out.stem, kept, preset, config.seed, preset.data, tuple(self.history), metrics
        )
        out = _save(result, out)
        row = kept.likelihood
        unit = " nats" if row.is_nll else ""
        say(
            f"{row.total_title} {metrics.total:.2f}{unit} per image (as stored). Wrote "
            f"{printable_path(out)}."
        )
        return out


def _units(preset: Preset) -> str:
    """A sentence that says what the terms of a run are measured in."""
    row = LIKELIHOODS[preset.model.likelihood]
    constant = row.constant(preset.model.image_shape)
    if constant is None:
        return f"The reconstruction term is {row.formula}, in {row.unit}; the KL in nats per image."
    if constant:
        return (
            f"Terms in nats per image; −log p(x|z) is the reconstruction term, {row.formula}, "
            f"and {constant:.2f}."
        )
    return "Terms in nats per image."


def _epoch_text(terms: EpochTerms) -> str:
    return (
        f"{terms.epoch:>7}{terms.beta:>6.2f}  "
        f"{terms.train_reconstruction:>9.2f}{terms.train_kl:>7.2f}{terms.train_total:>10.2f}  "
        f"{terms.test_reconstruction:>9.2f}{terms.test_kl:>7.2f}{terms.test_total:>10.2f}"
    )


def unused_name(preset: str) -> Path:
    return unused(checkpoint_dir() / (preset + SUFFIX))


def _save(result: Checkpoint, out: Path) -> Path:
    try:
        return checkpoints.save(result, out)
    except CheckpointError as error:
        # The place was writable when training began; do not lose the work now.
        refuge = Path(tempfile.mkdtemp(prefix="checkpoint-")) / f"{out.stem[:64]}{SUFFIX}"
        complain(f"error: {error} Trying {refuge}.")
        return checkpoints.save(replace(result, name=refuge.stem), refuge)
