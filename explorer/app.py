"""The router: page configuration, style and navigation."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # Streamlit puts this file's own folder there, not the project's
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402

from explorer.stage import component  # noqa: E402

st.set_page_config(page_title="VAE Latent Explorer", page_icon="◎", layout="wide")
st.html(Path(__file__).with_name("style.css"))
component.early()
st.html('<h1 class="brand">VAE Latent Explorer</h1>')

st.navigation([st.Page("pages/explore.py", title="Explore", default=True)], position="hidden").run()
