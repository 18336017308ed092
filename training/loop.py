"""The training loop: `fit` yields records; printing, logging and saving are the caller's."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

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


def fit(
    vae: VAE,
    preset: Preset,
    train: ImageSet,
    test: ImageSet,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> Iterator[Record]:
    """Train `vae` in place and yield a `Record` a step.

    The same preset, seed, data and machine give the same weights to the last bit (on the CPU).
    The images stay on the device as uint8. Stop iterating to stop training: the weights are then
    those of the last step.

    Raises:
        TrainingError: at the first loss that is not finite, naming the step.
    """
    device = torch.device(device)
    vae.to(device).train()
    train_images, test_images = train.images.to(device), test.images.to(device)
    batches = max(1, len(train) // preset.batch_size)
    steps = preset.epochs * batches
    optimizer = torch.optim.AdamW(
        vae.parameters(),
        lr=preset.learning_rate,
        weight_decay=preset.weight_decay,
        fused=device.type in ("cpu", "cuda"),
    )
    warmup = preset.lr_warmup if preset.lr_warmup * (steps + 1) > 1.5 else 0.0  # less is no step
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, preset.learning_rate, total_steps=steps + 1, pct_start=warmup
    )
    order = torch.Generator().manual_seed(seed)
    draw = torch.Generator(device).manual_seed(seed)

    exact = torch.float32 if device.type == "mps" else torch.float64  # MPS has no float64
    bent_epochs = preset.epochs - round(preset.elastic_free * preset.epochs)

    for epoch in range(preset.epochs):
        began = time.perf_counter()
        shuffled = torch.randperm(len(train), generator=order).to(device)
        sums = torch.zeros(2, dtype=exact, device=device)
        for batch in range(batches):
            step = epoch * batches + batch + 1
            beta = beta_at(preset, step / batches)
            rows = shuffled[batch * preset.batch_size : (batch + 1) * preset.batch_size]
            x = to_float(train_images[rows])
            if preset.elastic and epoch < bent_epochs:
                x = augment.elastic(x, preset.elastic, draw)
            blanked = augment.blank(x, preset.input_dropout, draw) if preset.input_dropout else None
            with torch.autocast(
                device.type, torch.bfloat16, enabled=preset.precision == "bfloat16"
            ):
                terms = elbo(vae, x, draw, blanked)
                loss = (terms.reconstruction + beta * terms.kl).mean()
            optimizer.zero_grad()
            loss.backward()
            # Looking at every loss would wait for the device at every step.
            if (step % 50 == 0 or batch == batches - 1) and not torch.isfinite(loss):
                raise TrainingError(
                    f"The loss is no longer finite at step {step} (epoch {epoch + 1}). "
                    f"A learning rate below {preset.learning_rate:g} is the likely cure."
                )
            # One image that the encoder has never seen the like of can weigh more than all others.
            torch.nn.utils.clip_grad_norm_(vae.parameters(), MAX_GRADIENT)
            optimizer.step()
            schedule.step()
            sums += (
                torch.stack([terms.reconstruction.detach(), terms.kl.detach()]).to(exact).mean(1)
            )
            if batch < batches - 1:
                yield Record(step, steps)
        train_reconstruction, train_kl = (sums / batches).tolist()
        seconds = time.perf_counter() - began
        test_reconstruction, test_kl = mean_terms(vae.eval(), test_images)
        vae.train()
        yield Record(
            step,
            steps,
            EpochTerms(
                epoch + 1,
                beta,
                float(schedule.get_last_lr()[0]),
                train_reconstruction,
                train_kl,
                test_reconstruction,
                test_kl,
                batches * preset.batch_size / seconds,
            ),
        )
    vae.eval()
