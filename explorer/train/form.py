"""The form that begins a training run."""

import functools
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import msgspec
import streamlit as st

from explorer import messages, paths
from explorer.runs import launch
from explorer.server import access
from explorer.session import catalogue, view_state
from training.data import datasets
from training.data.folder import TEST_SHARE
from training.device import pick_device
from training.errors import UserError
from training.fit.estimate import Estimate, estimate, parameters_of
from training.presets import PRESETS, Preset, choose_network, on_data
from training.runs.run import RunError
from training.vae.likelihoods import LIKELIHOODS
from training.vae.networks import ARCHITECTURES, TRAINED
from training.vae.priors import PRIORS

FIRST = "mnist-5k-2d"  # needs no network and is done in half a minute
_COLOURED = "sprites-64"  # stands for the pictures of one's own that a preset is for

_LABELS = {
    "data": "The data set",
    "epochs": "Epochs",
    "beta": "β",
    "beta_warmup_epochs": "β warm-up",
    "learning_rate": "Learning rate",
    "latent_dim": "Latent dim.",
    "width": "Width",
    "depth": "Depth",
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
    one, two = st.columns(2)
    name = one.selectbox("Preset", names, names.index(FIRST), key="new_preset", format_func=_title)
    preset = PRESETS[name]

    def key(field: str) -> str:  # each preset has its own values
        return f"new_{name}_{field}"

    own = {o.data: o for o in catalogue.image_offers().values() if o.own}
    sets = [*datasets.DATASETS, *own]
    data = preset.data if preset.data in sets else next(iter(own), _COLOURED)
    fields: dict[str, object] = {
        "data": two.selectbox(
            "Data",
            sets,
            sets.index(data),
            key=key("data"),
            format_func=lambda name: own[name].title if name in own else _title_of_data(name),
        )
    }
    # The boxes have no bounds of their own: a value that is not possible is told, not dropped.
    one, two, three, four, five, six = st.columns(6)
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
    latent_dim = four.number_input(
        "Latent dim.",
        value=preset.model.latent_dim,
        step=1,
        key=key("latent_dim"),
        help="How many numbers a code z has, 1 to 256. With more than two the map shows the two "
        "that carry most.",
    )
    fields["learning_rate"] = five.number_input(
        *("Learning rate", None, None, preset.learning_rate, 1e-4, "%.4g"),
        key=key("learning_rate"),
        help="Its peak; it rises to it and falls again.",
    )
    seed = six.number_input(
        "Seed",
        value=0,
        step=1,
        key=key("seed"),
        help="Draws the first weights and the order of the images.",
    )
    # The squared error as a distance is for networks that claim no likelihood.
    terms = [name for name in LIKELIHOODS if name != "squared-error"]
    families = list(PRIORS)
    one, two, three, *rest = st.columns([1.5, 1.5, 1.2, 1, 0.8, 0.8])
    prior = one.selectbox(
        "Prior",
        families,
        families.index(preset.model.prior),
        key=key("prior"),
        help="p(z), and the family of q(z|x): a Gamma code is positive.",
    )
    likelihood = two.selectbox(
        "Likelihood",
        terms,
        terms.index(preset.model.likelihood),
        key=key("likelihood"),
        help="What p(x|z) is: its −log is the reconstruction term.",
    )
    wish = three.text_input("Name", placeholder=preset.name, key=key("name"))
    network = _network(preset, key, rest)
    asked = asdict(preset) | fields
    asked["model"] |= {"latent_dim": latent_dim, "prior": prior, "likelihood": likelihood}
    shown = fields | {"latent_dim": latent_dim} | network
    chosen = own.get(str(fields["data"]))
    _tell_cost(asked, shown, network, chosen.total if chosen else None)
    fault = st.container()  # where one looks: what follows the button may be below the fold
    if not st.button("Start training", type="primary", key="start", width="stretch"):
        return
    try:
        checked = _checked(asked, shown, network)
        parameters_of(checked.model)
        run = launch.start(
            checked,
            seed if seed >= 0 else _refuse(f"Seed {seed} is not possible: it is 0 or more."),
            paths.run_dir(),
            paths.data_dir(),
            paths.checkpoint_dir(),
            wish,
        )
    except UserError as error:
        with fault:
            messages.warn(str(error))
        return
    st.session_state[_STARTED] = st.session_state.get(_STARTED, 0) + 1
    view_state.put(run=run)
    st.rerun()


def _refuse(sentence: str) -> int:
    raise RunError(sentence)


def _network(preset: Preset, key: Callable[[str], str], places: list[Any]) -> dict[str, Any]:
    """Boxes of the network in three places; what is chosen there: the architecture, and, where it
    is not the preset's own, width and depth."""
    left, middle, right = places
    names, own = list(TRAINED), preset.model.architecture
    name = left.selectbox(
        "Network",
        names,
        names.index(own),
        key=key("architecture"),
        help="Fully connected (mlp), convolutional (conv), with residual blocks (resnet), or the "
        "report's.",
    )
    row = ARCHITECTURES[name]
    if not row.width:
        return {} if name == own else {"architecture": name}
    usual = row.size_of(preset.model.encoder_widths) if name == own else row.usual
    chosen = (
        middle.number_input(
            *("Width", None, None, usual[0], 8),
            key=key(f"width_{name}"),
            help="Units of each layer, or channels of the finest stage.",
        ),
        right.number_input(
            *("Depth", None, None, usual[1], 1),
            key=key(f"depth_{name}"),
            help="Hidden layers, or stages, each of which halves the picture's sides.",
        ),
    )
    if name == own and chosen == usual:
        return {}
    return {"architecture": name, "width": chosen[0], "depth": chosen[1]}


def _tell_cost(
    asked: dict[str, Any], shown: dict[str, object], network: dict[str, Any], own: int | None
) -> None:
    """Say what the network costs, on so many pictures of one's `own` or on a data set's, or why
    there is none."""
    try:
        preset = _checked(asked, shown, network)
        # What does not change the cost is left out, so that it is measured once.
        plain = replace(preset, epochs=1, beta=1.0, beta_warmup_epochs=0, learning_rate=1e-3)
        tests = round(TEST_SHARE * (own or 0))
        size = (own - tests, tests) if own else datasets.find(preset.data).size
        messages.caption(str(_cost(plain, size)))
    except UserError as error:
        messages.caption(str(error))


@functools.lru_cache(maxsize=64)
def _cost(preset: Preset, size: tuple[int, int]) -> Estimate:
    """The cost of a preset on a data set of so many pictures here."""
    return estimate(preset, *size, pick_device("auto"))


def _checked(asked: dict[str, object], shown: dict[str, object], network: dict[str, Any]) -> Preset:
    """The preset of these fields, with another network where one is chosen.

    Raises:
        RunError: it is not one; the sentence names the box and its value.
    """
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
        chosen = choose_network(preset.model, **network)
    except ValueError as error:
        raise RunError(f"The {error}") from None
    try:
        return on_data(preset, preset.data, paths.data_dir(), chosen)
    except ValueError as error:
        raise RunError(f"{_LABELS['data']} {preset.data} is not possible: {error}") from None


def _title(name: str) -> str:
    preset = PRESETS[name]
    row = datasets.DATASETS.get(preset.data)
    title = row.title if row else "pictures of your own"
    return f"{name}: {preset.model.latent_dim}-D, {title}, {preset.epochs} epochs"


def _title_of_data(name: str) -> str:
    row = datasets.DATASETS[name]
    images = f"{row.title} · {row.size[0]:,} training images"
    if row.on_disk(paths.data_dir(), "train"):
        return images
    return f"{images} · a download of {row.archive_bytes / 1e6:.0f} MB"
