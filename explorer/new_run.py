"""The form that begins a training run."""

from dataclasses import asdict

import msgspec
import streamlit as st

from explorer import access, places, runs, state
from training import data
from training.likelihoods import LIKELIHOODS
from training.presets import PRESETS, Preset
from training.runlog import RunError

FIRST = "mnist-5k-2d"  # needs no network and is done in half a minute


def show() -> None:
    """Draw the form; its button makes the run and has the page watch it."""
    if not access.may_control():
        st.caption(access.REFUSAL)
        return
    names = list(PRESETS)
    name = st.selectbox("Preset", names, names.index(FIRST), key="new_preset", format_func=_title)
    preset = PRESETS[name]

    def key(field: str) -> str:  # each preset has its own values
        return f"new_{name}_{field}"

    sets = list(data.DATASETS)
    fields: dict[str, object] = {
        "data": st.selectbox(
            "Data", sets, sets.index(preset.data), key=key("data"), format_func=_title_of_data
        )
    }
    one, two, three = st.columns(3)
    fields["epochs"] = one.number_input("Epochs", 1, 5000, preset.epochs, key=key("epochs"))
    fields["beta"] = two.number_input(
        "β", 0.0, 1000.0, preset.beta, 0.5, "%g", key=key("beta"), help="The weight of the KL term."
    )
    fields["beta_warmup_epochs"] = three.number_input(
        "β warm-up",
        *(0, 5000, preset.beta_warmup_epochs),
        key=key("warmup"),
        help="Over so many epochs β rises from 0.",
    )
    latent_dim = one.number_input(
        "Latent dim.", 1, 256, preset.model.latent_dim, key=key("latent_dim")
    )
    fields["learning_rate"] = two.number_input(
        "Learning rate",
        *(1e-6, 1.0, preset.learning_rate, 1e-4, "%.4g"),
        key=key("learning_rate"),
        help="Its peak; it rises to it and falls again.",
    )
    seed = three.number_input("Seed", 0, 2**31, 0, key=key("seed"))
    terms = list(LIKELIHOODS)
    likelihood = st.selectbox(
        "Likelihood", terms, terms.index(preset.model.likelihood), key=key("likelihood")
    )
    if not st.button("Start training", type="primary", key="start", width="stretch"):
        return
    asked = asdict(preset) | fields
    asked["model"] |= {"latent_dim": latent_dim, "likelihood": likelihood}
    try:
        made = msgspec.convert(asked, Preset)
        run = runs.start(made, seed, places.run_dir(), places.data_dir(), places.checkpoint_dir())
    except (RunError, msgspec.ValidationError, ValueError) as error:
        st.warning(str(error), icon=":material/error:")
        return
    state.put(run=run)
    st.rerun()


def _title(name: str) -> str:
    preset = PRESETS[name]
    row = data.DATASETS[preset.data]
    return f"{name}: {preset.model.latent_dim}-D, {row.title}, {preset.epochs} epochs"


def _title_of_data(name: str) -> str:
    row = data.DATASETS[name]
    images = f"{row.title} · {row.size[0]:,} training images"
    if row.on_disk(places.data_dir(), "train"):
        return images
    return f"{images} · a download of {row.archive_bytes / 1e6:.0f} MB"
