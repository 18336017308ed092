"""Below the fold: the terms of the chosen image in full, and how the checkpoint was trained."""

import streamlit as st

from explorer import figures, state
from explorer.choose import Scene

_PLAIN = {"displayModeBar": False}


def show(scene: Scene) -> None:
    """Draw the KL per dimension and the training history."""
    theme = figures.THEMES[theme_name()]
    checkpoint = scene.model.checkpoint
    left, middle, right = st.columns(3)
    image = state.get("image")
    with left:
        st.html('<p class="quantity kl"><b>KL</b> per latent dimension, of the chosen image</p>')
        figure = figures.kl_bars(
            scene.codes.kl_per_dim[image],
            scene.codes.kl_per_dim.mean(0),
            [d.index for d in scene.dims],
            theme,
        )
        st.plotly_chart(figure, height=300, config=_PLAIN, theme=None, key="kl_bars")
    if not checkpoint.history:
        middle.info("This checkpoint carries no training history.")
        return
    for place, term, title, colour in (
        (middle, "reconstruction", "Reconstruction while training", theme.reconstruction),
        (right, "kl", "KL while training", theme.kl),
    ):
        figure = figures.history_curve(checkpoint.history, term, title, colour, theme)
        place.plotly_chart(figure, height=330, config=_PLAIN, theme=None, key=f"history_{term}")
    preset = checkpoint.preset
    m = checkpoint.metrics
    measured = "validation" if m.validation else "test"
    bent = preset.epochs - round(preset.elastic_free * preset.epochs)
    harder = " ".join(
        sentence
        for is_so, sentence in (
            (preset.elastic > 0, f"Until epoch {bent} training bends its images a little."),
            (preset.input_dropout > 0, f"It blanks {preset.input_dropout:.0%} of their pixels."),
            (preset.elastic > 0 or preset.input_dropout > 0, "Its train curve is higher for that."),
        )
        if is_so
    )
    st.caption(
        f"**{checkpoint.name}**: {checkpoint.vae.config.latent_dim}-D, trained on "
        f"{checkpoint.data} for {len(checkpoint.history)} epochs (preset {preset.name}, seed "
        f"{checkpoint.seed}, β = {preset.beta:g}). Over its {m.images:,} {measured} images: "
        f"reconstruction {m.reconstruction:.2f} + KL {m.kl:.2f} = −ELBO {m.neg_elbo:.2f} nats per "
        f"image. {harder}"
    )


def theme_name() -> str:
    """The visitor's theme, `light` or `dark`."""
    return "dark" if st.context.theme.type == "dark" else "light"
