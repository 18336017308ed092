"""The app with the models of large_models.py: `streamlit run benchmarks/large_models_app.py`."""

import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import large_models

large_models.register()

import streamlit_app  # noqa: E402

app = streamlit_app.app
if app is None:  # never: `streamlit run` looks for an assignment like this one in the source
    app = st.App("explorer/app.py")
