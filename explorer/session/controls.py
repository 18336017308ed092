"""The boxes that choose models and images, on every page that shows them."""

import streamlit as st

from explorer import messages
from explorer.session import catalogue, image_sets, view_state
from explorer.session.catalogue import Listed, Model
from explorer.session.image_sets import Offer, Shown
from training.checkpoint import Description
from training.data.names import without_place
from training.vae.likelihoods import LIKELIHOODS

UPLOADS = "uploads"
_FOLLOWED = "data_followed"  # the images that came with the model, which go with it
_CLASS = "class"
UPLOADED = " (uploaded)"  # a link cannot carry the file


def listed() -> tuple[dict[str, Listed], list[str]]:
    """The checkpoints on disk and those that this visitor opened, and why others cannot be."""
    offered = catalogue.listed()
    for name, content in st.session_state.get(UPLOADS, {}).items():
        offered[name + UPLOADED] = catalogue.listed_upload(name, content)
    good = {name: item for name, item in offered.items() if isinstance(item, Listed)}
    return good, [item for item in offered.values() if isinstance(item, str)]


def checkpoint_box(place, good: dict[str, Listed]) -> Model | None:
    """Draw the box of checkpoints, and return the chosen one; None where none can be read."""
    wanted, model = _chosen(good)
    if model is None:
        return None
    view_state.show_in("checkpoint_box", wanted)

    def changed() -> None:
        view_state.put(checkpoint=st.session_state["checkpoint_box"], z=None, axes=None)

    place.selectbox(
        "Checkpoint",
        list(good),
        label_visibility="collapsed",
        key="checkpoint_box",
        on_change=changed,
        format_func=lambda name: describe(name, good[name].description),
    )
    return model


def _chosen(good: dict[str, Listed]) -> tuple[str, Model | None]:
    """The checkpoint that the view names, or the first one of those that can be read."""
    wanted = view_state.get("checkpoint")
    if wanted in good:
        model = good[wanted].load()
        if isinstance(model, Model):
            return wanted, model
        view_state.complain(model)
        del good[wanted]
        wanted = None
        view_state.put(z=None, axes=None)
    if wanted is not None and good:
        again = " Open its file again under Options." if wanted.endswith(UPLOADED) else ""
        view_state.complain(
            f"There is no checkpoint {view_state.quoted(wanted)} to show; the ones here are "
            f"{', '.join(good)}.{again}"
        )
        view_state.put(z=None, axes=None)
    while good:
        name = catalogue.first_choice(good)
        model = good[name].load()
        if isinstance(model, Model):
            view_state.put(checkpoint=name)
            return name, model
        view_state.complain(model)
        del good[name]
    return "", None


def describe(name: str, found: Description) -> str:
    """A checkpoint in a list of them."""
    m, likelihood = found.metrics, LIKELIHOODS[found.config.likelihood]
    if m is None:
        return f"{name} · a decoder alone"
    if likelihood.constant_per_value == 0:
        return f"{name} · −ELBO {m.total:.1f}"
    reconstruction = f"{m.reconstruction:.1f}".replace("-", "−")
    if not found.config.family.has_density:
        return f"{name} · {likelihood.formula} {reconstruction}"
    return f"{name} · {likelihood.formula} {reconstruction}, KL {m.kl:.1f}"


def has_images(model: Description) -> bool:
    """Whether images that fit a model are on offer to this visitor."""
    offers = image_sets.fitting(catalogue.image_offers(), model.config.image_shape)
    return image_sets.usual(offers, model.data) is not None


def data_box(place, model: Description, own: Shown | None = None) -> Shown:
    """Draw the box of images that fit a model, and return the chosen ones; stops the page where
    there are none. Unless others are chosen, a model has those that it was trained on, or its
    `own`, which came with it."""
    offers = catalogue.image_offers()
    trained = any(image_sets.alike(offer, model.data) for offer in offers.values())
    if own is not None:
        came = image_sets.with_model(model.name, own.images)
        offers = {**offers, came.name: came} if trained else {came.name: came, **offers}
    fitting = image_sets.fitting(offers, model.config.image_shape)
    usual = image_sets.usual(fitting, model.data)
    if usual is None:
        messages.info(
            f"The checkpoint {model.name} takes pictures of "
            f"{model.config.image_shape}, and no data set here has those; choose another one."
        )
        st.stop()
    offer, shown = _loaded(fitting, _wanted(offers, fitting, usual, model), own)
    view_state.put(data=offer.name)
    st.session_state[_FOLLOWED] = offer.name if offer.name == usual else None
    view_state.show_in("data_box", offer.name)

    def changed() -> None:
        view_state.put(data=st.session_state["data_box"], image=None, z=None, x=None, x_beside=None)

    place.selectbox(
        "Images",
        list(fitting),
        key="data_box",
        on_change=changed,
        format_func=lambda name: fitting[name].title,
        label_visibility="collapsed",
    )
    others = [offer for name, offer in offers.items() if name not in fitting]
    if others:
        rows = ", ".join(f"{offer.name} ({offer.shape})" for offer in others[:12])
        place.markdown(
            "",
            help=messages.shown(
                f"{model.name} takes pictures of {model.config.image_shape}. Not on offer with it, "
                f"as their pictures have another shape: {rows}."
            ),
            width="content",
        )
    if not image_sets.alike(offer, model.data) and (model.data or own is None):
        messages.caption(
            f"{model.name} was not trained on these pictures, but on {_called(offers, model.data)}."
        )
    return shown


def _called(offers: dict[str, Offer], data: str) -> str:
    """What the page calls the data set that training calls `data`; never where it lies."""
    for offer in offers.values():
        if offer.data == data:
            return offer.title
    return without_place(data)


def _wanted(
    offers: dict[str, Offer], fitting: dict[str, Offer], usual: str, model: Description
) -> str:
    """The name of the images that the view asks for, if they fit; it is told why others do not."""
    wanted = view_state.get("data")
    if wanted in fitting and wanted != st.session_state.get(_FOLLOWED):
        return wanted
    if wanted in offers and wanted != st.session_state.get(_FOLLOWED):
        called = f"the checkpoint {model.name}"
        shape = model.config.image_shape
        view_state.complain(image_sets.misfit(offers[wanted], shape, called, usual))
    elif wanted is not None and wanted not in offers:
        view_state.complain(
            f"The data set {view_state.quoted(wanted)} is not here; the ones that can be shown "
            f"are {', '.join(fitting)}."
        )
    if wanted in offers and wanted != usual:
        view_state.put(image=None, z=None)
    return usual


def _loaded(fitting: dict[str, Offer], wanted: str, own: Shown | None) -> tuple[Offer, Shown]:
    """The wanted images; those that are damaged give way to others that can be read."""
    for name in (wanted, *(name for name in fitting if name != wanted)):
        offer = fitting[name]
        shown = own if own is not None and not offer.parts else image_sets.load(offer)
        if isinstance(shown, Shown):
            return fitting[name], shown
        messages.warn(shown)
    return st.stop()


def colour_box(place, shown: Shown) -> None:
    """Draw the box of what colours the map, where the images have factors besides their classes."""
    by = view_state.get("colour")
    names = [factor.name for factor in shown.images.factors]
    if by is not None and by not in names:
        ones = f"its factors are {', '.join(names)}" if names else "it has none"
        view_state.complain(f"The data set on show has no factor {view_state.quoted(by)}; {ones}.")
        view_state.put(colour=None)
        by = None
    if not names:
        return
    if not any(factor.names == shown.images.classes for factor in shown.images.factors):
        names = [_CLASS, *names]
    by = by or names[0]
    view_state.show_in("colour_box", by)

    def changed() -> None:
        chosen = st.session_state["colour_box"]
        view_state.put(colour=None if chosen == names[0] else chosen)

    place.selectbox(
        "Colour by",
        names,
        key="colour_box",
        on_change=changed,
        help="What colours the codes on the map.",
        format_func=lambda name: f"◐ {name}",
        label_visibility="collapsed",
    )
