"""Measurements of trained models, and the table of all of them."""
