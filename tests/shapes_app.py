"""The app with the coloured shapes among its data sets: `streamlit run tests/shapes_app.py`.

Trainings that its page begins are processes of their own, which do not know the row.
"""

import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import shapes

shapes.register()

import streamlit_app  # noqa: E402

app = streamlit_app.app
if app is None:  # never: `streamlit run` looks for an assignment like this one in the source
    app = st.App("explorer/app.py")
