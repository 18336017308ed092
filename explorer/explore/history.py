"""Below the fold: how the checkpoint was trained, or where it came from."""

import streamlit as st

from explorer import components, messages
from explorer.figures.theme import THEMES
from explorer.session.scene import Scene
from explorer.session.settings import beta_in_words, settings
from training.checkpoint import Checkpoint, Metrics
from training.data.names import without_place
from training.origin import Origin
from training.text import printable


def show(scene: Scene) -> None:
    """Draw the training history."""
    checkpoint = scene.model.checkpoint
    if checkpoint.origin:
        _provenance(checkpoint, checkpoint.origin)
        return
    if not checkpoint.history:
        st.info("This checkpoint carries no training history.")
        return
    from explorer.figures import history  # plotly takes as long to load as the page may

    row = checkpoint.vae.likelihood
    total = row.total_title[0].upper() + row.total_title[1:]
    for place, term, title in zip(
        st.columns(3),
        ("reconstruction", "kl", "total"),
        (
            f"{row.formula} while training"
            if row.constant_per_value != 0
            else "Reconstruction while training",
            "KL while training",
            f"{total} while training",
        ),
        strict=True,
    ):
        curves = {
            name: history.history_curve(
                checkpoint.history,
                term,
                title,
                getattr(theme, term, theme.ink),
                theme,
                row.unit if term == "reconstruction" else "nats" if row.is_nll else "",
            )
            for name, theme in THEMES.items()
        }
        with place:
            components.chart(curves, key=f"history_{term}")
    preset = checkpoint.preset
    m = checkpoint.metrics
    assert m is not None  # only a decoder of somebody else has none
    measured = "validation" if m.validation else "test"
    bent = preset.epochs - round(preset.elastic_free * preset.epochs)
    harder = " ".join(
        sentence
        for is_so, sentence in (
            (preset.elastic > 0, f"Until epoch {bent} the training images were bent a little."),
            (
                preset.input_dropout > 0,
                f"In training, {preset.input_dropout:.0%} of the encoder's pixels were blanked.",
            ),
            (
                preset.elastic > 0 or preset.input_dropout > 0,
                "The train curves are measured with that, the test curves without.",
            ),
        )
        if is_so
    )
    data = printable(without_place(checkpoint.data))
    messages.caption(
        f": {checkpoint.vae.config.latent_dim}-D, trained on {data} for "
        f"{len(checkpoint.history)} epochs (preset {printable(preset.name)}, "
        f"seed {checkpoint.seed}, {beta_in_words(preset, checkpoint.history)}). "
        f"Over its {m.images:,} {measured} images: {_sum(checkpoint, m)}. {harder}",
        name=checkpoint.name,
    )
    with st.expander("All settings"):
        messages.facts(
            settings(preset, checkpoint.seed, checkpoint.data, checkpoint.history, checkpoint.refit)
        )


# Options of an import and what they are told, as they read on the page.
_QUESTIONS = {
    "second": "Second output",
    "input_range": "Input range",
    "output": "Output",
    "likelihood": "Likelihood",
    "prior": "Prior",
    "labels": "Labels",
}
_ANSWERS = {"log_var": "log σ²", "log_std": "log σ", "std": "σ", "standard-normal": "N(0, 1)"}


def _provenance(checkpoint: Checkpoint, origin: Origin) -> None:
    """Where a network of somebody else came from, and how well it was taken over."""
    vae, m = checkpoint.vae, checkpoint.metrics
    found = [
        ("Network", origin.network),
        ("Source", origin.source),
        ("Licence", origin.licence),
        ("Imported", f"{origin.imported}, with torch {origin.with_torch}"),
        ("Agreement", f"{_within(origin.parity)} the network's own outputs"),
        ("Pictures", ", ".join(filter(None, (without_place(checkpoint.data), str(vae.shape))))),
        *(
            (_QUESTIONS.get(asked, asked), _ANSWERS.get(said, said))
            for asked, said in origin.answers
        ),
    ]
    if m is not None:
        found.append((f"Over {m.images:,} pictures", _sum(checkpoint, m)))
    else:
        found.append(("Terms", "none: it is a decoder alone, without q(z|x)"))
    messages.facts([(printable(what), printable(said, 1000)) for what, said in found if said])


def _within(parity: float) -> str:
    return f"within {parity:.1e} of" if parity else "exact, with"


def _sum(checkpoint: Checkpoint, m: Metrics) -> str:
    """The test terms and what they add up to, in words."""
    row = checkpoint.vae.likelihood
    if not checkpoint.vae.prior.has_density:
        return f"{row.formula} {m.reconstruction:.2f}; a code is a point, so that there is no KL"
    constant = row.constant(checkpoint.vae.shape)
    if constant == 0:
        return (
            f"reconstruction {m.reconstruction:.2f} + KL {m.kl:.2f} = −ELBO {m.total:.2f} nats per "
            "image"
        )
    terms = f"{row.formula} {m.reconstruction:.2f} and KL {m.kl:.2f} nats per image"
    if checkpoint.neg_elbo is None:
        return f"{terms} (the first is a distance, not a likelihood: there is no ELBO)"
    return (
        f"{terms}; with the likelihood's constant {constant:.2f}, −ELBO {checkpoint.neg_elbo:.2f}"
    )
