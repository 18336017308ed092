"""The presets: everything that fixes a training run but its seed and its machine."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from msgspec import Meta

from training.data.datasets import EMBEDDED, FOLDER, shape_of
from training.text import printable
from training.vae.image_shape import ImageShape
from training.vae.model import VAEConfig
from training.vae.networks import ARCHITECTURES, TRAINED

# Bounds of values, with what a sentence says of them.
MOST_BETA = 1e6
MANY = 1_000_000
Positive = Annotated[float, Meta(gt=0, le=1000, description="a number above 0, at most 1,000")]
Share = Annotated[float, Meta(ge=0, lt=1, description="a number from 0 to below 1")]
Beta = Annotated[
    float, Meta(ge=0, le=MOST_BETA, description=f"a number from 0 to {MOST_BETA:,.0f}")
]
Number = Annotated[int, Meta(ge=1, le=MANY, description=f"a whole number from 1 to {MANY:,}")]


@dataclass(frozen=True)
class Preset:
    """One training recipe; a row of `PRESETS`.

    The optimiser is AdamW, which without weight decay is Adam. Under the one-cycle `schedule` the
    learning rate rises to its peak over the first `lr_warmup` of all steps and falls to nearly
    nothing at the end. `initialisation` is a row of `INITIALISATIONS`. The weight of the
    KL term is `beta`, reached linearly from `beta_start` over the first `beta_warmup_epochs`. A
    start above it makes the factors that change a picture most come first, each into a dimension
    of its own, before there is room for the next. `input_dropout`
    blanks that share of the encoder's pixels in training (never the target's). `elastic` bends
    the images, encoder input and target alike, by that much, but for the last `elastic_free` of
    the epochs, in which the model settles on the images as they are. `code_scale`
    multiplies the decoder's first layer before training, which lets it tell near codes apart from
    the start. Gradients are scaled down to the norm `max_gradient`, which is far above what a
    usual batch gives; 0 leaves them as they are. `bfloat16` runs the hidden layers in that
    precision, which is faster where the processor has it. `drop_last` leaves out the images that
    are over when an epoch is cut into batches; without it they are a last, smaller one.
    """

    name: str
    model: VAEConfig
    data: str = "mnist"
    epochs: Number = 60
    batch_size: Number = 256
    learning_rate: Positive = 2e-3
    schedule: Literal["one-cycle", "constant"] = "one-cycle"
    lr_warmup: Share = 0.1
    weight_decay: Annotated[float, Meta(ge=0, le=1000)] = 0.01
    beta: Beta = 1.0
    beta_warmup_epochs: Annotated[int, Meta(ge=0, le=MANY)] = 0
    beta_start: Beta = 0.0
    input_dropout: Share = 0.0
    initialisation: Literal["default", "kaiming-normal"] = "default"
    code_scale: Positive = 1.0
    elastic: Annotated[float, Meta(ge=0, le=1)] = 0.0
    elastic_free: Share = 0.2
    max_gradient: Annotated[float, Meta(ge=0, le=1e9)] = 1000.0
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    drop_last: bool = True


def on_data(
    preset: Preset,
    name: str,
    data_dir: Path | str = "data",
    network: Mapping[str, Any] = MappingProxyType({}),
) -> Preset:
    """The preset for the data set `name`, its model for pictures of that shape; with another
    `network`, fields of its model as `choose_network` gives them.

    Raises:
        DataError: there is no such data set, or its pictures cannot be had.
        ValueError: the model's network or its reconstruction term is for pictures of another shape.
    """
    model = replace(preset.model, **{**network, "image_shape": shape_of(name, data_dir)})
    return replace(preset, data=name, model=model)


def choose_network(
    model: VAEConfig,
    architecture: str | None = None,
    width: int | None = None,
    depth: int | None = None,
) -> dict[str, Any]:
    """Fields of a model's configuration with another architecture, width or depth, where given:
    what is not is the model's, or of another architecture the usual.

    Raises:
        ValueError: naming the valid ones, where there is no such network.
    """
    if architecture is None and width is None and depth is None:
        return {}
    name = model.architecture if architecture is None else architecture
    if name not in TRAINED:
        raise ValueError(
            f"architecture {printable(name, 40)!r} is not known; the valid ones are "
            f"{', '.join(TRAINED)}."
        )
    row = ARCHITECTURES[name]
    usual = row.size_of(model.encoder_widths) if name == model.architecture else row.usual
    if not row.width and width is None and depth is None:
        return {"architecture": name, "encoder_widths": (), "decoder_widths": ()}
    asked = tuple(u if n is None else n for n, u in zip((width, depth), usual, strict=True))
    try:
        encoder_widths, decoder_widths = row.widths(*asked)
    except ValueError as error:
        raise ValueError(f"architecture {name!r} {error}.") from None
    found = {"architecture": name, "encoder_widths": encoder_widths}
    return found | {"decoder_widths": decoder_widths}


_N12 = "normal-1-2"


def _report(name: str, likelihood: str = "bernoulli", **different: Any) -> Preset:
    """A row of the report: its network and its hyper-parameters, but for what is `different`.

    Reductions: every reconstruction term is summed over pixels (the perceptual one over features)
    and the KL over dimensions, and both are averaged over the batch. The report sums over the batch
    too, which for Adam is the same training: it divides by the gradient's own size. What the
    report's perceptual term is summed as well.
    """
    model = VAEConfig(
        different.get("latent_dim", 2),
        (),
        (),
        architecture="report",
        activation="relu",
        prior=different.get("prior", _N12),
        likelihood=likelihood,
    )
    return Preset(
        name,
        model,
        epochs=15,
        batch_size=64,
        learning_rate=1e-4,
        schedule="constant",
        weight_decay=0.0,
        initialisation=different.get("initialisation", "kaiming-normal"),
        max_gradient=0.0,
        precision="float32",
        drop_last=False,
    )


def _own(name: str, model: VAEConfig, **different: Any) -> Preset:
    """A recipe of this project's own for full MNIST."""
    usual: dict[str, Any] = {
        "epochs": 150,
        "weight_decay": 0.02,
        "input_dropout": 0.15,
        "code_scale": 3.0,
    }
    return Preset(name, model, **(usual | different))


def _pictures(name: str, data: str, side: int, size: tuple[int, int], **different: Any) -> Preset:
    """A recipe for pictures in colour of side × side, by a `conv` network of a width and depth."""
    model = VAEConfig(
        different.pop("latent_dim", 10),
        *ARCHITECTURES["conv"].widths(*size),
        architecture="conv",
        likelihood=different.pop("likelihood", "bernoulli"),
        image_shape=ImageShape(3, side, side),
    )
    usual: dict[str, Any] = {"weight_decay": 0.0, "precision": "float32"}
    return Preset(name, model, data, **(usual | different))


# A strong KL at first; how it came about is in docs/LOG.md.
_FACTORS: dict[str, Any] = {
    "epochs": 40,
    "batch_size": 32,
    "beta": 4.0,
    "beta_start": 24.0,
    "beta_warmup_epochs": 30,
}
_WIDTHS = (512, 512, 256), (256, 512, 512)

PRESETS: dict[str, Preset] = {
    row.name: row
    for row in (
        _own("mnist-2d", VAEConfig(2, *_WIDTHS)),
        _own(
            "mnist-10d",
            VAEConfig(10, *_WIDTHS),
            epochs=200,
            weight_decay=0.05,
            input_dropout=0.3,
            elastic=0.015,
        ),
        # Those that beat the report's rows of the same dimension and prior.
        _own("n12", VAEConfig(2, *_WIDTHS, prior=_N12)),
        _own(
            "n12-10d",
            VAEConfig(10, *_WIDTHS, prior=_N12),
            epochs=200,
            weight_decay=0.05,
            input_dropout=0.3,
            elastic=0.015,
        ),
        _own("gamma", VAEConfig(2, *_WIDTHS, prior="gamma")),
        # β-VAEs of pictures whose factors are known, and a start for pictures of one's own.
        _pictures("sprites-32", "sprites-32", 32, (16, 3), **_FACTORS),
        _pictures("sprites-64", "sprites-64", 64, (16, 4), **_FACTORS),
        _pictures(
            *("folder-64", FOLDER, 64, (32, 4)),
            latent_dim=32,
            likelihood="gaussian-learned",
            epochs=100,
            batch_size=64,
            learning_rate=1e-3,
        ),
        # The report's nine rows, in its order, among them what it has weights of but no row,
        # perceptual in ten dimensions; and what it has but a class of, Gamma.
        _report("report-normal", prior="standard-normal", initialisation="default"),
        _report("report-n12", initialisation="default"),
        _report("report-kaiming"),
        _report("report-mse", "gaussian"),
        _report("report-mae", "laplace"),
        _report("report-perceptual", "perceptual"),
        _report("report-perceptual-bce", "perceptual-bce"),
        _report("report-perceptual-mse", "perceptual-mse"),
        _report("report-10d", latent_dim=10),
        _report("report-perceptual-10d", "perceptual-bce", latent_dim=10),
        _report("report-gamma", prior="gamma", initialisation="kaiming-normal"),
        Preset(
            "mnist-5k-2d",
            VAEConfig(2, (256, 128), (128, 256)),
            data=EMBEDDED,
            epochs=30,
            batch_size=64,
            code_scale=3.0,
        ),
    )
}
