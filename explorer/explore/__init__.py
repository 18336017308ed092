"""The Explore page: one model, live."""
