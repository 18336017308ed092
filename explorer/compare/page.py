"""Compare: models side by side under one cursor, and the table of all of them."""

import streamlit as st

from explorer.compare import controls, stage, table

found, shown = controls.scenes()
if found:
    stage.show(found)
    stage.history(found)
table.show(shown)
st.html(
    '<p class="foot">The address holds models, images and place. A drawing or a picture of yours, '
    "the manifold, the zoom and the marks of a walk are in the link that Share makes.</p>"
)
