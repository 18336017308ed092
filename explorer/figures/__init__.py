"""Figures of plotly and matplotlib, and their colours; nothing here knows Streamlit."""
