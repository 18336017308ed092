"""Compare: models side by side under one cursor, and the table of all of them."""

import streamlit as st

from explorer import beside, ranking

found, shown = beside.scenes()
if found:
    beside.show(found)
    beside.history(found)
ranking.show(shown)
st.html('<p class="foot">The address holds this view: copy it to share what you see.</p>')
