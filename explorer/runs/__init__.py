"""Training runs as the app sees them; nothing here knows Streamlit."""
