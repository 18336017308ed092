"""The variational autoencoder: x → encoder → q(z|x) → z → decoder → logits of p(x|z)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from msgspec import Meta
from torch import Tensor, nn

from training.vae import classifier, priors
from training.vae.image_shape import GREY_28, ImageShape
from training.vae.likelihoods import LIKELIHOODS, Likelihood
from training.vae.networks import ACTIVATIONS, ARCHITECTURES, MOST_LAYERS, MOST_WIDTH
from training.vae.priors import LatentFamily, Posterior
from training.vae.program import Builder

# Bounds that a configuration from a stranger's file must keep before anything is built from it.
Width = Annotated[int, Meta(ge=1, le=MOST_WIDTH)]
Widths = Annotated[tuple[Width, ...], Meta(max_length=MOST_LAYERS)]


@dataclass(frozen=True)
class VAEConfig:
    """Everything that fixes the shape and the meaning of a model's weights.

    `encoder_widths` and `decoder_widths` are the hidden layers in the order of the data's flow, as
    the architecture reads them. `image_shape` is that of x and x̂. An architecture `conv` without
    widths is the report's, which was once the only convolutional one and called so.
    """

    latent_dim: Annotated[int, Meta(ge=1, le=256)]
    encoder_widths: Widths
    decoder_widths: Widths
    architecture: str = "mlp"
    activation: str = "silu"
    prior: str = "standard-normal"
    likelihood: str = "bernoulli"
    image_shape: ImageShape = GREY_28

    def __post_init__(self) -> None:
        """Raise ValueError where a name is in no table, or what it names is for another shape."""
        if self.architecture == "conv" and not self.encoder_widths + self.decoder_widths:
            object.__setattr__(self, "architecture", "report")
        priors.find(self.prior)
        for field, table in (
            ("architecture", ARCHITECTURES),
            ("activation", ACTIVATIONS),
            ("likelihood", LIKELIHOODS),
        ):
            value = getattr(self, field)
            if value not in table:
                raise ValueError(
                    f"{field} {value!r} is not known; the valid ones are {', '.join(table)}."
                )
        misfit = ARCHITECTURES[self.architecture].misfit(self)
        if misfit:
            raise ValueError(f"architecture {self.architecture!r} {misfit}.")
        if LIKELIHOODS[self.likelihood].perceptual and self.image_shape != classifier.SHAPE:
            raise ValueError(
                f"likelihood {self.likelihood!r} is for pictures of {classifier.SHAPE}, and these "
                f"have {self.image_shape}."
            )


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
    """Weights N(0, 2/fan-in), the fan-in as torch counts it, biases 0.

    Source: He, Zhang, Ren & Sun (2015), section 2.2.
    """
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
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
    walk them layer by layer.
    """

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.decoder = ARCHITECTURES[config.architecture].build(config)
        if self.likelihood.learned:
            self.decoder.append(Learned(self.likelihood.learned))

    @property
    def shape(self) -> ImageShape:
        """The shape of the pictures."""
        return self.config.image_shape

    @property
    def prior(self) -> LatentFamily:
        """The latent family named by the configuration."""
        return priors.find(self.config.prior)

    @property
    def likelihood(self) -> Likelihood:
        """The reconstruction term named by the configuration."""
        return LIKELIHOODS[self.config.likelihood]

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x) of images (B, n): its parameters, (B, d) each."""
        # The first layers may run in bfloat16 under autocast; the head may not: eight bits of
        # mantissa cannot place a code of magnitude 2 within a posterior whose sigma is 0.03.
        hidden = self.encoder[:-1](x)
        with torch.autocast(x.device.type, enabled=False):
            return self.prior.posterior(self.encoder[-1](hidden.float()))

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
