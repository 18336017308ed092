"""What a network costs, told before it is trained: its parameters, its products, its time."""

from dataclasses import dataclass, replace

import torch

from training.checkpoint import MAX_BYTES, STORED
from training.data.image_set import ImageSet
from training.fit.trainer import Trainer, TrainingError
from training.presets import Preset
from training.vae.model import VAE, VAEConfig
from training.vae.program import of_module

MOST_PARAMETERS = MAX_BYTES // STORED.itemsize - 1_000_000  # what a checkpoint has room for
_PRODUCTS = 400_000_000  # of the decoder in a timed step, about: a larger one has fewer pictures
_STEPS = 3  # of which the first is not timed
_FORWARD = 1 / 3  # share of a training step that measuring the same pictures takes


@dataclass(frozen=True)
class Estimate:
    """Cost of a preset: `parameters` of its model, `products` (multiply-adds of one decode), and
    the estimated `seconds` of an epoch."""

    parameters: int
    products: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.parameters:,} parameters, {_short(self.products)} multiply-adds a decode; "
            f"about {_duration(self.seconds)} an epoch, by the time of a few steps."
        )


def _short(n: int) -> str:
    return f"{n / 1e6:,.1f} million" if n >= 100_000 else f"{n:,}"


def _duration(seconds: float) -> str:
    """Time in two digits: it is an estimate."""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{float(f'{seconds / size:.2g}'):g} {unit}"
    return f"{float(f'{seconds:.2g}'):g} s"


def parameters_of(config: VAEConfig) -> int:
    """The number of parameters of a model, which is not made for it.

    Raises:
        TrainingError: a checkpoint could not hold them.
    """
    with torch.device("meta"):
        found = sum(p.numel() for p in VAE(config).parameters())
    if found > MOST_PARAMETERS:
        raise TrainingError(
            f"The network would have {found:,} parameters, and a checkpoint holds at most "
            f"{MOST_PARAMETERS:,}; choose a smaller width or depth."
        )
    return found


def estimate(
    preset: Preset,
    images: int,
    test_images: int = 0,
    device: torch.device | str = "cpu",
    processes: int = 1,
) -> Estimate:
    """The cost of a preset with so many training images, and test images after each epoch, from a
    few steps on random pictures; nothing random of a training depends on it.

    Raises:
        TrainingError: as `parameters_of`.
    """
    parameters, shape = parameters_of(preset.model), preset.model.image_shape
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vae = VAE(preset.model).to(device)
        products = of_module(vae.decoder, (preset.model.latent_dim,)).products
        batch = max(1, min(preset.batch_size, images) // processes)
        few = max(1, min(batch, _PRODUCTS // max(1, products)))
        random = torch.randint(0, 256, ((_STEPS + 1) * few, shape.size), dtype=torch.uint8)
    labels = torch.zeros(len(random), dtype=torch.long)
    pictures = ImageSet("random", "train", random, labels, ("any",), shape)
    once = replace(preset, batch_size=few, epochs=1)
    trainer = Trainer(vae, once, pictures, pictures.take(torch.arange(1)), device=device)
    records = iter(trainer)
    next(records)
    trainer.recent()
    for _ in range(_STEPS - 1):
        next(records)
    recent = trainer.recent()
    assert recent is not None
    per_image = 1 / recent.images_per_second
    seconds = (images + _FORWARD * test_images) * per_image / processes
    return Estimate(parameters, products, seconds)
