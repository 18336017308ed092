"""Explore: x → q(z|x) → z → x̂ → the terms, on a map of the latent space."""

import streamlit as st

from explorer.explore import controls, history, stage

scene = controls.scene()
stage.show(scene)
history.show(scene)
if stage.links_z(scene):
    st.html(
        '<p class="foot">The address holds this view: copy it to share what you see. A drawing or '
        "a picture of yours, the manifold and the marks of a walk stay in this tab.</p>"
    )
else:
    st.html(
        '<p class="foot">The address holds this view but for z, which is too long for it: copy it '
        "to share the others. A drawing or a picture of yours, the manifold and the marks of a "
        "walk stay in this tab.</p>"
    )
