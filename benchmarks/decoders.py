"""Decoders that the engine is measured by, with random weights: a to d, and an MLP."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.presets import PRESETS
from training.vae.model import VAE


class Decoder(NamedTuple):
    """A decoder: what it is, its latent dimensions, and what makes its layers."""

    title: str
    latent_dim: int
    layers: Callable[[], list[nn.Module]]


def _mlp() -> list[nn.Module]:
    return list(VAE(PRESETS["mnist-2d"].model).decoder)


def _report() -> list[nn.Module]:
    return [
        nn.Linear(2, 64),
        nn.Unflatten(1, (64, 1, 1)),
        nn.ConvTranspose2d(64, 32, 7),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 16, 3, 2, 1, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 1, 3, 2, 1, 1),
        nn.Flatten(),
    ]


def _burgess() -> list[nn.Module]:
    layers: list[nn.Module] = []
    for n_in, n_out in ((10, 256), (256, 256), (256, 512)):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    layers.append(nn.Unflatten(1, (32, 4, 4)))
    for _ in range(3):
        layers += [nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ReLU()]
    return [*layers, nn.ConvTranspose2d(32, 3, 4, 2, 1), nn.Flatten()]


def _dcgan() -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Unflatten(1, (100, 1, 1))]
    steps = ((100, 512, 1, 0), (512, 256, 2, 1), (256, 128, 2, 1), (128, 64, 2, 1))
    for n_in, n_out, stride, padding in steps:
        layers += [
            nn.ConvTranspose2d(n_in, n_out, 4, stride, padding),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
        ]
    return [*layers, nn.ConvTranspose2d(64, 3, 4, 2, 1), nn.Flatten()]


def _five() -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Linear(128, 2048), nn.Unflatten(1, (512, 2, 2))]
    for n_in, n_out in ((512, 256), (256, 128), (128, 64), (64, 32), (32, 32)):
        layers += [
            nn.ConvTranspose2d(n_in, n_out, 3, 2, 1, 1),
            nn.BatchNorm2d(n_out),
            nn.LeakyReLU(),
        ]
    return [*layers, nn.Conv2d(32, 3, 3, padding=1), nn.Flatten()]


DECODERS = {
    "mlp": Decoder(
        "the shipped MLP, 28×28", 2, lambda: list(VAE(PRESETS["mnist-2d"].model).decoder)
    ),
    "a": Decoder("the report's, 28×28", 2, _report),
    "b": Decoder("four transposed 4×4, 32 channels, 3×64×64", 10, _burgess),
    "c": Decoder("DCGAN, 64 base channels, 3×64×64", 100, _dcgan),
    "d": Decoder("five transposed 3×3, 512…32 channels, 3×64×64", 128, _five),
}


def build(name: str) -> nn.Sequential:
    """A decoder (B, d) → (B, n) by its name in `DECODERS`; the same weights each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(*DECODERS[name].layers()).eval()


def without_norms(layers: nn.Sequential) -> nn.Sequential:
    """The same function with each batch norm folded into the convolution before it."""
    found: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d):
            before: Any = found[-1]
            transposed = isinstance(before, nn.ConvTranspose2d)
            found[-1] = fuse_conv_bn_eval(before, layer, transposed)
        else:
            found.append(layer)
    return nn.Sequential(*found).eval()


def loops(layers: nn.Sequential) -> tuple[list[dict], NDArray[np.float32]]:
    """The layer list that `loops.js` runs, and its weights, all in one."""
    kinds = {nn.Linear: "linear", nn.Conv2d: "conv", nn.ConvTranspose2d: "conv_transpose"}
    kinds |= {nn.ReLU: "relu", nn.LeakyReLU: "leaky_relu", nn.SiLU: "silu"}
    found, weights = [], [np.zeros(0, np.float32)]
    for layer in layers:
        if isinstance(layer, nn.Flatten | nn.Unflatten):
            shape = [-1] if isinstance(layer, nn.Flatten) else list(layer.unflattened_size)
            found.append({"type": "reshape", "shape": shape})
            continue
        entry: dict = {"type": kinds[type(layer)]}
        if isinstance(layer, nn.Linear):
            entry |= {"in": layer.in_features, "out": layer.out_features}
        elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            entry |= {"in": layer.in_channels, "out": layer.out_channels}
            entry |= {"kernel": layer.kernel_size, "stride": layer.stride}
            entry |= {"padding": layer.padding, "output_padding": layer.output_padding}
        for name, tensor in layer.named_parameters():
            entry[name] = [sum(map(len, weights)), tensor.numel()]
            weights.append(tensor.detach().numpy().ravel())
        found.append(entry)
    return found, np.concatenate(weights)
