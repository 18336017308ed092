"""The variational autoencoder: x → encoder → q(z|x) → z → decoder → logits of p(x|z)."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Annotated, cast

import torch
from msgspec import Meta
from torch import Tensor, nn

from training.vae import classifier, priors
from training.vae.choices import Choice, WithChoices
from training.vae.image_shape import GREY_28, ImageShape
from training.vae.likelihoods import LIKELIHOODS, Likelihood
from training.vae.networks import ACTIVATIONS, ARCHITECTURES, MOST_LAYERS, MOST_WIDTH
from training.vae.priors import Gaussian, LatentFamily, Posterior
from training.vae.program import Builder
from training.vae.program_network import PROGRAM, ProgramNetwork, Programs

# Bounds that a configuration from a stranger's file must keep before anything is built from it.
Width = Annotated[int, Meta(ge=1, le=MOST_WIDTH)]
Widths = Annotated[tuple[Width, ...], Meta(max_length=MOST_LAYERS)]
Side = Annotated[int, Meta(ge=1, le=256)]
MOST_LATENT = 256  # numbers of a code, but for networks of others


@dataclass(frozen=True)
class VAEConfig:
    """Everything that fixes the shape and the meaning of a model's weights.

    `encoder_widths` and `decoder_widths` are the hidden layers in the order of the data's flow, as
    the architecture reads them. `image_shape` is that of x and x̂. An architecture `conv` without
    widths is the report's, which was once the only convolutional one and called so. A `program` is
    the network of somebody else: it has programs instead of widths.

    The last of the `latent_dim` numbers of a code are its `choices`. With a `grid` (C, h, w) they
    are a picture of that shape, flat.
    """

    latent_dim: Annotated[int, Meta(ge=1, le=4096)]
    encoder_widths: Widths
    decoder_widths: Widths
    architecture: str = "mlp"
    activation: str = "silu"
    prior: str = "standard-normal"
    likelihood: str = "bernoulli"
    image_shape: ImageShape = GREY_28
    choices: Annotated[tuple[Choice, ...], Meta(max_length=16)] = ()
    grid: tuple[Side, Side, Side] | None = None

    def __post_init__(self) -> None:
        """Raise ValueError where a name is in no table, or what it names is for another shape."""
        if self.architecture == "conv" and not self.encoder_widths + self.decoder_widths:
            object.__setattr__(self, "architecture", "report")
        priors.find(self.prior)
        for field, table in (
            ("architecture", (*ARCHITECTURES, PROGRAM)),
            ("activation", ACTIVATIONS),
            ("likelihood", LIKELIHOODS),
        ):
            value = getattr(self, field)
            if value not in table:
                raise ValueError(
                    f"{field} {value!r} is not known; the valid ones are {', '.join(table)}."
                )
        self._check_latents()
        if LIKELIHOODS[self.likelihood].perceptual and self.image_shape != classifier.SHAPE:
            raise ValueError(
                f"likelihood {self.likelihood!r} is for pictures of {classifier.SHAPE}, and these "
                f"have {self.image_shape}."
            )

    def _check_latents(self) -> None:
        """Raise ValueError where the network has no such codes."""
        if self.architecture != PROGRAM:
            misfit = ARCHITECTURES[self.architecture].misfit(self)
            if misfit:
                raise ValueError(f"architecture {self.architecture!r} {misfit}.")
            if self.latent_dim > MOST_LATENT:
                raise ValueError(
                    f"latent_dim {self.latent_dim} is not possible; choose a whole number from 1 "
                    f"to {MOST_LATENT}."
                )
            if self.choices or self.grid:
                raise ValueError(
                    f"architecture {self.architecture!r} has neither choices nor a grid."
                )
        family = priors.find(self.prior)
        if self.choices and not isinstance(family, Gaussian):
            raise ValueError(f"choices go with a Gaussian code, not with prior {self.prior!r}.")
        if self.choices and self.latent_dim <= len(self.choices):
            raise ValueError("besides its choices a code has a number or more.")
        if self.grid and math.prod(self.grid) != self.latent_dim - len(self.choices):
            raise ValueError(f"a grid of {self.grid} has not {self.latent_dim} numbers.")
        if not family.has_density and LIKELIHOODS[self.likelihood].is_nll:
            raise ValueError(
                f"prior {self.prior!r} is none, so that there is no ELBO; the likelihood "
                f"{self.likelihood!r} would claim one. Choose 'squared-error'."
            )

    @property
    def family(self) -> LatentFamily:
        """The latent family: the prior's, with the choices."""
        family = priors.find(self.prior)
        if not self.choices:
            return family
        assert isinstance(family, Gaussian)
        return WithChoices(family, self.choices)

    @property
    def continuous(self) -> int:
        """The number of a code's numbers that are no choices."""
        return self.latent_dim - len(self.choices)


def in_batches(
    images: Tensor, labels: Tensor | None, size: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Images (N, n), `size` of them at a time, each with its rows of the labels (N, labels) that
    `VAE.encode` takes, where there are some."""
    rows = images.split(size)
    yield from zip(rows, repeat(None) if labels is None else labels.split(size), strict=False)


class Learned(nn.Module):
    """The likelihood's own numbers, put behind the picture's values: (B, n) → (B, n + count)."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(count))

    def forward(self, pixels: Tensor) -> Tensor:
        """Append the numbers."""
        return torch.cat([pixels, self.bias.to(pixels.dtype).expand(len(pixels), -1)], 1)

    def lower(self, builder: Builder, x: str) -> str:
        """Name of the value with the numbers behind it, in a program."""
        return builder.add("append", x, bias=self.bias)


def _kaiming_normal(module: nn.Module) -> None:
    """Weights N(0, 2/fan-in), biases 0, of linear layers and convolutions; transposed ones keep
    torch's default, as in the report.

    Source: He, Zhang, Ren & Sun (2015), section 2.2.
    """
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


# What is done to each layer before training; torch's own draws have been made by then.
INITIALISATIONS: dict[str, Callable[[nn.Module], None]] = {
    "default": lambda module: None,
    "kaiming-normal": _kaiming_normal,
}


class VAE(nn.Module):
    """A variational autoencoder (Kingma & Welling 2014) for pictures of one shape.

    Pictures are flat float tensors (B, n) with values in [0, 1], channels first;
    n = `shape.size`. Encoder and decoder are plain `nn.Sequential`s, so that another runtime can
    walk them layer by layer; those of the architecture `program` are somebody else's `programs`.
    Of such a model there may be no encoder. Its `codes` (N, d) then say where its pictures lie.

    Raises:
        ValueError: the programs are not of the shapes that the configuration asks for.
    """

    codes: Tensor | None

    def __init__(self, config: VAEConfig, programs: Programs | None = None) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("codes", None)
        self.encoder: nn.Sequential | None
        if config.architecture == PROGRAM:
            if programs is None:
                raise ValueError("the architecture 'program' comes with its programs")
            self._take(programs)
            return
        self.encoder, self.decoder = ARCHITECTURES[config.architecture].build(config)
        if self.likelihood.learned:
            self.decoder.append(Learned(self.likelihood.learned))

    def _take(self, programs: Programs) -> None:
        config, n = self.config, self.shape.size
        kinds = [c.kind for c in config.choices]
        sizes = [len(c.options) for c in config.choices if c.kind == "categorical"]
        params = config.continuous * self.prior.params_per_dim + sum(sizes)
        wanted = {
            "encoder": (n + kinds.count("label"), params),
            "decoder": (config.latent_dim, n + self.likelihood.learned),
        }
        for name, program in (("encoder", programs.encoder), ("decoder", programs.decoder)):
            if program is None:
                continue
            found = program.shape, program.shapes[program.outputs[0]]
            if found != tuple((side,) for side in wanted[name]):
                raise ValueError(
                    f"the {name} makes {list(found[1])} of {list(found[0])}, where the "
                    f"configuration has {[wanted[name][1]]} of {[wanted[name][0]]}"
                )
        self.encoder = nn.Sequential(ProgramNetwork(programs.encoder)) if programs.encoder else None
        self.decoder = nn.Sequential(ProgramNetwork(programs.decoder))
        if programs.encoder is None:
            codes = programs.codes
            if codes is None or codes.ndim != 2 or codes.shape[1] != config.latent_dim:
                raise ValueError("a decoder alone comes with codes (N, d), and these do not fit")
            self.codes = codes

    @property
    def programs(self) -> Programs | None:
        """Encoder and decoder as programs, where the network is somebody else's."""
        if self.config.architecture != PROGRAM:
            return None
        encoder, decoder = (
            network[0].current() if network is not None else None  # type: ignore[operator]
            for network in (self.encoder, self.decoder)
        )
        assert decoder is not None
        return Programs(encoder, decoder, self.codes)

    @property
    def shape(self) -> ImageShape:
        """The shape of the pictures."""
        return self.config.image_shape

    @property
    def prior(self) -> LatentFamily:
        """The latent family that the configuration has."""
        return self.config.family

    @property
    def likelihood(self) -> Likelihood:
        """The reconstruction term named by the configuration."""
        return LIKELIHOODS[self.config.likelihood]

    def encode(self, x: Tensor, labels: Tensor | None = None) -> Posterior:
        """q(z|x) of images (B, n): its parameters, (B, d) each. Where the model is given labels,
        `labels` (B, labels) has them, by default the first of each choice.

        Raises:
            ValueError: there is no encoder.
        """
        family, params = self.prior, self.head(x, labels)
        given = self._given(x, labels)
        with torch.autocast(x.device.type, enabled=False):
            if given is None:
                return family.posterior(params)
            assert isinstance(family, WithChoices)
            return cast(Posterior, family.posterior(params, given))

    def _given(self, x: Tensor, labels: Tensor | None) -> Tensor | None:
        count = sum(c.kind == "label" for c in self.config.choices)
        if not count:
            return None
        return x.new_zeros(len(x), count) if labels is None else labels.to(x)

    def head(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """The numbers that q(z|x) is made of, as the encoder gives them, (B, n) → (B, params).

        Raises:
            ValueError: there is no encoder.
        """
        if self.encoder is None:
            raise ValueError("There is no encoder: the model is a decoder alone.")
        given = self._given(x, labels)
        if given is not None:
            return cast(Tensor, self.encoder(torch.cat([x, given], 1)))
        # The first layers may run in bfloat16 under autocast; the head may not: eight bits of
        # mantissa cannot place a code of magnitude 2 within a posterior whose sigma is 0.03.
        hidden = self.encoder[:-1](x)
        with torch.autocast(x.device.type, enabled=False):
            return cast(Tensor, self.encoder[-1](hidden.float()))

    def labels_of(self, labels: Tensor, classes: int) -> Tensor | None:
        """The labels that the model is given with images of these classes (N,), (N, labels); None
        where it takes none, or others than these."""
        sizes = [len(c.options) for c in self.config.choices if c.kind == "label"]
        return labels[:, None].float() if sizes == [classes] else None

    def decode(self, z: Tensor) -> Tensor:
        """Parameters of p(x|z), (..., d) → (..., n + learned): logits of the picture x̂, and behind
        them the numbers that the likelihood learned, where it has any."""
        flat = z.reshape(-1, z.shape[-1])  # convolutions take one batch dimension
        with torch.autocast(z.device.type, enabled=False):
            hidden = self.decoder[0](flat)
        return self.decoder[1:](hidden).float().reshape(*z.shape[:-1], -1)

    def picture(self, z: Tensor) -> Tensor:
        """x̂, the mean of p(x|z) where there is one, values in [0, 1], (..., d) → (..., n)."""
        return self.likelihood.mean(self.decode(z))
