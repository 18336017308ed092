"""Commands of `python -m explorer`; nothing here knows Streamlit."""
