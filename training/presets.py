"""The presets: everything that fixes a training run but its seed and its machine."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from training.data import EMBEDDED
from training.model import VAEConfig

Positive = Annotated[float, Meta(gt=0, le=1000)]
Share = Annotated[float, Meta(ge=0, lt=1)]


@dataclass(frozen=True)
class Preset:
    """One training recipe; a row of `PRESETS`.

    The optimiser is AdamW under a one-cycle schedule: the learning rate rises to its peak over
    the first `lr_warmup` of all steps and falls to nearly nothing at the end. The weight of the
    KL term is `beta`, reached linearly over the first `beta_warmup_epochs`. `input_dropout`
    blanks that share of the encoder's pixels in training (never the target's). `elastic` bends
    the images, encoder input and target alike, by that much, but for the last `elastic_free` of
    the epochs, in which the model settles on the images as they are. `code_scale`
    multiplies the decoder's first layer before training, which lets it tell near codes apart from
    the start. Gradients are scaled down to the norm `max_gradient`, which is far above what a
    usual batch gives; 0 leaves them as they are. `bfloat16` runs the hidden layers in that
    precision, which is faster where the processor has it.
    """

    name: str
    model: VAEConfig
    data: str = "mnist"
    epochs: Annotated[int, Meta(ge=1)] = 60
    batch_size: Annotated[int, Meta(ge=1)] = 256
    learning_rate: Positive = 2e-3
    lr_warmup: Share = 0.1
    weight_decay: Annotated[float, Meta(ge=0, le=1000)] = 0.01
    beta: Annotated[float, Meta(ge=0, le=1e6)] = 1.0
    beta_warmup_epochs: Annotated[int, Meta(ge=0)] = 0
    input_dropout: Share = 0.0
    code_scale: Positive = 1.0
    elastic: Annotated[float, Meta(ge=0, le=1)] = 0.0
    elastic_free: Share = 0.2
    max_gradient: Annotated[float, Meta(ge=0, le=1e9)] = 1000.0
    precision: Literal["float32", "bfloat16"] = "bfloat16"


PRESETS: dict[str, Preset] = {
    row.name: row
    for row in (
        Preset(
            "mnist-2d",
            VAEConfig(2, (512, 512, 256), (256, 512, 512)),
            epochs=150,
            weight_decay=0.02,
            input_dropout=0.15,
            code_scale=3.0,
        ),
        Preset(
            "mnist-10d",
            VAEConfig(10, (512, 512, 256), (256, 512, 512)),
            epochs=200,
            weight_decay=0.05,
            input_dropout=0.3,
            elastic=0.015,
            code_scale=3.0,
        ),
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
