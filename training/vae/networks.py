"""The networks: encoder and decoder of each architecture, as layers that others can walk."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from training.vae import priors
from training.vae.experts import Experts
from training.vae.image_shape import GREY_28, ImageShape
from training.vae.steps import Stepped

if TYPE_CHECKING:
    from training.vae.model import VAEConfig
    from training.vae.program import Builder

Networks = tuple[nn.Sequential, nn.Sequential]
Widths = tuple[int, ...]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "silu": nn.SiLU,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
}
MOST_WIDTH = 4096  # of a layer
MOST_LAYERS = 16  # hidden ones, of a network

REPORT_SHAPE = GREY_28
_LEAST_HALVED = 8  # pixels of a side: 4 × 4 are not made smaller
_GROUPS = 8  # of a group norm, where the channels can be divided so


def _head(config: VAEConfig) -> int:
    """The number of values that q(z|x) is made of."""
    return config.latent_dim * priors.find(config.prior).params_per_dim


# --- fully connected ---------------------------------------------------------------------------


def _mlp(sizes: Widths, activation: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        if i:
            layers.append(ACTIVATIONS[activation]())
        layers.append(nn.Linear(n_in, n_out))
    return nn.Sequential(*layers)


def build_mlp(config: VAEConfig) -> Networks:
    """Encoder (B, n) → (B, params) and decoder (B, d) → (B, n) of fully connected layers, for
    pictures of any shape; n is its size."""
    n = config.image_shape.size
    encoder = _mlp((n, *config.encoder_widths, _head(config)), config.activation)
    decoder = _mlp((config.latent_dim, *config.decoder_widths, n), config.activation)
    return encoder, decoder


# --- the report's ------------------------------------------------------------------------------


def build_report(config: VAEConfig) -> Networks:
    """The report's network for pictures of `REPORT_SHAPE`: encoder (B, n) → (B, params) and decoder
    (B, d) → (B, n), convolutional.

    1×28×28 → 16×14×14 → 32×7×7 → 64, by two convolutions 3×3 of stride 2 and one of 7×7, then a
    linear head; the decoder mirrors it. The widths are fixed and those of the configuration unused.
    """
    activation = ACTIVATIONS[config.activation]
    encoder = nn.Sequential(
        nn.Unflatten(1, REPORT_SHAPE.dims),
        nn.Conv2d(1, 16, 3, stride=2, padding=1),
        activation(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        activation(),
        nn.Conv2d(32, 64, 7),
        nn.Flatten(),
        nn.Linear(64, _head(config)),
    )
    decoder = nn.Sequential(
        nn.Linear(config.latent_dim, 64),
        nn.Unflatten(-1, (64, 1, 1)),
        nn.ConvTranspose2d(64, 32, 7),
        activation(),
        nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1),
        activation(),
        nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1),
        nn.Flatten(-3),
    )
    return encoder, decoder


# --- convolutional, for any picture whose sides divide by 4 ---------------------------------------


def halvings(shape: ImageShape, stages: int) -> tuple[bool, ...]:
    """Whether each stage, from the picture on, halves the sides: where both are even and neither
    is below 8."""
    height, width, found = shape.height, shape.width, []
    for _ in range(stages):
        found.append(height % 2 == width % 2 == 0 and min(height, width) >= _LEAST_HALVED)
        if found[-1]:
            height, width = height // 2, width // 2
    return tuple(found)


def _coarsest(shape: ImageShape, halved: tuple[bool, ...]) -> tuple[int, int]:
    by = 2 ** sum(halved)
    return shape.height // by, shape.width // by


def build_conv(config: VAEConfig) -> Networks:
    """Convolutions down and transposed ones up, for pictures C×H×W whose sides divide by 4:
    encoder (B, n) → (B, params) and decoder (B, d) → (B, n).

    The encoder's widths are the channels behind each stage, and last the units of a linear layer;
    the decoder's are those units, and then the channels before each stage. A stage that halves the
    sides, or doubles them, has a kernel of 4×4 and stride 2, another one of 3×3 (`halvings`).
    """
    shape, activation = config.image_shape, ACTIVATIONS[config.activation]
    *channels, units = config.encoder_widths
    halved = halvings(shape, len(channels))
    down: list[nn.Module] = [nn.Unflatten(1, shape.dims)]
    for before, after, half in zip((shape.channels, *channels), channels, halved, strict=False):
        down.append(nn.Conv2d(before, after, 4, 2, 1) if half else _same(before, after))
        down.append(activation())
    coarse = channels[-1] * math.prod(_coarsest(shape, halved))
    down += [nn.Flatten(), nn.Linear(coarse, units), activation(), nn.Linear(units, _head(config))]

    units, *channels = config.decoder_widths
    doubled = halvings(shape, len(channels))[::-1]
    up: list[nn.Module] = _from_code(config, units, channels[0], _coarsest(shape, doubled))
    up.append(activation())
    for before, after, double in zip(channels, (*channels[1:], 0), doubled, strict=True):
        out = after or shape.channels
        up.append(nn.ConvTranspose2d(before, out, 4, 2, 1) if double else _same(before, out))
        up += [activation()] if after else []
    return nn.Sequential(*down), nn.Sequential(*up, nn.Flatten(-3))


def _same(before: int, after: int) -> nn.Conv2d:
    """A convolution 3×3 that keeps the sides."""
    return nn.Conv2d(before, after, 3, padding=1)


def _from_code(
    config: VAEConfig, units: int, channels: int, sides: tuple[int, int]
) -> list[nn.Module]:
    """Layers from a code to the coarsest channels, (B, d) → (B, channels, *sides)."""
    return [
        nn.Linear(config.latent_dim, units),
        ACTIVATIONS[config.activation](),
        nn.Linear(units, channels * math.prod(sides)),
        nn.Unflatten(-1, (channels, *sides)),
    ]


# --- residual ------------------------------------------------------------------------------------


class Residual(nn.Module):
    """A residual block, body(x) + skip(x).

    Source: He, Zhang, Ren & Sun (2016), "Identity mappings in deep residual networks".
    """

    def __init__(self, body: nn.Module, skip: nn.Module) -> None:
        super().__init__()
        self.body, self.skip = body, skip

    def forward(self, x: Tensor) -> Tensor:
        """The sum, of the shape that body and skip give."""
        return self.body(x) + self.skip(x)

    def lower(self, builder: Builder, x: str) -> str:
        """The block as ops of a program; the name of the sum."""
        h, s = builder.lower(self.body, x), builder.lower(self.skip, x)
        return builder.add("add", h, s)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(channels, _GROUPS), channels)


def residual(before: int, after: int, activation: Callable[[], nn.Module]) -> Residual:
    """A block of two normalised convolutions 3×3; where the channels change, 1×1 beside them."""
    body = nn.Sequential(
        *(_norm(before), activation(), _same(before, after)),
        *(_norm(after), activation(), _same(after, after)),
    )
    return Residual(body, nn.Identity() if before == after else nn.Conv2d(before, after, 1))


def build_resnet(config: VAEConfig) -> Networks:
    """Residual blocks with group norm, for pictures C×H×W whose sides divide by 4: encoder (B, n) →
    (B, params) and decoder (B, d) → (B, n).

    The widths and the halvings are those of `build_conv`. A stage down is a convolution, of stride
    2 where it halves the sides, and a block; a stage up a block and a convolution 3×3, before which
    the nearest pixels are doubled. So the block of a stage works at its coarser side.
    """
    shape, activation = config.image_shape, ACTIVATIONS[config.activation]
    *channels, units = config.encoder_widths
    halved = halvings(shape, len(channels))
    down: list[nn.Module] = [nn.Unflatten(1, shape.dims)]
    for before, after, half in zip((shape.channels, *channels), channels, halved, strict=False):
        down.append(nn.Conv2d(before, after, 4, 2, 1) if half else _same(before, after))
        down.append(residual(after, after, activation))
    coarse = channels[-1] * math.prod(_coarsest(shape, halved))
    down += [_norm(channels[-1]), activation(), nn.Flatten()]
    down += [nn.Linear(coarse, units), activation(), nn.Linear(units, _head(config))]

    units, *channels = config.decoder_widths
    doubled = halvings(shape, len(channels))[::-1]
    up: list[nn.Module] = _from_code(config, units, channels[0], _coarsest(shape, doubled))
    for before, after, double in zip(channels, (*channels[1:], 0), doubled, strict=True):
        up.append(residual(before, before, activation))
        if not after:
            up += [_norm(before), activation()]
        up += [nn.Upsample(scale_factor=2, mode="nearest")] if double else []
        up.append(_same(before, after or shape.channels))
    return nn.Sequential(*down), nn.Sequential(*up, nn.Flatten(-3))


# --- local experts --------------------------------------------------------------------------------


def build_experts(config: VAEConfig) -> Networks:
    """Local linear experts as the encoder (B, n) → (B, params), as many as its second width says,
    by features as many as its first; the decoder (B, d) → (B, n) is `build_mlp`'s."""
    n, (rank, count) = config.image_shape.size, config.encoder_widths
    encoder = nn.Sequential(
        Experts(n, rank, count, config.latent_dim),
        nn.Linear((1 + config.latent_dim) * count, _head(config)),
    )
    decoder = _mlp((config.latent_dim, *config.decoder_widths, n), config.activation)
    return encoder, decoder


def build_stepped(config: VAEConfig) -> Networks:
    """`build_mlp`'s networks, the encoder's guess mended by steps through a copy of the decoder."""
    encoder, decoder = build_mlp(config)
    return nn.Sequential(Stepped(encoder, copy.deepcopy(decoder)), nn.Identity()), decoder


# --- the table -----------------------------------------------------------------------------------


def _fixed(config: VAEConfig) -> str:
    if config.image_shape != REPORT_SHAPE:
        return f"is for pictures of {REPORT_SHAPE}, and these have {config.image_shape}"
    return ""


def _by_four(config: VAEConfig) -> str:
    shape = config.image_shape
    if shape.height % 4 or shape.width % 4:
        return f"is for pictures whose sides divide by 4, and these have {shape}"
    if min(len(config.encoder_widths), len(config.decoder_widths)) < 2:
        return "has the channels of one or more stages and the units of a linear layer as widths"
    return ""


def _two(config: VAEConfig) -> str:
    if len(config.encoder_widths) != 2:
        return "has the number of its features and of its experts as the encoder's widths"
    return ""


def _smooth(config: VAEConfig) -> str:
    usual = (config.activation, config.prior, config.likelihood)
    if usual != ("silu", "standard-normal", "bernoulli"):
        return "is for the activation silu, the prior standard-normal and the likelihood bernoulli"
    return ""


@dataclass(frozen=True)
class Architecture:
    """A row of `ARCHITECTURES`.

    `build` makes encoder and decoder; `misfit` says, as the end of a sentence, why a configuration
    is none of this architecture, or nothing. `width` and `depth` are the usual ones; 0 says that
    there is no choice. They make the widths of encoder and decoder: `width` units in each of
    `depth` layers, or, where it is `staged`, `width` channels in the two finest of `depth` stages,
    twice as many in the next two, and so on, and eight times `width` units in a linear layer.
    One that is `computed` is not trained from drawn weights: `python -m training refit-encoder`
    makes it of a model that is ready.
    """

    build: Callable[[VAEConfig], Networks]
    misfit: Callable[[VAEConfig], str] = lambda config: ""
    width: int = 0
    depth: int = 0
    staged: bool = False
    computed: bool = False

    @property
    def usual(self) -> tuple[int, int]:
        """The usual width and depth."""
        return self.width, self.depth

    @property
    def most(self) -> tuple[int, int]:
        """The largest width and depth."""
        return (MOST_WIDTH // 8, 8) if self.staged else (MOST_WIDTH, MOST_LAYERS)

    def widths(self, width: int, depth: int) -> tuple[Widths, Widths]:
        """The encoder's and the decoder's widths, in the order of the data's flow.

        Raises:
            ValueError: with a sentence's end, where there is no such network.
        """
        if not self.width:
            raise ValueError("has fixed widths; choose another architecture")
        for value, most, what in zip((width, depth), self.most, ("width", "depth"), strict=True):
            if not 1 <= value <= most:
                raise ValueError(f"has a {what} from 1 to {most:,}, not {value}")
        if not self.staged:
            return (width,) * depth, (width,) * depth
        found = (*(width * 2 ** (i // 2) for i in range(depth)), 8 * width)
        return found, found[::-1]

    def size_of(self, encoder_widths: Widths) -> tuple[int, int]:
        """The width and the depth that come nearest to a network's."""
        if not self.width or not encoder_widths:
            return self.width, self.depth
        return encoder_widths[0], len(encoder_widths) - self.staged


ARCHITECTURES: dict[str, Architecture] = {
    "mlp": Architecture(build_mlp, width=512, depth=3),
    "conv": Architecture(build_conv, _by_four, 32, 4, staged=True),
    "resnet": Architecture(build_resnet, _by_four, 24, 4, staged=True),
    "report": Architecture(build_report, _fixed),
    "stepped": Architecture(build_stepped, _smooth, computed=True),
    "experts": Architecture(build_experts, _two, computed=True),
}
TRAINED = tuple(name for name, row in ARCHITECTURES.items() if not row.computed)
