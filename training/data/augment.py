"""What training does to images so that a model cannot learn them by heart."""

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 28
KNOTS = 5


def blank(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """x (B, 784) with a random `share` of its pixels at zero and the others scaled up for it."""
    keep = torch.rand(x.shape, generator=generator, device=x.device) >= share
    return x * keep / (1 - share)


def elastic(x: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """x (B, 784) bent smoothly: a random shift at each knot of a 5×5 grid, bicubic in between.

    `strength` is the standard deviation of a knot's shift, as a share of half the picture's side.
    Source of the idea: Simard, Steinkraus & Platt (2003), "Best practices for convolutional
    neural networks applied to visual document analysis".
    """
    n = len(x)
    identity = torch.eye(2, 3, device=x.device).expand(n, 2, 3)
    grid = F.affine_grid(identity, [n, 1, SIDE, SIDE], align_corners=False)
    knots = torch.randn(n, 2, KNOTS, KNOTS, generator=generator, device=x.device)
    shift = F.interpolate(knots, (SIDE, SIDE), mode="bicubic", align_corners=True)
    grid = grid + strength * shift.permute(0, 2, 3, 1)
    bent = F.grid_sample(x.view(n, 1, SIDE, SIDE), grid, align_corners=False)
    return bent.view(n, SIDE * SIDE).clamp(0, 1)
