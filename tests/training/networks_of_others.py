"""Small networks of somebody else, as programs, for tests of what takes them."""

import torch

from training.vae.choices import Choice
from training.vae.image_shape import ImageShape
from training.vae.model import VAE, VAEConfig
from training.vae.program import Builder
from training.vae.program_network import Programs

DIGITS = Choice("digit", ("0", "1", "2"), "label")
KINDS = Choice("kind", ("p", "q", "r", "s"), "categorical")


TINY = ImageShape(3, 2, 2)


def with_choices(shape: ImageShape = TINY, continuous: int = 3) -> VAE:
    """A linear model that is given a label and has a categorical latent beside its code."""
    torch.manual_seed(0)
    n, k = shape.size, len(KINDS.options)
    b = Builder([n + 1])
    x = b.add("slice", b.x, axis=0, start=0, stop=n)
    label = b.add("slice", b.x, axis=0, start=n, stop=n + 1)
    one_hot = b.add("reshape", b.add("one_hot", label, classes=3), sides=[3])
    both = b.add("concat", x, one_hot)
    head = b.add("linear", both, weight=torch.randn(2 * continuous, n + 3) / n)
    options = b.add("softmax", b.add("linear", both, weight=torch.randn(k, n + 3)))
    b.add("concat", head, options)
    encoder = b.program()
    b = Builder([continuous + 2])
    z = b.add("slice", b.x, axis=0, start=0, stop=continuous)
    parts = [z]
    for at, count in ((continuous, 3), (continuous + 1, k)):
        one = b.add("slice", b.x, axis=0, start=at, stop=at + 1)
        parts.append(b.add("reshape", b.add("one_hot", one, classes=count), sides=[count]))
    b.add("linear", b.add("concat", *parts), weight=torch.randn(n, continuous + 3 + k))
    config = VAEConfig(
        continuous + 2, (), (), "program", image_shape=shape, choices=(DIGITS, KINDS)
    )
    return VAE(config, Programs(encoder, b.program())).eval()
