"""Train: begin a run, watch its latent space form, steer it, and replay it."""

import streamlit as st

from explorer import paths
from explorer.runs import watch
from explorer.train import component, control, film
from explorer.train import form as train_form

found = watch.names(paths.run_dir())
if found:
    train_form.button()
    control.mount(found)
else:
    st.container()  # where the button will be: what stands in it now would be squeezed for a moment
    with st.container(key="firstrun"):
        words, moving = st.columns(2, vertical_alignment="center")
        words.markdown(
            "## Watch a latent space form\n"
            "Choose a preset and start: the terms of the ELBO fall while the codes of the test "
            "images pull apart into classes and the decoded grid sharpens. The run goes on when "
            "you close this page; killed at any moment, it goes on from its last saved step."
        )
        train_form.form()
        with moving:  # after the form, which waits for nothing
            component.mount_film(film.offer())
