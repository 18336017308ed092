"""The explorer in a notebook:

    from explorer.notebook import Explorer
    explorer = Explorer("mnist-2d")

With anywidget it is a `Widget`, whose view is read and set; without, a `Frame` that shows the same.
"""

from typing import Any

__all__ = ["Explorer"]

Explorer: Any
try:
    from explorer.notebook.widget import Widget as Explorer
except ModuleNotFoundError as error:
    if error.name not in ("anywidget", "traitlets"):
        raise
    from explorer.notebook.frame import Frame as Explorer
