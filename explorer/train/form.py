"""The form that begins a training run."""

from dataclasses import asdict

import msgspec
import streamlit as st

from explorer import messages, paths
from explorer.runs import launch
from explorer.server import access
from explorer.session import view_state
from training.data import datasets
from training.presets import PRESETS, Preset, on_data
from training.runs.run import RunError
from training.vae.likelihoods import LIKELIHOODS
from training.vae.priors import PRIORS

FIRST = "mnist-5k-2d"  # needs no network and is done in half a minute


_LABELS = {
    "data": "The data set",
    "epochs": "Epochs",
    "beta": "β",
    "beta_warmup_epochs": "β warm-up",
    "learning_rate": "Learning rate",
    "latent_dim": "Latent dim.",
}
_STARTED = "runs_started"


def button() -> None:
    """Draw the button that opens the form; another one after each start, which is closed."""
    with st.container(key="newrun"):
        count = st.session_state.get(_STARTED, 0)
        with st.popover("New run", icon=":material/add:", key=f"newrun_{count}"):
            form()


def form() -> None:
    """Draw the form; its button makes the run and has the page watch it."""
    with st.container(key="runform"):
        _form()


def _form() -> None:
    if not access.may_control():
        messages.caption(access.REFUSAL)
        return
    names = list(PRESETS)
    name = st.selectbox("Preset", names, names.index(FIRST), key="new_preset", format_func=_title)
    preset = PRESETS[name]

    def key(field: str) -> str:  # each preset has its own values
        return f"new_{name}_{field}"

    sets = list(datasets.DATASETS)
    fields: dict[str, object] = {
        "data": st.selectbox(
            "Data", sets, sets.index(preset.data), key=key("data"), format_func=_title_of_data
        )
    }
    # The boxes have no bounds of their own: a value that is not possible is told, not dropped.
    one, two, three = st.columns(3)
    fields["epochs"] = one.number_input("Epochs", value=preset.epochs, step=1, key=key("epochs"))
    fields["beta"] = two.number_input(
        *("β", None, None, preset.beta, 0.5, "%g"),
        key=key("beta"),
        help="The weight of the KL term: 1 is the ELBO, more holds q(z|x) closer to the prior.",
    )
    fields["beta_warmup_epochs"] = three.number_input(
        "β warm-up",
        value=preset.beta_warmup_epochs,
        step=1,
        key=key("warmup"),
        help="Over so many epochs β rises from 0.",
    )
    latent_dim = one.number_input(
        "Latent dim.",
        value=preset.model.latent_dim,
        step=1,
        key=key("latent_dim"),
        help="How many numbers a code z has, 1 to 256. With more than two the map shows the two "
        "that carry most.",
    )
    fields["learning_rate"] = two.number_input(
        *("Learning rate", None, None, preset.learning_rate, 1e-4, "%.4g"),
        key=key("learning_rate"),
        help="Its peak; it rises to it and falls again.",
    )
    seed = three.number_input(
        "Seed",
        value=0,
        step=1,
        key=key("seed"),
        help="Draws the first weights and the order of the images.",
    )
    terms, families = list(LIKELIHOODS), list(PRIORS)
    left, middle, right = st.columns(3)
    prior = left.selectbox(
        "Prior",
        families,
        families.index(preset.model.prior),
        key=key("prior"),
        help="p(z), and the family of q(z|x): a Gamma code is positive.",
    )
    likelihood = middle.selectbox(
        "Likelihood",
        terms,
        terms.index(preset.model.likelihood),
        key=key("likelihood"),
        help="What p(x|z) is: its −log is the reconstruction term.",
    )
    wish = right.text_input("Name", placeholder=preset.name, key=key("name"))
    if not st.button("Start training", type="primary", key="start", width="stretch"):
        return
    asked = asdict(preset) | fields
    asked["model"] |= {"latent_dim": latent_dim, "prior": prior, "likelihood": likelihood}
    try:
        run = launch.start(
            _checked(asked, fields | {"latent_dim": latent_dim}),
            seed if seed >= 0 else _refuse(f"Seed {seed} is not possible: it is 0 or more."),
            paths.run_dir(),
            paths.data_dir(),
            paths.checkpoint_dir(),
            wish,
        )
    except RunError as error:
        messages.warn(str(error))
        return
    st.session_state[_STARTED] = st.session_state.get(_STARTED, 0) + 1
    view_state.put(run=run)
    st.rerun()


def _refuse(sentence: str) -> int:
    raise RunError(sentence)


def _checked(asked: dict[str, object], shown: dict[str, object]) -> Preset:
    """The preset of these fields. RunError, naming the box and its value, where it is not one."""
    try:
        preset = msgspec.convert(asked, Preset)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$.")
        field = where.rstrip("`").rpartition(".")[2]
        value = shown.get(field, "")
        raise RunError(
            f"{_LABELS.get(field, field)} {value} is not possible: "
            f"{reason[:1].lower()}{reason[1:].replace('`', '')}."
        ) from None
    try:
        return on_data(preset, preset.data)
    except ValueError as error:
        raise RunError(f"{_LABELS['data']} {preset.data} is not possible: {error}") from None


def _title(name: str) -> str:
    preset = PRESETS[name]
    row = datasets.DATASETS[preset.data]
    return f"{name}: {preset.model.latent_dim}-D, {row.title}, {preset.epochs} epochs"


def _title_of_data(name: str) -> str:
    row = datasets.DATASETS[name]
    images = f"{row.title} · {row.size[0]:,} training images"
    if row.on_disk(paths.data_dir(), "train"):
        return images
    return f"{images} · a download of {row.archive_bytes / 1e6:.0f} MB"
