"""Augmentation of training images: blanked pixels and elastic deformation."""

import torch
import torch.nn.functional as F
from torch import Tensor

from training.vae.image_shape import ImageShape

KNOTS = 5


def blank(x: Tensor, shape: ImageShape, share: float, generator: torch.Generator) -> Tensor:
    """x (B, n) with a random `share` of its pixels at zero, in all channels, and the others scaled
    up for it."""
    pixels = (len(x), 1, shape.height * shape.width)
    keep = torch.rand(pixels, generator=generator, device=x.device) >= share
    return (x.view(len(x), shape.channels, -1) * keep).view(x.shape) / (1 - share)


def elastic(x: Tensor, shape: ImageShape, strength: float, generator: torch.Generator) -> Tensor:
    """x (B, n) bent smoothly: a random shift at each knot of a 5×5 grid, bicubic in between.

    `strength` is the standard deviation of a knot's shift, as a share of half the picture's
    width and height.

    Source of the idea: Simard, Steinkraus & Platt (2003), "Best practices for convolutional
    neural networks applied to visual document analysis".
    """
    n, (channels, height, width) = len(x), shape.dims
    identity = torch.eye(2, 3, device=x.device).expand(n, 2, 3)
    grid = F.affine_grid(identity, [n, channels, height, width], align_corners=False)
    knots = torch.randn(n, 2, KNOTS, KNOTS, generator=generator, device=x.device)
    shift = F.interpolate(knots, (height, width), mode="bicubic", align_corners=True)
    grid = grid + strength * shift.permute(0, 2, 3, 1)
    bent = F.grid_sample(x.view(n, channels, height, width), grid, align_corners=False)
    return bent.view(x.shape).clamp(0, 1)
