"""Train: begin a run, watch its latent space form, steer it, and replay it."""

import streamlit as st

from explorer import new_run, places, runs, steer

found = runs.names(places.run_dir())
if found:
    with st.container(key="newrun"), st.popover("New run", icon=":material/add:"):
        new_run.show()
    steer.mount(found)
else:
    with st.container(key="firstrun"):
        st.markdown(
            "### Watch a latent space form\n"
            "Choose a preset and start: the terms of the ELBO fall while the codes of 1,000 images "
            "pull apart into classes and the decoded grid sharpens. The run goes on when you close "
            "this page, and nothing of it is lost."
        )
        new_run.show()
