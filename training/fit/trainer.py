"""The training loop: a `Trainer` yields records; printing, logging and saving are the caller's."""

import math
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from training.data import augment
from training.data.datasets import ImageSet, to_float
from training.distributed import Team
from training.errors import UserError
from training.evaluation.metrics import terms_over
from training.presets import MOST_BETA, Preset
from training.runs.records import EpochTerms, Record, StepTerms
from training.text import printable
from training.vae.elbo import elbo
from training.vae.model import INITIALISATIONS, VAE


class TrainingError(UserError):
    """Training cannot go on; the message says where it stopped and what to try."""


def beta_at(preset: Preset, epoch: float) -> float:
    """β after `epoch` epochs (a fraction within one): linear from `preset.beta_start` to
    `preset.beta`, then constant."""
    if preset.beta_warmup_epochs == 0:
        return preset.beta
    share = min(1.0, epoch / preset.beta_warmup_epochs)
    return share * preset.beta + (1 - share) * preset.beta_start


def new_vae(preset: Preset, seed: int) -> VAE:
    """A VAE with the preset's configuration, its weights drawn by `seed`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        vae = VAE(preset.model).apply(INITIALISATIONS[preset.initialisation])
    with torch.no_grad():
        for parameter in vae.decoder[0].parameters():
            parameter.mul_(preset.code_scale)
    return vae


def _schedule(
    optimizer: torch.optim.Optimizer, preset: Preset, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    if preset.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    # A warm-up of less than a step is none.
    warmup = preset.lr_warmup if preset.lr_warmup * (steps + 1) > 1.5 else 0.0
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer, preset.learning_rate, total_steps=steps + 1, pct_start=warmup
    )


class _Objective(nn.Module):
    """The terms of a batch as one forward pass, which is what several processes can share."""

    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(
        self,
        x: Tensor,
        encoder_input: Tensor,
        generator: torch.Generator,
        rows_elsewhere: tuple[int, int],
    ) -> tuple[Tensor, Tensor]:
        """Reconstruction (B,) and KL per dimension (B, d), in nats per image."""
        terms = elbo(self.vae, x, generator, encoder_input, rows_elsewhere)
        return terms.reconstruction, terms.kl_per_dim


class Trainer:
    """A training run: iterate over it to train `vae` in place, a `Record` a step.

    The same preset, seed, data, machine and number of threads give the same weights to the last bit
    (on the CPU), also when the run was stopped in between and gone on with from its `state()`. The
    images stay on the device as uint8. Stop iterating to stop training: the weights are then those
    of the last step. Set `beta` to have the next epochs weigh the KL by it instead of by what the
    preset says. In a `team` every process iterates, and takes its part of each batch.

    Raises:
        TrainingError: while iterating, at the first loss that is not finite, naming the step; at
            once, where `state` is of another run.
    """

    def __init__(
        self,
        vae: VAE,
        preset: Preset,
        train: ImageSet,
        test: ImageSet,
        seed: int = 0,
        device: torch.device | str = "cpu",
        state: dict[str, Any] | None = None,
        team: Team | None = None,
    ) -> None:
        self.vae, self.preset, self.team = vae, preset, team or Team()
        self.beta: float | None = None
        self.device = torch.device(device)
        vae.to(self.device).train()
        for module in vae.modules():
            if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
                # Faster on the CPU. (torch's annotations know `Module.to` without this argument.)
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.train_images, self.test_images = train.images.to(device), test.images.to(device)
        batch = min(preset.batch_size, len(train))
        left = 0 if preset.drop_last else len(train) % batch
        self.batches = len(train) // batch + (left > 0)
        self.steps = preset.epochs * self.batches
        self.step = 0
        for size in (batch, left):
            if size % self.team.size:
                raise TrainingError(
                    f"A batch of {size} images cannot be divided evenly among {self.team.size} "
                    f"processes; choose a --batch-size that is a multiple of {self.team.size}"
                    f"{', and so leaves the last batch' if size == left else ''}."
                )
        self._batch_size = batch
        self._epoch_images = len(train) // batch * batch + left
        self._parameters = list(vae.parameters())
        self._objective = self.team.wrap(_Objective(vae))
        self.optimizer = torch.optim.AdamW(
            vae.parameters(),
            lr=preset.learning_rate,
            weight_decay=preset.weight_decay,
            fused=self.device.type in ("cpu", "cuda"),
        )
        self.schedule = _schedule(self.optimizer, preset, self.steps)
        self._order = torch.Generator().manual_seed(seed)
        self._draw = torch.Generator(self.device).manual_seed(seed)
        self._epoch_order = self._order.get_state()  # as it was when the epoch began
        # MPS has no float64.
        exact = torch.float32 if self.device.type == "mps" else torch.float64
        # Reconstruction and KL per dimension, summed over the steps of the epoch, and over those
        # since `recent`.
        terms = 1 + preset.model.latent_dim
        self._sums = torch.zeros(terms, dtype=exact, device=self.device)
        self._recent = torch.zeros(terms, dtype=exact, device=self.device)
        self._seconds = self._recent_seconds = 0.0
        self._recent_steps = self._recent_images = 0
        self._newest_beta = beta_at(preset, 0)  # the β of the newest step
        if state is not None:
            self._restore(state)

    def state(self) -> dict[str, Any]:
        """All that going on from the last step needs: tensors, numbers, and lists of them.

        In a team every process must ask, and has the same answer.
        """
        return {
            "step": self.step,
            "images": [len(self.train_images), len(self.test_images)],
            "steps": self.steps,
            "vae": self.vae.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "order": self._epoch_order,
            "draw": self._draw.get_state(),
            "sums": self.team.total(self._sums) / self.team.size,
            "seconds": self._seconds,
            "beta": self.beta,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        """Take over a state, which may have been written by anybody."""
        try:
            images, steps = [int(n) for n in state["images"]], int(state["steps"])
            own = [len(self.train_images), len(self.test_images)]
            if (images, steps) != (own, self.steps):
                raise TrainingError(
                    f"The saved run has {images[0]:,} training images and {steps:,} steps, and "
                    f"this one {own[0]:,} and {self.steps:,}: the data set is another one. Bring "
                    "back the one that the run began with."
                )
            self._take_over(state)
        except (
            *(ArithmeticError, AssertionError, AttributeError, LookupError),
            *(RuntimeError, TypeError, ValueError),
        ) as error:
            raise TrainingError(
                f"The saved state is not one of this run ({printable(str(error))}); remove its "
                "resume.pt to begin the run anew."
            ) from None

    def _take_over(self, state: dict[str, Any]) -> None:
        step, beta, seconds = state["step"], state["beta"], float(state["seconds"])
        if not isinstance(step, int) or not 0 <= step <= self.steps:
            raise ValueError(f"its step is not one of {self.steps:,}")
        if beta is not None and not 0 <= float(beta) <= MOST_BETA:
            raise ValueError(f"its β is not between 0 and {MOST_BETA:,.0f}")
        if not 0 <= seconds < math.inf:
            raise ValueError("its seconds are no time")
        self.step = step
        self.vae.load_state_dict(state["vae"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self._epoch_order = state["order"]
        self._order.set_state(self._epoch_order)
        self._draw.set_state(state["draw"])
        self._sums.copy_(state["sums"])
        self._seconds, self.beta = seconds, None if beta is None else float(beta)
        if not self.healthy():
            raise ValueError("a weight is not finite")

    def healthy(self) -> bool:
        """Whether all weights are finite: a state with others is not worth keeping."""
        return all(bool(torch.isfinite(p).all()) for p in self.vae.parameters())

    def __iter__(self) -> Iterator[Record]:
        """Train from where the run is to its end."""
        self.vae.train()
        for epoch in range(self.step // self.batches, self.preset.epochs):
            yield from self._epoch(epoch)
        self.vae.eval()

    def _epoch(self, epoch: int) -> Iterator[Record]:
        batches = self.batches
        shuffled = torch.randperm(len(self.train_images), generator=self._order).to(self.device)
        weight = self.beta
        for batch in range(self.step % batches, batches):
            step = epoch * batches + batch + 1
            beta = beta_at(self.preset, step / batches) if weight is None else weight
            began = time.perf_counter()
            self._step(step, shuffled, beta)
            self._add_time(began)
            if batch < batches - 1:
                yield Record(step, self.steps)
        yield self._finish(epoch, beta)

    def _step(self, step: int, shuffled: Tensor, beta: float) -> None:
        preset = self.preset
        epoch, batch = divmod(step - 1, self.batches)
        rows = shuffled[batch * preset.batch_size : (batch + 1) * preset.batch_size]
        part = self.team.part(len(rows))
        x, blanked = self._batch(rows, part, epoch)
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=preset.precision == "bfloat16"
        ):
            reconstruction, kl_per_dim = self._objective(
                x, blanked, self._draw, (part.start, len(rows) - part.stop)
            )
            loss = (reconstruction + beta * kl_per_dim.sum(-1)).mean()
        self.optimizer.zero_grad()
        loss.backward()
        # Looking at every loss would wait for the device at every step.
        looked_at = step % 50 == 0 or batch == self.batches - 1
        if looked_at and self.team.any([not bool(torch.isfinite(loss))])[0]:
            raise TrainingError(
                f"The loss is no longer finite at step {step} (epoch {epoch + 1}). "
                f"A learning rate below {preset.learning_rate:g} is the likely cure."
            )
        # One image that the encoder has never seen the like of can weigh more than all others.
        self._clip()
        self.optimizer.step()
        self.schedule.step()
        terms = torch.cat([reconstruction.detach()[:, None], kl_per_dim.detach()], 1)
        # A last, smaller batch counts by its images.
        mean = terms.mean(0).to(self._sums.dtype) * (len(rows) / self._batch_size)
        self._sums += mean
        self._recent += mean
        self._recent_steps += 1
        self._recent_images += len(rows)
        self.step, self._newest_beta = step, beta

    def _batch(self, rows: Tensor, part: slice, epoch: int) -> tuple[Tensor, Tensor]:
        """This process's images, `part` of a batch, and what the encoder sees of them.

        What is random is drawn for the whole batch, by every process alike.
        """
        preset = self.preset
        bent = preset.elastic and epoch < preset.epochs - round(preset.elastic_free * preset.epochs)
        if not bent and not preset.input_dropout:
            x = to_float(self.train_images[rows[part]])
            return x, x
        x = to_float(self.train_images[rows])
        if bent:
            x = augment.elastic(x, preset.model.image_shape, preset.elastic, self._draw)
        seen, shape = x, preset.model.image_shape
        if preset.input_dropout:
            seen = augment.blank(x, shape, preset.input_dropout, self._draw)
        return x[part], seen[part]

    def _add_time(self, began: float) -> None:
        seconds = time.perf_counter() - began
        self._seconds += seconds
        self._recent_seconds += seconds

    def recent(self) -> StepTerms | None:
        """The terms of the steps since this was last asked; None where there were none.

        In a team every process must ask at the same step.
        """
        if not self._recent_steps:
            return None
        began, n = time.perf_counter(), self._recent_images
        batches = n / self._batch_size
        sums = self.team.total(self._recent).cpu().double() / (batches * self.team.size)
        reconstruction, *per_dim = sums.tolist()  # waits for the device
        self._add_time(began)
        found = StepTerms(
            step=self.step,
            epoch=self.step / self.batches,
            beta=self._newest_beta,
            learning_rate=float(self.schedule.get_last_lr()[0]),
            train_reconstruction=reconstruction,
            train_kl_per_dim=tuple(per_dim),
            images_per_second=n / max(self._recent_seconds, 1e-9),
        )
        self._recent.zero_()
        self._recent_steps, self._recent_images, self._recent_seconds = 0, 0, 0.0
        return found

    def _clip(self) -> None:
        most = self.preset.max_gradient
        if not most:
            return
        if self.device.type != "cpu":  # looking at the norm would wait for the device
            torch.nn.utils.clip_grad_norm_(self._parameters, most)
            return
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if norm > most:  # nearly never, and scaling by 1 costs a tenth of a small step
            torch.nn.utils.clip_grads_with_norm_(self._parameters, most, norm)

    def _finish(self, epoch: int, beta: float) -> Record:
        """Measure the epoch that is over, and make ready for the next one."""
        began = time.perf_counter()
        batches = self._epoch_images / self._batch_size
        sums = self.team.total(self._sums).cpu().double() / (batches * self.team.size)
        train_reconstruction, *train_kl = sums.tolist()
        self._add_time(began)
        seconds = self._seconds
        test_reconstruction, kl_per_dim = terms_over(
            self.vae.eval(), self.test_images, team=self.team
        )
        self.vae.train()
        self._sums.zero_()
        self._seconds = 0.0
        self._epoch_order = self._order.get_state()
        terms = EpochTerms(
            epoch=epoch + 1,
            beta=beta,
            learning_rate=float(self.schedule.get_last_lr()[0]),
            train_reconstruction=train_reconstruction,
            train_kl=sum(train_kl),
            test_reconstruction=test_reconstruction,
            test_kl=sum(kl_per_dim),
            images_per_second=self._epoch_images / seconds,
        )
        return Record(self.step, self.steps, terms, kl_per_dim)
