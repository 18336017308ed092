"""The explorer in a notebook as a widget, whose view is read and set from Python."""

from collections.abc import Sequence
from typing import Any

import anywidget
import numpy as np
import torch
import traitlets
from numpy.typing import NDArray

from explorer.latent import codes as latent_codes
from explorer.latent.codes import Codes
from explorer.notebook.page import make
from explorer.server.assets import MODULES


class Widget(anywidget.AnyWidget):
    """The whole stage of a model and images; arguments are those of `explorer.notebook.page.make`,
    and the `height` in pixels.

    `z` (d,) is the code that is decoded, `image` the number of x among the images (None for a
    drawing), `selected` those in a lasso, `walk` the codes (2, d) of its ends. All are lists that
    follow what hands do, can be set, and are observed as traits: `explorer.observe(act, "z")`.

    Raises:
        UserError: as `make`.
        traitlets.TraitError: a part of the view is set to what it cannot be; a sentence.
    """

    _esm = (MODULES / "handout" / "notebook.js").read_text("utf-8")
    page = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(720, min=200, max=4000).tag(sync=True)
    z = traitlets.List(traitlets.Float()).tag(sync=True)
    image = traitlets.Int(None, allow_none=True).tag(sync=True)
    selected = traitlets.List(traitlets.Int()).tag(sync=True)
    walk = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)

    def __init__(self, model: Any, *, height: int = 720, **options: Any) -> None:
        text, self.checkpoint, self.shown = make(model, **options)
        super().__init__(page=text, height=height)

    @property
    def latent_dim(self) -> int:
        """Number of latent dimensions."""
        return self.checkpoint.vae.config.latent_dim

    @traitlets.validate("z")
    def _check_z(self, proposal: Any) -> list[float]:
        return self._code(proposal["value"], "z")

    @traitlets.validate("walk")
    def _check_walk(self, proposal: Any) -> list[list[float]]:
        ends = [list(code) for code in proposal["value"]]
        if ends and len(ends) != 2:
            raise traitlets.TraitError(f"walk has {len(ends)} codes; give its two ends.")
        return [self._code(code, "An end of walk") for code in ends]

    def _code(self, values: Sequence[float], what: str) -> list[float]:
        code = [float(v) for v in values]
        if code and len(code) != self.latent_dim:
            raise traitlets.TraitError(
                f"{what} has {len(code)} numbers; the model has {self.latent_dim} dimensions."
            )
        if not np.isfinite(code).all():
            raise traitlets.TraitError(f"{what} is not of finite numbers: {code}.")
        return code

    @traitlets.validate("image", "selected")
    def _check_images(self, proposal: Any) -> Any:
        value, last = proposal["value"], len(self.shown) - 1
        for number in [value] if isinstance(value, int) else value or []:
            if not 0 <= number <= last:
                raise traitlets.TraitError(
                    f"There is no image {number}; they are numbered 0 to {last}."
                )
        return value

    @property
    def codes(self) -> Codes:
        """Codes of the images, in their order: `mu`, `std` and `kl_per_dim`, (N, d) each."""
        vae, shown = self.checkpoint.vae, self.shown
        labels = vae.labels_of(shown.labels, len(shown.classes))
        return latent_codes.encode(vae, shown.images, labels=labels)

    @torch.no_grad()
    def decode(self, z: Any = None) -> NDArray[np.float32]:
        """Pictures of codes (d,) or (N, d), by default of the z that is shown: values in [0, 1] of
        (C, H, W) or (N, C, H, W)."""
        codes = torch.as_tensor(np.asarray(self.z if z is None else z, np.float32))
        pictures: NDArray[np.float32] = self.checkpoint.vae.picture(codes).numpy()
        return pictures.reshape(*codes.shape[:-1], *self.shown.shape.dims)
