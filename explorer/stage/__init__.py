"""The live stage: the model itself, in the browser."""
