"""An encoder that looks at what its decoder makes of its answer, and mends it."""

import torch
from torch import Tensor, nn

from training.vae.ops_linear import Conv
from training.vae.program import Builder

STEPS = 3
RATE = 0.5


class Stepped(nn.Module):
    """A first guess of μ and log σ², (B, n) → (B, 2·d), whose μ then climbs log p(x, z) by `STEPS`
    steps of `RATE` · σ² · gradient, for a Bernoulli p(x|z) and a standard normal prior.

    `decoder` is a copy of the model's, linear layers with SiLU between them; 1/σ² is nearly the
    curvature of log p(x, z), so that a step is one of Newton's with a diagonal. It is computed in
    float32, as a code has to be.

    Source of the idea: the semi-amortised inference of Kim, Wiseman, Miller, Sontag & Rush (2018),
    here with fixed steps and without the loss's gradient through them.
    """

    def __init__(self, first: nn.Sequential, decoder: nn.Sequential) -> None:
        super().__init__()
        self.first, self.decoder = first, decoder

    def forward(self, x: Tensor) -> Tensor:
        """μ after the steps, and log σ² as it was guessed."""
        with torch.autocast(x.device.type, enabled=False):
            mu, log_var = self.first(x.float()).chunk(2, -1)
            for _ in range(STEPS):
                mu = mu + RATE * torch.exp(log_var) * self._slope(x, mu)
            return torch.cat([mu, log_var], -1)

    def _slope(self, x: Tensor, z: Tensor) -> Tensor:
        """Gradient of log p(x, z) with respect to z, (B, d)."""
        *hidden, last = [layer for layer in self.decoder if isinstance(layer, nn.Linear)]
        h, slopes = z, []
        for layer in hidden:
            a = layer(h)
            gate = torch.sigmoid(a)
            h = a * gate
            slopes.append(gate + h * (1 - gate))
        back = (x - torch.sigmoid(last(h))) @ last.weight
        for layer, slope in zip(reversed(hidden), reversed(slopes), strict=True):
            back = (back * slope) @ layer.weight
        return back - z

    def lower(self, builder: Builder, x: str) -> str:
        """The guess and its steps as ops of a program; the name of the result.

        Numbers are channels of 1×1 pictures here, because one tensor is then the weight of a
        convolution and of its transpose: each weight travels once.
        """

        def flat(value: str, start: int) -> str:
            part = builder.add("slice", value, axis=0, start=start, stop=start + d)
            return builder.add("reshape", part, sides=[-1, 1, 1])

        guess = builder.lower(self.first, x)
        d = builder.shapes[guess][0] // 2
        mu, log_var = flat(guess, 0), flat(guess, d)
        rate = builder.add("scale", builder.add("exp", log_var), factor=RATE)
        picture = builder.add("reshape", x, sides=[-1, 1, 1])
        layers = [layer for layer in self.decoder if isinstance(layer, nn.Linear)]
        weights: list[str | Tensor] = [layer.weight[:, :, None, None] for layer in layers]
        biases: list[str | Tensor] = [layer.bias for layer in layers]
        for _ in range(STEPS):
            slope = _lower_slope(builder, picture, mu, weights, biases)
            mu = builder.add("add", mu, builder.add("multiply", rate, slope))
        both = builder.add("concat", mu, log_var, axis=0)
        return builder.add("reshape", both, sides=[-1])


def _lower_slope(
    builder: Builder,
    x: str,
    z: str,
    weights: list[str | Tensor],
    biases: list[str | Tensor],
) -> str:
    """The slope at z; weights and biases become names when they are in the program."""

    def minus(value: str) -> str:
        return builder.add("scale", value, factor=-1.0)

    def affine(n: int, value: str) -> str:
        made = builder.add("conv", value, weight=weights[n], bias=biases[n])
        op = builder.nodes[-1].op
        assert isinstance(op, Conv)
        assert op.bias is not None
        weights[n], biases[n] = op.weight, op.bias
        return made

    h, slopes, last = z, [], len(weights) - 1
    for n in range(last):
        a = affine(n, h)
        gate = builder.add("sigmoid", a)
        h = builder.add("multiply", a, gate)
        # gate + h − h · gate
        slopes.append(builder.add("add", gate, h, minus(builder.add("multiply", h, gate))))
    p = builder.add("sigmoid", affine(last, h))
    rest = builder.add("add", x, minus(p))
    back = builder.add("conv_transpose", rest, weight=weights[last])
    for n in reversed(range(last)):
        product = builder.add("multiply", back, slopes[n])
        back = builder.add("conv_transpose", product, weight=weights[n])
    return builder.add("add", back, minus(z))
