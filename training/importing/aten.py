"""The table of aten operators that a program has ops for: its rows are in these modules."""

from training.importing import aten_labels, aten_linear, aten_norms, aten_places, aten_pointwise
from training.importing.lowered import ROWS

__all__ = ["ROWS", "aten_labels", "aten_linear", "aten_norms", "aten_places", "aten_pointwise"]
