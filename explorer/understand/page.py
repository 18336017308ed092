"""Understand: the theory of Kingma & Welling (2014), with the numbers of the model on show."""

import streamlit as st

from explorer.understand import controls, stage

stage.show(controls.scene())
st.html(
    '<p class="foot">The address holds the section, the model and the image; a drawing is in the '
    "link that Share makes. Source: Kingma &amp; Welling, Auto-Encoding Variational "
    "Bayes (2014).</p>"
)
