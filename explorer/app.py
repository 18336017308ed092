"""The router: page configuration, style and navigation."""

from pathlib import Path

import streamlit as st

from explorer import components
from explorer.session import lesson_start, page_slots

# A ring and its point, as text: Streamlit would look for a file of that name elsewhere.
ICON = (Path(__file__).parent / "web" / "icon.svg").read_text()


@st.fragment(run_every="12h")
def _return() -> None:
    """Nothing; but a browser asks a server that has come back for a page anew only where the page
    has a fragment that is to run again, and the new server must know its fragments."""


st.set_page_config(page_title="VAE Latent Explorer", page_icon=ICON, layout="wide")
st.html(Path(__file__).with_name("style.css"))
st.html('<h1 class="brand">VAE Latent Explorer</h1>')

# Not in a folder called "pages": Streamlit would run what is in there without this router.
pages = [
    st.Page("explore/page.py", title="Explore", default=True),
    st.Page("train/page.py", title="Train", url_path="train"),
    st.Page("compare/page.py", title="Compare", url_path="compare"),
    st.Page("understand/page.py", title="Understand", url_path="understand"),
]
page = st.navigation(pages, position="top")
lesson_start.begin(page.url_path)
with st.container(key="phonenav"):  # Streamlit hides its own behind an arrow there
    for entry in pages:
        st.page_link(entry)
components.early(page.url_path)
_return()
with page_slots.slot():
    page.run()
