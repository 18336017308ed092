"""All settings of a training, in words."""

from collections.abc import Sequence

from training.checkpoint_header import Refit
from training.data.names import without_place
from training.presets import Preset
from training.runs.records import EpochTerms
from training.text import printable


def beta_in_words(preset: Preset, history: Sequence[EpochTerms]) -> str:
    """What weighed the KL, as the history has it where there is one: a hand may have moved it."""
    found = [terms.beta for terms in history]
    if not found:
        return f"β = {preset.beta:g}"
    changes = [n for n in range(1, len(found)) if found[n] != found[n - 1]]
    if not changes:
        return f"β = {found[0]:g}"
    steps = f"in epoch {changes[0] + 1}" if len(changes) == 1 else f"in {len(changes)} steps"
    meant = "" if found[-1] == preset.beta else f", where the recipe has {preset.beta:g}"
    return f"β from {found[0]:g} to {found[-1]:g} {steps}{meant}"


def refit_in_words(refit: Refit) -> str:
    """How an encoder was made anew for a decoder that was ready."""
    made = []
    if refit.experts:
        made.append(
            f"{refit.experts:,} local experts computed from the finished decoder, which see "
            f"{refit.rank} features; temperature {refit.temperature:g}, reach {refit.reach:g}"
        )
    if refit.epochs:
        made.append(
            f"trained for {refit.epochs} epochs with the finished decoder frozen, learning rate "
            f"{refit.learning_rate:g}, images bent by {refit.elastic:g}, "
            f"{refit.input_dropout:.0%} of its pixels blanked"
        )
    if refit.steps:
        made.append(f"each code mended by {refit.steps} steps through a copy of the decoder")
    before = f"reconstruction + KL was {refit.before.total:.2f} before"
    return "; ".join([*made, f"{refit.images:,} images", before])


def settings(
    preset: Preset,
    seed: int,
    data: str,
    history: Sequence[EpochTerms] = (),
    refit: Refit | None = None,
) -> list[tuple[str, str]]:
    """Names and values of what a training was made with, for people."""
    model = preset.model
    widths = [*map(str, model.encoder_widths), "|", *map(str, model.decoder_widths)]
    network = f"{model.architecture}, {' '.join(widths)}" if len(widths) > 1 else model.architecture
    rate = f"{preset.learning_rate:g}, {preset.schedule}"
    if preset.schedule == "one-cycle":
        rate += f", rising over the first {preset.lr_warmup:.0%}"
    harder = [
        (preset.input_dropout, f"{preset.input_dropout:.0%} of the encoder's pixels blanked"),
        (
            preset.elastic,
            f"images bent by {preset.elastic:g}, but for the last "
            f"{preset.elastic_free:.0%} of the epochs",
        ),
    ]
    return [
        ("Recipe", printable(preset.name)),
        ("Data", printable(without_place(data))),
        ("Network", f"{network}; {model.activation}; pictures {model.image_shape}"),
        ("Latent", f"{model.latent_dim}-D, prior {model.family.title}"),
        ("Reconstruction term", model.likelihood),
        (
            "KL",
            beta_in_words(preset, history)
            + (
                f", warmed up over {preset.beta_warmup_epochs} epochs from {preset.beta_start:g}"
                if preset.beta_warmup_epochs
                else ""
            ),
        ),
        (
            "Epochs",
            f"{len(history) or preset.epochs} of {preset.epochs}",
        ),
        (
            "Batch",
            f"{preset.batch_size} images"
            + ("" if preset.drop_last else "; the last, smaller one is kept"),
        ),
        ("Learning rate", rate),
        (
            "Optimiser",
            f"AdamW, weight decay {preset.weight_decay:g}"
            + (f", gradients of at most {preset.max_gradient:g}" if preset.max_gradient else ""),
        ),
        (
            "Initialisation",
            preset.initialisation
            + (
                f", decoder's first layer × {preset.code_scale:g}" if preset.code_scale != 1 else ""
            ),
        ),
        ("In training", "; ".join(said for is_so, said in harder if is_so) or "images as they are"),
        ("Precision", preset.precision),
        ("Seed", str(seed)),
        *([("Encoder, anew", refit_in_words(refit))] if refit else []),
    ]
