"""The table of all checkpoints: sortable, and a click opens a row: its numbers and the report's
figures, over the page."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from explorer import messages, paths
from explorer.compare import measuring
from explorer.compare.controls import MOST
from explorer.session import catalogue, image_sets, view_state
from explorer.session import controls as boxes
from explorer.session.catalogue import Listed, Model
from explorer.session.image_sets import Shown
from explorer.session.settings import settings
from training.checkpoint import SUFFIX, Description
from training.evaluation import table
from training.evaluation.table import Row, TableError
from training.text import printable
from training.vae.likelihoods import LIKELIHOODS
from training.vae.priors import find

_CLOSED = "rows_closed"
_COLUMNS: dict[str, tuple[str, str]] = {
    "checkpoint": ("", "A click on a row opens it below."),
    "prior": ("", "The prior p(z) of every dimension."),
    "d": ("%d", "Latent dimensions."),
    "trained term": ("", "What the model was trained to make small beside the KL."),
    "its value": ("%.2f", "That term, over the test images, one sample of z an image."),
    "KL": ("%.2f", "KL(q(z|x) ‖ p(z)) in nats per image, exact."),
    "Bernoulli": ("%.2f", "Cross-entropy of x̂ and x in nats per image, whatever was trained."),
    "−ELBO": ("%.2f", "Bernoulli + KL, nats per image; none is claimed for perceptual terms."),
    "IWAE": ("%.2f", "Importance-weighted bound on −log p(x), Bernoulli, nats per image."),
    "active": ("%d", "Dimensions whose mean has a variance over 0.01 over the images."),
    "I(x; z)": ("%.2f", "Mutual information under q in nats; its estimate is at most log N."),
    "MIG": ("%.3f", "Mutual information gap: 1 where each known factor has a dimension to itself."),
    "5-NN": ("%.1f %%", "Share of test images whose class the 5 nearest training codes tell."),
    "FID": (
        "%.0f",
        "Fréchet distance of samples from the prior, in a digit classifier's features.",
    ),
    "conf.": ("%.1f %%", "The digit classifier's mean confidence in those samples."),
    "H(class)": ("%.2f", "Entropy of the mean class probabilities in them; log 10 = 2.30 is even."),
    "report's FID": ("%.2f", "As published, in Inception's features: another quantity than FID."),
}

_WIDTHS = {"checkpoint": 172, "trained term": 166}  # pixels; otherwise the longest is cut


def _values(row: Row) -> tuple[Any, ...]:
    e, quality = row.evaluation, row.evaluation.quality
    return (
        row.name,
        find(row.prior).title,
        e.latent_dim,
        LIKELIHOODS[row.likelihood].formula,
        e.reconstruction,
        e.kl if find(row.prior).has_density else None,
        e.bernoulli,
        e.bernoulli_neg_elbo,
        e.iwae,
        e.active_units,
        e.mutual_information,
        e.mutual_information_gap,
        None if e.knn_accuracy is None else 100 * e.knn_accuracy,
        quality and quality.fid,
        quality and 100 * quality.confidence,
        quality and quality.class_entropy,
        row.report_fid,
    )


def _blank(name: str, found: Description) -> tuple[Any, ...]:
    """What is known of a checkpoint that has not been measured."""
    config = found.config
    known = (name, config.family.title, config.latent_dim, LIKELIHOODS[config.likelihood].formula)
    return known + (None,) * (len(_COLUMNS) - len(known))


def show(shown: Shown | None) -> None:
    """Draw the table, and the row that is open."""
    st.header("All checkpoints", anchor=False)
    try:
        rows = list(table.read(paths.checkpoint_dir()).values())
    except (TableError, ValueError) as error:
        messages.warn(str(error))
        return
    measured = {row.name for row in rows}
    others = {
        name: item.description
        for name, item in catalogue.listed().items()
        if isinstance(item, Listed) and item.description.metrics and name not in measured
    }
    if not rows and not others:
        st.info("There is no checkpoint to measure; make one on the Train page.")
        return
    _table(rows, others)
    measuring.draw(list(others))
    _opened(rows, others, shown)


def _table(rows: list[Row], others: Mapping[str, Description]) -> None:
    import pandas as pd

    names = [*(row.name for row in rows), *others]
    values = [*map(_values, rows), *(_blank(name, found) for name, found in others.items())]
    data = pd.DataFrame(values, columns=list(_COLUMNS))
    numbers = data.columns[[bool(form) for form, _ in _COLUMNS.values()]]
    data[numbers] = data[numbers].astype(float)

    # A row that was closed is another table's: the same click must open it again.
    key = f"ranking_{st.session_state.get(_CLOSED, 0)}"

    def chosen() -> None:
        cells = st.session_state[key].selection.cells
        view_state.put(row=names[cells[0][0]] if cells else None)

    st.dataframe(
        data,
        key=key,
        hide_index=True,
        on_select=chosen,
        selection_mode="single-cell",
        height="content",
        placeholder="–",
        column_config={
            name: st.column_config.NumberColumn(name, help=text, format=form)
            if form
            else st.column_config.TextColumn(
                name, help=text, pinned=name == "checkpoint", width=_WIDTHS.get(name)
            )
            for name, (form, text) in _COLUMNS.items()
        },
    )
    counts = sorted({row.evaluation.images for row in rows})
    over = " or ".join(f"{n:,}" for n in counts[:: max(1, len(counts) - 1)])
    between = "from " if len(counts) > 2 else ""
    if between:
        over = over.replace(" or ", " to ")
    messages.caption(
        (f"Over {between}{over} test images. " if rows else "")
        + "Click a column's head to sort by it, and a row to open it. "
        "`python -m training evaluate --all` measures all; what a column means is said on its "
        "head. The report's FID is of other features than FID: the two columns cannot be compared."
    )


def _opened(rows: list[Row], others: Mapping[str, Description], shown: Shown | None) -> None:
    name = view_state.get("row")
    if name is None:
        return
    row = next((row for row in rows if row.name == name), None)
    listed = boxes.listed()[0].get(name)
    model = listed.load() if listed else ""
    if (row is None and name not in others) or isinstance(model, str):
        messages.warn(
            f"There is no checkpoint {view_state.quoted(name)} here; choose a row of the table."
        )
        return
    dialog = st.dialog(messages.title(name), width="large", on_dismiss=_close)
    dialog(_row)(name, row, model, shown)


def _close() -> None:
    view_state.put(row=None)
    st.session_state[_CLOSED] = st.session_state.get(_CLOSED, 0) + 1


def _row(name: str, row: Row | None, model: Model, shown: Shown | None) -> None:
    with st.container(key="opened"):
        _heading(name, row, model)
        fitting = _fitting(model, shown)
        if fitting is None:
            shape = model.checkpoint.vae.shape
            messages.caption(f"No data set here has pictures of {shape}, for its figures.")
        else:
            _figures(model, fitting)


def _fitting(model: Model, shown: Shown | None) -> Shown | None:
    """The images on show, or where a model takes others, those that it has on Explore."""
    shape = model.checkpoint.vae.shape
    if shown is not None and shown.images.shape == shape:
        return shown
    if (own := catalogue.came_with(model)) is not None:
        return own
    offers = image_sets.fitting(catalogue.image_offers(), shape)
    usual = image_sets.usual(offers, model.checkpoint.data)
    found = image_sets.load(offers[usual]) if usual else None
    return found if isinstance(found, Shown) else None


def _terms(row: Row) -> str:
    likelihood, e = LIKELIHOODS[row.likelihood], row.evaluation
    constant = likelihood.constant(row.image_shape)
    own = (
        f"no −ELBO is claimed: {likelihood.title.lower()} is a distance"
        if e.neg_elbo is None
        else f"−ELBO {e.neg_elbo:.2f} nats per image"
        + (f" with the constant {constant:.2f}" if constant else "")
    )
    kl = f"KL {e.kl:.2f}" if find(row.prior).has_density else "a code is a point"
    return f"{likelihood.title}: {e.reconstruction:.2f}, {kl}, {own}."


def _heading(name: str, row: Row | None, model: Model) -> None:
    words, explore, add = st.columns([5, 1.4, 1.4], vertical_alignment="center")
    found = model.checkpoint
    terms = _terms(row) if row else "Its row of the table has not been measured yet."
    if found.origin is not None:
        made = f"Imported from {printable(found.origin.network)}, {found.origin.imported}."
        messages.paragraph((terms, made), words)
    else:
        messages.paragraph((terms,), words)
        with words.expander("All settings"):
            messages.facts(
                settings(found.preset, found.seed, found.data, found.history, found.refit)
            )
    if explore.button("Open in Explore", icon=":material/explore:", width="stretch"):
        _close()
        view_state.put(checkpoint=name, z=None, axes=None)
        st.switch_page("explore/page.py")
    names = view_state.get("beside") or ()
    full = len(names) >= MOST
    help_ = f"{MOST} are shown already: take one out above." if full else None
    if add.button(
        "Put beside",
        icon=":material/add:",
        disabled=full or name in names,
        help=help_,
        width="stretch",
        key="put_beside",
    ):
        _close()
        view_state.put(beside=(*names, name))
        st.rerun()
    stale = row is not None and _digest(name) != row.digest
    if stale:
        messages.warn(f"{name} is another one than was measured; measure it again.")
    if (row is None or stale) and measuring.begins(name, "measure_opened"):
        _close()
        st.rerun()


def _digest(name: str) -> str:
    try:
        return table.digest_of(paths.checkpoint_dir() / f"{name}{SUFFIX}")
    except OSError:  # gone since it was listed
        return ""


def _chosen(name: str, there: list[str]) -> str:
    """The figure that stands at a place: of those among which there is a choice, the one taken."""
    from explorer.figures import report

    row = {n: title for n, title in report.CHOICES.get(name, {}).items() if n in there}
    if len(row) < 2:
        return name
    taken = st.segmented_control(
        "Places",
        list(row),
        format_func=row.__getitem__,
        default=name,
        required=True,
        key=f"places_{name}",
        label_visibility="collapsed",
    )
    return taken or name


def _figures(model: Model, shown: Shown) -> None:
    """The report's figures of a checkpoint, drawn one after the other."""
    from explorer.figures import report

    # The files are for paper; what is shown here is for this page.
    theme = "dark" if st.context.theme.type == "dark" else "light"
    places_ = {}
    grid = st.columns(2)
    there = report.figures_of(model.checkpoint)
    others = {other for row in report.CHOICES.values() for other in list(row)[1:]}
    for n, name in enumerate(name for name in there if name not in others):
        places_[name] = grid[n % 2].empty()
        messages.caption(f"Drawing {name} …", places_[name])
    for shown_as, place in places_.items():
        with place.container():
            name = _chosen(shown_as, there)
            figure = partial(catalogue.report_figure, (model.key, shown.key), model, shown, name)
            st.image(figure("png", theme), width="stretch", alt=report.CAPTIONS[name])
            line = st.container(horizontal=True, vertical_alignment="center")
            messages.caption(report.CAPTIONS[name], line, width="stretch")
            for kind, mime in (("png", "image/png"), ("svg", "image/svg+xml")):
                line.download_button(
                    messages.title(kind.upper()),
                    partial(figure, kind, "light"),
                    f"{model.checkpoint.name}-{name}.{kind}",
                    mime,
                    key=f"{kind}_{name}",
                    on_click="ignore",
                    type="tertiary",
                    icon=":material/download:",
                )
