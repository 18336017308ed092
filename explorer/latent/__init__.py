"""Codes and projections as arrays; nothing here knows Streamlit."""
