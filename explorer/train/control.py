"""Handles the orders of the Train page, and refuses those that a visitor may not give."""

from pathlib import Path

import streamlit as st

from explorer import messages, paths
from explorer.runs import launch, manage, watch
from explorer.server import access
from explorer.session import catalogue, manage_box, view_state
from explorer.train import component
from training.runs.run import Run, RunError
from training.runs.status import ALIVE

_OPEN = "open_in_explore"
_MANAGED = "managed_run"


def mount(found: list[str]) -> None:
    """Put the view of a run on the page: the run of the address, or the newest.

    Opens the Explore page where an order has asked for it.
    """
    if st.session_state.pop(_OPEN, False):
        st.switch_page("explore/page.py")
    for name in ("run", "over"):
        wanted = view_state.get(name)
        if wanted is not None and wanted not in found:
            view_state.complain(f"There is no run {view_state.quoted(wanted)} here any more.")
            view_state.put(**{name: None})
    if view_state.get("run") is None:
        view_state.put(run=found[0])
    for sentence in view_state.complaints():
        messages.toast(sentence)  # nothing may jump
    component.mount(
        view_state.get("run"),
        view_state.get("over"),
        access.may_control(),
        access.REFUSAL,
        handle_order,
        handle_view,
    )
    view_state.publish("run", "over")
    managed = st.session_state.get(_MANAGED)
    if managed in found and access.may_control():
        dialog = st.dialog(messages.title(managed), on_dismiss=_dismiss)
        dialog(_manage)(managed)


def handle_view() -> None:
    """Take over which runs a visitor has chosen."""
    run, over = component.view()
    there = watch.names(paths.run_dir())
    if run in there:
        view_state.put(run=run, over=over if over in there else None)


def handle_order() -> None:
    """Apply the order that has come, or say why not."""
    order = component.order()
    if order is None:
        return
    try:
        run = watch.find(paths.run_dir(), order.run)
        if order.action == "open":
            _open(run)
        elif not access.may_control():
            view_state.complain(access.REFUSAL)
        elif order.action == "manage":
            st.session_state[_MANAGED] = order.run
        else:
            apply_action(run, order.action, order.beta)
    except RunError as error:
        view_state.complain(str(error))


def apply_action(run: Run, action: str, beta: float) -> None:
    """Steer a run: one of `component.ACTIONS` but for `open` and `manage`.

    Raises:
        RunError: the run cannot do that.
    """
    alive = run.status().state in ALIVE
    if action == "beta":
        run.request(beta=beta)
    elif action == "pause":
        run.request(order="pause")
    elif action == "go on":
        launch.resume(run)
    elif action == "stop" and alive:
        run.request(order="stop")
    else:  # its process is gone: another one writes the checkpoint of what was saved
        launch.resume(run, finish=True)


def _dismiss() -> None:
    st.session_state.pop(_MANAGED, None)


def _manage(name: str) -> None:
    """Rename, duplicate or delete a run."""
    run, made = Run(paths.run_dir() / name), paths.checkpoint_dir()
    new = manage_box.draw(
        "run",
        name,
        manage_box.Deeds(
            lambda wish: manage.rename_run(run, wish, made),
            lambda wish: manage.duplicate_run(run, wish, made),
            lambda: manage.delete_run(run),
        ),
        "its curves, its snapshots and its saved state. A checkpoint that it has made stays",
    )
    if new is not None:
        _dismiss()
        view_state.put(run=new or None)
        if view_state.get("over") == name:
            view_state.put(over=None)
        st.rerun()


def _open(run: Run) -> None:
    made, config = run.status().checkpoint, run.config()
    path = Path(made or "nowhere")
    name, offered = path.stem, catalogue.listed()
    if path.parent.resolve() != paths.checkpoint_dir().resolve() or name not in offered:
        raise RunError(
            f"The checkpoint of {run.path.name} is not among those that Explore shows; open its "
            "file there under Options."
        )
    view_state.put(checkpoint=name, z=None, axes=None)
    for offer in catalogue.image_offers().values():
        if offer.data == config.preset.data:
            if offer.name != view_state.get("data"):
                view_state.put(data=offer.name, image=None)
            break
    st.session_state[_OPEN] = True
