"""Models of 3×64×64 pictures with decoders b, c and d, untrained, for `benchmarks.drag`."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.decoders import DECODERS, build, without_norms
from training.checkpoint import Checkpoint, Metrics, save
from training.data.datasets import DATASETS, Dataset, ImageSet, Split
from training.presets import PRESETS
from training.vae.image_shape import ImageShape
from training.vae.model import VAE, VAEConfig
from training.vae.networks import ARCHITECTURES, Architecture

SHAPE = ImageShape(3, 64, 64)
DATA = "noise"
NAMES = ("b", "c", "d")


def _load(row: Dataset, data_dir: Path, split: Split) -> ImageSet:
    """Smooth noise of two classes, bright and dark."""
    draw = torch.Generator().manual_seed(int(split == "test"))
    n = row.size[split == "test"]
    coarse = torch.rand(n, 3, 8, 8, generator=draw)
    labels = torch.arange(n) % 2
    levels = nn.functional.interpolate(coarse, (64, 64), mode="bilinear")
    levels = 127 * levels + 128 * labels[:, None, None, None]
    images = levels.to(torch.uint8).reshape(n, -1)
    return ImageSet(row.name, split, images, labels, row.classes, row.shape)


def _networks(name: str, config: VAEConfig) -> tuple[nn.Sequential, nn.Sequential]:
    encoder = nn.Sequential(nn.Linear(SHAPE.size, 2 * config.latent_dim))
    return encoder, without_norms(build(name))


def register() -> None:
    """Put the data set and the networks into their tables."""
    DATASETS[DATA] = Dataset(DATA, "Noise", _load, ("dark", "bright"), (400, 200), SHAPE)
    for name in NAMES:
        ARCHITECTURES[f"decoder-{name}"] = Architecture(partial(_networks, name))


def _spread(module: nn.Module) -> None:
    """Weights as He et al. (2015) draw them and biases 0 in all layers: where torch's default
    stays, its biases drown z."""
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    if weight is not None and weight.ndim > 1:
        nn.init.kaiming_normal_(weight, nonlinearity="relu")
    if bias is not None:
        nn.init.zeros_(bias)


def write(folder: Path) -> None:
    """Write a checkpoint of each, untrained, whose picture changes as z does."""
    register()
    torch.manual_seed(0)
    for name in NAMES:
        latent_dim = DECODERS[name].latent_dim
        config = VAEConfig(latent_dim, (), (), f"decoder-{name}", "relu", image_shape=SHAPE)
        vae = VAE(config).eval()
        vae.decoder.apply(_spread)
        last: Any = [layer for layer in vae.decoder if hasattr(layer, "weight")][-1]
        z = torch.zeros(64, latent_dim)
        z[:, :2] = torch.randn(64, 2)
        with torch.no_grad():
            last.weight *= 3 / vae.decode(z).std(0).mean()
        preset = replace(PRESETS["mnist-5k-2d"], data=DATA, model=config)
        made = Checkpoint(f"decoder-{name}", vae, preset, 0, DATA, (), Metrics(0.0, 0.0, 200))
        save(made, folder / f"{made.name}.safetensors")
