"""The explorer in a notebook without anywidget: a page in a frame, which tells nothing back."""

import html
from typing import Any

from explorer.notebook.page import make


class Frame:
    """A hand-out of a model and images in a frame of the notebook's page; arguments are those of
    `explorer.notebook.page.make`, and the `height` in pixels.

    Raises:
        UserError: as `make`.
    """

    def __init__(self, model: Any, *, height: int = 720, **options: Any) -> None:
        self.height = height
        self.page, self.checkpoint, self.shown = make(model, **options)

    def _repr_html_(self) -> str:
        """The frame."""
        return (
            f'<iframe title="VAE Latent Explorer" style="width: 100%; height: {self.height:d}px; '
            f'border: 0" srcdoc="{html.escape(self.page)}"></iframe>'
        )

    def __getattr__(self, name: str) -> Any:
        """Raises AttributeError, which says what is missing where a part of the view is asked."""
        if name in ("z", "image", "selected", "walk"):
            raise AttributeError(
                f"{name} is told by a widget alone; install it with `pip install anywidget`, and "
                "start the kernel anew."
            )
        raise AttributeError(name)
