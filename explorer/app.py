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
st.html('<h1 class="brand">VAE Latent Explorer</h1>')

# Not in a folder called "pages": Streamlit would run what is in there without this router.
pages = [
    st.Page("screens/explore.py", title="Explore", default=True),
    st.Page("screens/train.py", title="Train"),
    st.Page("screens/compare.py", title="Compare"),
]
page = st.navigation(pages, position="top")
with st.container(key="phonenav"):  # Streamlit hides its own behind an arrow there
    for entry in pages:
        st.page_link(entry)
component.early(page.url_path)
page.run()
