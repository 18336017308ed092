"""The line of controls of the Understand page: the model whose numbers are shown, and images."""

import streamlit as st

from explorer import messages, paths
from explorer.session import catalogue, view_state
from explorer.session import controls as boxes
from explorer.session.scene import Scene, overflowing, scene_of


def scene() -> Scene:
    """Draw the controls and return what they choose; stops the page where there is nothing to."""
    good, bad = boxes.listed()
    encoding = {name: item for name, item in good.items() if item.description.metrics}
    with st.container(key="controls"):
        left, right = st.columns([2.4, 3.0], vertical_alignment="bottom")
    model = boxes.checkpoint_box(left, encoding)
    messages.warn([*bad, *view_state.complaints()])
    if model is None:
        messages.info(
            f"There is no checkpoint with an encoder in {paths.checkpoint_dir()}. Make one on the "
            "Train page."
        )
        st.stop()
    images = right.container(horizontal=True, gap="small", key="images")
    shown = boxes.data_box(images, model.checkpoint.description, catalogue.came_with(model))
    found = scene_of(model, shown)
    if found is None:
        messages.warn(f"{overflowing(model)} choose another.")
        st.stop()
    return found
