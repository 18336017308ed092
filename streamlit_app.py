"""The door: `streamlit run streamlit_app.py`."""

import streamlit as st

app = st.App("explorer/app.py")
