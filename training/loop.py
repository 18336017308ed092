"""The training loop: a `Trainer` yields records; printing, logging and saving are the caller's."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training import augment
from training.data import ImageSet, to_float
from training.elbo import elbo
from training.model import VAE
from training.presets import Preset

MAX_GRADIENT = 1000.0


class TrainingError(Exception):
    """Training cannot go on; the message says where it stopped and what to try."""


@dataclass(frozen=True)
class EpochTerms:
    """What one epoch left: the terms in nats per image, each from one sample of z an image.

    `train_*` are means over the epoch's batches, taken while the weights move (and with the
    encoder's input dropout on); `test_*` are measured after it, over all test images.
    """

    epoch: int
    beta: float
    learning_rate: float
    train_reconstruction: float
    train_kl: float
    test_reconstruction: float
    test_kl: float
    images_per_second: float

    @property
    def train_neg_elbo(self) -> float:
        """−ELBO on the training images, nats per image."""
        return self.train_reconstruction + self.train_kl

    @property
    def test_neg_elbo(self) -> float:
        """−ELBO on the test images, nats per image."""
        return self.test_reconstruction + self.test_kl


@dataclass(frozen=True)
class Record:
    """One step of training; `terms` is there on the last step of an epoch."""

    step: int
    steps: int
    terms: EpochTerms | None = None


def pick_device(name: str) -> torch.device:
    """The device called `name`; `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        TrainingError: where this machine does not have the device.
    """
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return torch.device(next(d for d in ("cuda", "mps", "cpu") if there[d]))
    if not there.get(name, False):
        ready = ", ".join(d for d, ok in there.items() if ok)
        raise TrainingError(
            f"The device {name!r} is not available here; the valid ones are auto, {ready}."
        )
    return torch.device(name)


def beta_at(preset: Preset, epoch: float) -> float:
    """β after `epoch` epochs (a fraction within one): linear up to `preset.beta`, then constant."""
    if preset.beta_warmup_epochs == 0:
        return preset.beta
    return preset.beta * min(1.0, epoch / preset.beta_warmup_epochs)


@torch.no_grad()
def mean_terms(vae: VAE, images: Tensor, seed: int = 0, chunk: int = 2000) -> tuple[float, float]:
    """Mean reconstruction and KL of uint8 images (N, 784), nats per image, one sample each.

    The draw of z is the same for the same seed, so that epochs differ by the weights alone.
    """
    generator = torch.Generator(images.device).manual_seed(seed)
    reconstruction = kl = 0.0
    for rows in images.split(chunk):
        terms = elbo(vae, to_float(rows), generator)
        reconstruction += terms.reconstruction.cpu().double().sum().item()
        kl += terms.kl.cpu().double().sum().item()
    return reconstruction / len(images), kl / len(images)


def new_vae(preset: Preset, seed: int) -> VAE:
    """A VAE with the preset's configuration, its weights drawn by `seed`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        vae = VAE(preset.model)
    with torch.no_grad():
        for parameter in vae.decoder[0].parameters():
            parameter.mul_(preset.code_scale)
    return vae


class Trainer:
    """A training run: iterate over it to train `vae` in place, a `Record` a step.

    The same preset, seed, data, machine and number of threads give the same weights to the last bit
    (on the CPU), also when the run was stopped in between and gone on with from its `state()`. The
    images stay on the device as uint8. Stop iterating to stop training: the weights are then those
    of the last step.

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
    ) -> None:
        self.vae, self.preset = vae, preset
        self.device = torch.device(device)
        vae.to(self.device).train()
        for module in vae.modules():
            if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
                # Faster on the CPU. (torch's annotations know `Module.to` without this argument.)
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.train_images, self.test_images = train.images.to(device), test.images.to(device)
        self.batches = max(1, len(train) // preset.batch_size)
        self.steps = preset.epochs * self.batches
        self.step = 0
        self._parameters = list(vae.parameters())
        self.optimizer = torch.optim.AdamW(
            vae.parameters(),
            lr=preset.learning_rate,
            weight_decay=preset.weight_decay,
            fused=self.device.type in ("cpu", "cuda"),
        )
        # A warm-up of less than a step is none.
        warmup = preset.lr_warmup if preset.lr_warmup * (self.steps + 1) > 1.5 else 0.0
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, preset.learning_rate, total_steps=self.steps + 1, pct_start=warmup
        )
        self._order = torch.Generator().manual_seed(seed)
        self._draw = torch.Generator(self.device).manual_seed(seed)
        self._epoch_order = self._order.get_state()  # as it was when the epoch began
        # MPS has no float64.
        exact = torch.float32 if self.device.type == "mps" else torch.float64
        self._sums = torch.zeros(2, dtype=exact, device=self.device)
        self._seconds = 0.0
        if state is not None:
            self._take(state)

    def state(self) -> dict[str, Any]:
        """All that going on from the last step needs: tensors, numbers, and lists of them."""
        return {
            "step": self.step,
            "images": [len(self.train_images), len(self.test_images)],
            "steps": self.steps,
            "vae": self.vae.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "order": self._epoch_order,
            "draw": self._draw.get_state(),
            "sums": self._sums.clone(),
            "seconds": self._seconds,
        }

    def _take(self, state: dict[str, Any]) -> None:
        images = [len(self.train_images), len(self.test_images)]
        if (state["images"], state["steps"]) != (images, self.steps):
            raise TrainingError(
                f"The saved run has {state['images'][0]:,} training images and "
                f"{state['steps']:,} steps, and this one {images[0]:,} and {self.steps:,}: the "
                "data set is another one. Bring back the one that the run began with."
            )
        self.step = state["step"]
        self.vae.load_state_dict(state["vae"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self._epoch_order = state["order"]
        self._order.set_state(self._epoch_order)
        self._draw.set_state(state["draw"])
        self._sums.copy_(state["sums"])
        self._seconds = state["seconds"]

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
        preset, batches = self.preset, self.batches
        began = time.perf_counter() - self._seconds
        shuffled = torch.randperm(len(self.train_images), generator=self._order).to(self.device)
        bent = epoch < preset.epochs - round(preset.elastic_free * preset.epochs)
        for batch in range(self.step % batches, batches):
            step = epoch * batches + batch + 1
            beta = beta_at(preset, step / batches)
            rows = shuffled[batch * preset.batch_size : (batch + 1) * preset.batch_size]
            x = to_float(self.train_images[rows])
            if preset.elastic and bent:
                x = augment.elastic(x, preset.elastic, self._draw)
            blanked = None
            if preset.input_dropout:
                blanked = augment.blank(x, preset.input_dropout, self._draw)
            with torch.autocast(
                self.device.type, torch.bfloat16, enabled=preset.precision == "bfloat16"
            ):
                terms = elbo(self.vae, x, self._draw, blanked)
                loss = (terms.reconstruction + beta * terms.kl).mean()
            self.optimizer.zero_grad()
            loss.backward()
            # Looking at every loss would wait for the device at every step.
            if (step % 50 == 0 or batch == batches - 1) and not torch.isfinite(loss):
                raise TrainingError(
                    f"The loss is no longer finite at step {step} (epoch {epoch + 1}). "
                    f"A learning rate below {preset.learning_rate:g} is the likely cure."
                )
            # One image that the encoder has never seen the like of can weigh more than all others.
            self._clip()
            self.optimizer.step()
            self.schedule.step()
            exact = torch.stack([terms.reconstruction.detach(), terms.kl.detach()])
            self._sums += exact.to(self._sums.dtype).mean(1)
            self.step = step
            self._seconds = time.perf_counter() - began
            if batch < batches - 1:
                yield Record(step, self.steps)
        terms_of_epoch = self._finish(epoch, beta)
        yield Record(step, self.steps, terms_of_epoch)

    def _clip(self) -> None:
        if self.device.type != "cpu":  # looking at the norm would wait for the device
            torch.nn.utils.clip_grad_norm_(self._parameters, MAX_GRADIENT)
            return
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if norm > MAX_GRADIENT:  # nearly never, and scaling by 1 costs a tenth of a small step
            torch.nn.utils.clip_grads_with_norm_(self._parameters, MAX_GRADIENT, norm)

    def _finish(self, epoch: int, beta: float) -> EpochTerms:
        """Measure the epoch that is over, and make ready for the next one."""
        train_reconstruction, train_kl = (self._sums / self.batches).tolist()
        seconds = self._seconds
        test_reconstruction, test_kl = mean_terms(self.vae.eval(), self.test_images)
        self.vae.train()
        self._sums.zero_()
        self._seconds = 0.0
        self._epoch_order = self._order.get_state()
        return EpochTerms(
            epoch + 1,
            beta,
            float(self.schedule.get_last_lr()[0]),
            train_reconstruction,
            train_kl,
            test_reconstruction,
            test_kl,
            self.batches * self.preset.batch_size / seconds,
        )
