"""Routes and middleware beside Streamlit's; nothing here loads torch."""
