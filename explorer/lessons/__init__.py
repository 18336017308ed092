"""Lessons: steps with a text and a view of a page, a YAML file each. No Streamlit here."""
