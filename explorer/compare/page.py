"""Compare: models side by side under one cursor, and the table of all of them."""

import streamlit as st

from explorer.compare import controls, stage, table

found, shown = controls.scenes()
if found:
    stage.show(found)
    stage.history(found)
table.show(shown)
st.html(
    '<p class="foot">The address holds this view: copy it to share what you see. A drawing or '
    "a picture of yours, the manifold and the marks of a walk stay in this tab.</p>"
)
