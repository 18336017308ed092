"""Explore: x → q(z|x) → z → x̂ → the terms, on a map of the latent space."""

import streamlit as st

from explorer.explore import controls, history, stage

scene = controls.scene()
stage.show(scene)
history.show(scene)
if stage.links_z(scene):
    st.html(
        '<p class="foot">The address holds model, images and z. A drawing or a picture of yours, '
        "the manifold, the zoom and the marks of a walk are in the link that Share makes.</p>"
    )
else:
    st.html(
        '<p class="foot">The address holds model and images; z is too long for it. A drawing or a '
        "picture of yours, the manifold, the zoom and the marks of a walk are in the link that "
        "Share makes.</p>"
    )
