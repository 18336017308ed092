"""Explore: x → q(z|x) → z → x̂ → the terms, on a map of the latent space."""

import streamlit as st

from explorer.explore import controls, history, stage

scene = controls.scene()
stage.show(scene)
history.show(scene)
what = "this view" if stage.links_z(scene) else "this view but for z, which is too long for it"
st.html(f'<p class="foot">The address holds {what}: copy it to share what you see.</p>')
