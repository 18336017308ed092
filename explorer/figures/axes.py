"""Axes of a report's figures: latent dimensions or, of a latent grid, principal components."""

from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.figures.theme import z_name
from explorer.latent import codes as latent_codes
from explorer.latent import directions
from explorer.latent.codes import Codes
from training.vae.model import VAE


class Axes(NamedTuple):
    """K directions in a latent space, most important first: their `names`, unit `vectors` (K, d),
    the `centre` (d,) from which places along them count, and whether each is `active`.

    Of a latent grid the codes `reach` so far along each, (K, 2).
    """

    names: list[str]
    vectors: Tensor
    centre: Tensor
    active: list[bool]
    reach: Tensor | None = None

    def _take(self, rows: list[int]) -> "Axes":
        return Axes(
            [self.names[row] for row in rows],
            self.vectors[rows],
            self.centre,
            [self.active[row] for row in rows],
            None if self.reach is None else self.reach[rows],
        )

    def used(self, most: int) -> "Axes":
        """The first `most` of those that are active; the very first where none is."""
        return self._take([n for n, on in enumerate(self.active) if on][:most] or [0])

    def plane(self) -> "Axes":
        """The first two, or the only one; of two latent dimensions, both in their order."""
        rows = list(range(len(self.names)))[:2]
        if len(self.names) == 2 and self.reach is None:
            rows.sort(key=lambda row: int(self.vectors[row].argmax()))
        return self._take(rows)

    def places(self, vae: VAE, steps: int, least: float) -> Tensor:
        """Places along each, (K, steps): the prior's quantiles from `least` to 1 − `least`, or
        evenly as far as the codes reach."""
        share = torch.linspace(0, 1, steps)
        if self.reach is not None:
            low, high = self.reach[:, :1], self.reach[:, 1:]
            return low + share * (high - low)
        quantiles = vae.prior.quantile(least + share * (1 - 2 * least))
        return quantiles.repeat(len(self.names), 1)

    def of(self, codes: NDArray[Any]) -> NDArray[Any]:
        """Places of codes (N, d) along them, (N, K)."""
        return ((torch.from_numpy(codes) - self.centre) @ self.vectors.T).numpy()

    def move(self, z: Tensor, axis: int, places: Tensor) -> None:
        """Put codes (..., d) at places (...) along an axis, in place; what lies across stays."""
        vector = self.vectors[axis]
        z += (places - (z - self.centre) @ vector)[..., None] * vector

    def middle(self, vae: VAE) -> Tensor:
        """The code (d,) at the prior's median, choices at their first option; of a latent grid the
        codes' mean."""
        if self.reach is not None:
            return self.centre.clone()
        z = vae.prior.quantile(torch.full((vae.config.latent_dim,), 0.5))
        z[vae.config.continuous :] = 0
        return z

    def about(self, vae: VAE) -> str:
        """What the places are, in words."""
        if self.reach is not None:
            return "as far as the codes go; what lies across at their mean"
        prior = vae.prior.title if vae.prior.has_density else "a normal like the codes"
        return "; ".join([f"quantiles of {prior}", *self.rest(vae)])

    def rest(self, vae: VAE) -> list[str]:
        """Where `middle` puts the dimensions that are none of these, in words."""
        rest = vae.config.continuous - len(self.names)
        more = [f"the other {rest} at the prior's median"] if rest else []
        return more + [f"{choice.name} {choice.options[0]}" for choice in vae.config.choices]


def axes_of(vae: VAE, codes: Codes) -> Axes:
    """The latent dimensions in the order of their sliders, without choices; of a latent grid the
    principal components of its codes."""
    if vae.config.grid:
        found = directions.principal(codes)
        along = directions.dimensions_along(codes, found)
        return Axes(
            [f"PC {n + 1}" for n in range(len(along))],
            torch.from_numpy(found.vectors),
            torch.from_numpy(found.mean),
            [True] * len(along),
            torch.tensor([[one.low, one.high] for one in along]),
        )
    dims = latent_codes.dimensions_of(vae, codes)
    dims = [one for one in dims if one.choice is None]
    index = [one.index for one in dims]
    d = vae.config.latent_dim
    names, active = [z_name(n) for n in index], [one.active for one in dims]
    return Axes(names, torch.eye(d)[index], torch.zeros(d), active)
