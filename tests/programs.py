"""Programs of odd shapes, an op or a few each, for torch's run and the browser's engine."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.vae.program import Builder, Program


class Case(NamedTuple):
    """A program, inputs (B, …), and what torch's own modules make of them, where they can."""

    program: Program
    x: Tensor
    expected: Tensor | None


# Layers by name: the shape of the input without a batch, the batch's size, and the layers.
LAYERS: dict[str, tuple[tuple[int, ...], int, Callable[[], list[nn.Module]]]] = {
    "linear": ((7,), 1, lambda: [nn.Linear(7, 5)]),
    "linear, wide": ((10,), 19, lambda: [nn.Linear(10, 37), nn.ReLU(), nn.Linear(37, 130)]),
    "linear, narrow": ((301,), 5, lambda: [nn.Linear(301, 3, bias=False)]),
    "linear, rows": ((5, 6), 3, lambda: [nn.Linear(6, 11)]),
    "linear, last axis": ((2, 3, 5), 2, lambda: [nn.Linear(5, 4)]),
    "conv": ((3, 9, 6), 1, lambda: [nn.Conv2d(3, 5, 3, padding=1), nn.ReLU()]),
    "conv, strides": ((2, 11, 8), 3, lambda: [nn.Conv2d(2, 9, (3, 5), (2, 3), (1, 2))]),
    "conv, kernel below stride": ((5, 10, 9), 2, lambda: [nn.Conv2d(5, 4, (1, 2), (3, 3))]),
    "conv, dilation": ((6, 12, 9), 2, lambda: [nn.Conv2d(6, 7, 3, 1, (2, 0), (2, 3))]),
    "conv, groups": ((6, 5, 7), 2, lambda: [nn.Conv2d(6, 9, 3, padding=1, groups=3)]),
    "conv, depthwise": ((13, 6, 5), 1, lambda: [nn.Conv2d(13, 26, 3, 2, 1, groups=13)]),
    "conv, much padding": ((2, 3, 4), 2, lambda: [nn.Conv2d(2, 3, 3, padding=(4, 5))]),
    "conv, same": ((3, 6, 7), 1, lambda: [nn.Conv2d(3, 4, (2, 4), padding="same")]),
    "conv, reflect": (
        (3, 6, 7),
        2,
        lambda: [nn.Conv2d(3, 4, 3, padding=(1, 2), padding_mode="reflect")],
    ),
    "conv, many": ((20, 7, 9), 13, lambda: [nn.Conv2d(20, 33, 3, padding=1), nn.LeakyReLU(0.2)]),
    "conv, two on one value": (
        (8, 9, 9),
        2,
        lambda: [Both(nn.Conv2d(8, 6, 5, padding=2), nn.Conv2d(8, 6, 1))],
    ),
    "conv, small outputs": ((16, 9, 11), 3, lambda: [nn.Conv2d(16, 2, 3, padding=1), nn.Tanh()]),
    "transposed": ((5, 4, 6), 1, lambda: [nn.ConvTranspose2d(5, 6, 4, 2, 1), nn.ReLU()]),
    "transposed, output padding": (
        (4, 3, 5),
        3,
        lambda: [nn.ConvTranspose2d(4, 3, 3, (2, 3), 1, output_padding=(1, 2))],
    ),
    "transposed, kernel below stride": (
        (6, 4, 3),
        2,
        lambda: [nn.ConvTranspose2d(6, 9, (2, 1), (3, 2), output_padding=(2, 1))],
    ),
    "transposed, dilation": (
        (3, 5, 4),
        2,
        lambda: [nn.ConvTranspose2d(3, 5, 3, 2, (2, 1), dilation=(2, 3), output_padding=1)],
    ),
    "transposed, groups": (
        (6, 5, 4),
        2,
        lambda: [nn.ConvTranspose2d(6, 10, 4, 2, 1, groups=2, bias=False)],
    ),
    "transposed, of one place": (
        (9, 1, 1),
        4,
        lambda: [nn.ConvTranspose2d(9, 12, (4, 3)), nn.ELU(), nn.ConvTranspose2d(12, 3, 4, 2, 1)],
    ),
    "transposed, cut": ((3, 5, 6), 1, lambda: [nn.ConvTranspose2d(3, 4, 3, 1, 2)]),
    "batch norm": ((6, 5, 3), 2, lambda: [nn.Conv2d(6, 5, 3), nn.BatchNorm2d(5), nn.ReLU()]),
    "batch norm, alone": ((5, 3, 4), 2, lambda: [nn.BatchNorm2d(5)]),
    "batch norm, of numbers": ((9,), 3, lambda: [nn.Linear(9, 6), nn.ReLU(), nn.BatchNorm1d(6)]),
    "batch norm, transposed": (
        (6, 3, 3),
        2,
        lambda: [nn.ConvTranspose2d(6, 5, 3, 2), nn.BatchNorm2d(5), nn.LeakyReLU(0.2)],
    ),
    "group norm": ((12, 5, 3), 2, lambda: [nn.GroupNorm(3, 12), nn.SiLU()]),
    "group norm, plain": ((10, 4, 4), 1, lambda: [nn.GroupNorm(5, 10, affine=False, eps=1e-3)]),
    "group norm, of numbers": ((12,), 3, lambda: [nn.GroupNorm(2, 12)]),
    "reshape": ((3, 4, 5), 2, lambda: [nn.Flatten(), nn.Unflatten(1, (5, 6, 2)), nn.Flatten(2)]),
    "flatten for a linear layer": (
        (5, 3, 2),
        3,
        lambda: [nn.Conv2d(5, 6, 1), nn.Flatten(), nn.Linear(36, 7)],
    ),
    "pixel shuffle": ((12, 3, 5), 2, lambda: [nn.PixelShuffle(2)]),
    "nearest": ((5, 3, 4), 2, lambda: [nn.Upsample(scale_factor=(2, 3))]),
    "nearest, any size": ((3, 5, 4), 1, lambda: [nn.Upsample(size=(7, 11))]),
    "nearest, then conv": (
        (6, 4, 5),
        2,
        lambda: [nn.Upsample(scale_factor=2), nn.Conv2d(6, 7, 3, padding=1), nn.ReLU()],
    ),
    "nearest, then wide conv": (
        (4, 3, 4),
        2,
        lambda: [nn.Upsample(scale_factor=3), nn.Conv2d(4, 5, (5, 2), padding=(1, 0))],
    ),
    "bilinear": ((5, 3, 4), 2, lambda: [nn.Upsample(scale_factor=2, mode="bilinear")]),
    "bilinear, corners": (
        (2, 5, 4),
        1,
        lambda: [nn.Upsample(size=(8, 3), mode="bilinear", align_corners=True)],
    ),
    "max pool": ((5, 9, 8), 2, lambda: [nn.MaxPool2d(3, 2, 1)]),
    "max pool, then conv": ((4, 8, 6), 1, lambda: [nn.MaxPool2d(2), nn.Conv2d(4, 3, 3, padding=1)]),
    "average pool": ((5, 9, 8), 2, lambda: [nn.AvgPool2d((3, 2), (2, 2), (1, 1))]),
    "average pool, without its margin": (
        (3, 7, 7),
        1,
        lambda: [nn.AvgPool2d(3, 2, 1, count_include_pad=False)],
    ),
    "average pool, adaptive": ((6, 8, 6), 2, lambda: [nn.AdaptiveAvgPool2d((2, None))]),
    "softmax": ((7,), 3, lambda: [nn.Softmax(-1)]),
    "softmax, of channels": ((6, 4, 3), 2, lambda: [nn.Softmax(1)]),
    "softmax, of rows": ((6, 4), 2, lambda: [nn.Softmax(1)]),
    "pad": ((3, 4, 5), 2, lambda: [nn.ZeroPad2d((1, 2, 3, 0))]),
    "pad, replicate": ((3, 4, 5), 1, lambda: [nn.ReplicationPad2d((6, 2, 1, 7))]),
    "pad, reflect": ((3, 4, 5), 2, lambda: [nn.ReflectionPad2d((4, 2, 1, 3))]),
    "relu": ((3, 5, 2), 2, lambda: [nn.ReLU()]),
    "leaky relu": ((3, 5, 2), 2, lambda: [nn.LeakyReLU(0.3)]),
    "leaky relu, steep": ((6,), 2, lambda: [nn.Linear(6, 9), nn.LeakyReLU(1.5)]),
    "elu": ((9, 3, 2), 2, lambda: [nn.ELU(0.7)]),
    "silu": ((3, 5, 2), 2, lambda: [nn.SiLU()]),
    "gelu": ((11,), 9, lambda: [nn.GELU()]),
    "gelu, tanh": ((11,), 9, lambda: [nn.GELU(approximate="tanh")]),
    "tanh": ((11,), 9, lambda: [nn.Tanh()]),
    "sigmoid": ((11,), 9, lambda: [nn.Sigmoid()]),
    "softplus": ((11,), 9, lambda: [nn.Softplus(2.0, 3.0)]),
    "relu6": ((11,), 9, lambda: [nn.ReLU6()]),
    "sigmoid before a halo": (
        (5, 6, 4),
        2,
        lambda: [nn.Conv2d(5, 9, 1), nn.Sigmoid(), nn.Conv2d(9, 4, 3, padding=1)],
    ),
    "many": (
        (24,),
        3,
        lambda: [
            nn.Linear(24, 36),
            nn.SiLU(),
            nn.Unflatten(1, (4, 3, 3)),
            nn.ConvTranspose2d(4, 12, 4, 2, 1, bias=False),
            nn.BatchNorm2d(12),
            nn.LeakyReLU(0.2),
            Both(nn.Conv2d(12, 12, 3, padding=1), nn.Identity()),
            nn.GroupNorm(4, 12),
            nn.SiLU(),
            Both(nn.Sequential(nn.SiLU(), nn.Conv2d(12, 12, 3, padding=1)), nn.Identity()),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(12, 3, 3, padding=1),
            nn.Flatten(),
        ],
    ),
}


class Both(nn.Module):
    """Sum of two bodies on one value."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        """Their sum."""
        return self.first(x) + self.second(x)

    def lower(self, builder: Builder, x: str) -> str:
        """Its ops."""
        return builder.add("add", builder.lower(self.first, x), builder.lower(self.second, x))


def _diamond(builder: Builder) -> list[str]:
    """Slices along each axis, put together again in another order; two values come out."""
    top = builder.add("slice", builder.x, axis=1, start=0, stop=2)
    rest = builder.add("slice", builder.x, axis=1, start=2, stop=7)
    turned = builder.add("concat", rest, top, axis=1)
    some = builder.add("slice", turned, axis=0, start=1, stop=4)
    both = builder.add("concat", some, builder.x, turned, axis=0)
    half = builder.add("slice", both, axis=2, start=1, stop=4)
    return [half, builder.add("permute", half, order=[2, 0, 1])]


def _shared(builder: Builder) -> list[str]:
    """A value that several activations take, and that comes out as it was."""
    weight, bias = torch.randn(6, 4), torch.randn(6)
    h = builder.add("linear", builder.x, weight=weight, bias=bias)
    a = builder.add("silu", h)
    b = builder.add("scale", h, factor=-0.5)
    c = builder.add("clamp", h, low=-0.3, high=0.4)
    doubled = builder.add("add", a, b, c, c)
    return [h, builder.add("relu", h), builder.add("append", doubled, bias=torch.randn(3))]


def _exp(builder: Builder) -> list[str]:
    h = builder.add("scale", builder.x, factor=3.0)
    return [builder.add("exp", h)]


def _one_hot(builder: Builder) -> list[str]:
    """Classes, of which some are none, and a linear layer of each row."""
    h = builder.add("one_hot", builder.x, classes=5)
    return [h, builder.add("linear", h, weight=torch.randn(3, 5))]


def _broadcast(builder: Builder) -> list[str]:
    """Sums and products with a row, a column, a channel, and one number, in each place."""
    constants = [
        builder.add("constant", value=torch.randn(shape))
        for shape in ((5, 1, 1), (1, 7, 1), (1, 1, 3), (1, 1, 1), (5, 7, 3))
    ]
    channel, row, column, one, whole = constants
    wide = builder.add("add", channel, builder.x, row, one)
    thin = builder.add("slice", wide, axis=0, start=4, stop=5)
    grown = builder.add("multiply", thin, channel, column, whole)
    square = builder.add("multiply", wide, wide)
    return [wide, builder.add("add", row, column), grown, builder.add("add", grown, square)]


def _broadcast_of_any_rank(builder: Builder) -> list[str]:
    """The same where the channels come last, with two axes and with six."""
    rows = builder.add("reshape", builder.x, sides=[12, 10])
    sums = builder.add("add", rows, builder.add("constant", value=torch.randn(12, 1)))
    scaled = builder.add("multiply", builder.add("constant", value=torch.randn(1, 10)), sums)
    six = builder.add("reshape", builder.x, sides=[2, 1, 3, 2, 2, 5])
    other = builder.add("constant", value=torch.randn(1, 4, 3, 1, 2, 1))
    vector = builder.add("reshape", builder.x, sides=[-1])
    one = builder.add("constant", value=torch.randn(1))
    return [scaled, builder.add("multiply", six, other), builder.add("add", one, vector, vector)]


def _matmul(builder: Builder) -> list[str]:
    """Matrices as they are and transposed, alone and in pairs, of few numbers and of more."""
    weights = builder.add("constant", value=torch.randn(2, 3, 9, 5))
    turned = builder.add("matmul", builder.x, weights)
    one = builder.add("reshape", builder.x, sides=[6, 7, 9])
    two = builder.add("reshape", builder.x, sides=[6, 63])
    column = builder.add("constant", value=torch.randn(63, 1))
    return [
        turned,
        builder.add("matmul", one, one, transpose=True),
        builder.add("matmul", builder.add("sigmoid", two), column),
        builder.add("matmul", two, two, transpose=True),
    ]


def _means(builder: Builder) -> list[str]:
    rows = builder.add("reshape", builder.x, sides=[15, 7])
    several = builder.add("reshape", builder.x, sides=[3, 5, 7, 1])
    found = [builder.add("mean", builder.x, axes=axes) for axes in ([0], [2, 1], [0, 1, 2])]
    found += [builder.add("mean", rows, axes=[axis]) for axis in (0, 1)]
    return [*found, builder.add("mean", several, axes=[3, 1])]


def _powers(builder: Builder) -> list[str]:
    """Powers and logarithms, and layers behind them that read what pads their channels."""
    positive = builder.add("add", builder.add("exp", builder.x), builder.add("abs", builder.x))
    found = []
    for exponent in (2.0, 0.5, -1.0, -0.5, 1.7):
        found.append(builder.add("power", positive, exponent=exponent))
    found += [builder.add("power", builder.x, exponent=2.0), builder.add("log", positive)]
    logs = builder.add("log", builder.add("abs", builder.x))
    weights = torch.randn(4, 3, 3, 3)
    conv = builder.add("conv", logs, weight=weights, padding=[1, 1])
    inverse = builder.add("power", builder.x, exponent=-1.0)
    return [*found, conv, builder.add("sin", builder.add("conv", inverse, weight=weights / 9))]


def _attention(builder: Builder) -> list[str]:
    """A block of a transformer over the pixels of a picture: a place's embedding, a layer norm,
    three heads, and what came in added."""
    tokens = builder.add("permute", builder.x, order=[1, 2, 0])
    tokens = builder.add("reshape", tokens, sides=[35, 12])
    places = builder.add("constant", value=torch.randn(35, 12))
    h = first = builder.add("add", tokens, places)
    middle = builder.add("scale", builder.add("mean", h, axes=[1]), factor=-1.0)
    h = builder.add("add", h, middle)
    spread = builder.add("mean", builder.add("power", h, exponent=2.0), axes=[1])
    floor = builder.add("constant", value=torch.full((1, 1), 1e-5))
    rate = builder.add("power", builder.add("add", spread, floor), exponent=-0.5)
    h = builder.add("multiply", h, rate, builder.add("constant", value=torch.randn(1, 12)))
    all_three = builder.add("linear", h, weight=torch.randn(36, 12) / 3, bias=torch.randn(36))
    heads = builder.add("reshape", all_three, sides=[35, 3, 3, 4])
    heads = builder.add("permute", heads, order=[1, 2, 0, 3])
    query, key, value = (
        builder.add(
            "reshape",
            builder.add("slice", heads, axis=0, start=n, stop=n + 1),
            sides=[3, 35, 4],
        )
        for n in range(3)
    )
    weights = builder.add("matmul", query, key, transpose=True)
    weights = builder.add("softmax", builder.add("scale", weights, factor=0.5), axis=2)
    h = builder.add("permute", builder.add("matmul", weights, value), order=[1, 0, 2])
    h = builder.add("reshape", h, sides=[35, 12])
    h = builder.add("add", builder.add("linear", h, weight=torch.randn(12, 12) / 3), first)
    h = builder.add("reshape", builder.add("permute", h, order=[1, 0]), sides=[12, 7, 5])
    return [builder.add("group_norm", builder.add("concat", h, builder.x, axis=0), groups=3)]


# Graphs by name: the shape of the input, the batch's size, and what adds the ops.
GRAPHS: dict[str, tuple[tuple[int, ...], int, Callable[[Builder], list[str]]]] = {
    "slices and concat": ((6, 7, 5), 2, _diamond),
    "a shared value": ((4,), 2, _shared),
    "exp": ((4, 3, 5), 2, _exp),
    "one-hot": ((6,), 3, _one_hot),
    "sides of one": ((5, 7, 3), 2, _broadcast),
    "sides of one, of any rank": ((3, 8, 5), 3, _broadcast_of_any_rank),
    "products of matrices": ((2, 3, 7, 9), 2, _matmul),
    "means": ((3, 5, 7), 2, _means),
    "powers": ((3, 5, 3), 2, _powers),
    "attention": ((12, 7, 5), 3, _attention),
}


def _shake(module: nn.Module) -> None:
    """Norms as training leaves them: no weight 1, no mean 0."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2)
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.GroupNorm) and layer.affine:
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)


def case(name: str) -> Case:
    """A program by its name in `LAYERS` or `GRAPHS`, with random weights and inputs."""
    with torch.random.fork_rng():
        torch.manual_seed(len(name))
        if name in LAYERS:
            shape, count, layers = LAYERS[name]
            module = nn.Sequential(*layers()).eval()
            _shake(module)
            builder = Builder(shape)
            outputs = [builder.lower(module, builder.x)]
        else:
            shape, count, add = GRAPHS[name]
            builder = Builder(shape)
            outputs = add(builder)
            module = None
        x = 2 * torch.randn(count, *shape)
        if name == "one-hot":
            x = torch.randint(-2, 7, (count, *shape)).float()
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that "same" copies where a kernel is even
            expected = module(x) if module else None
    return Case(builder.program(*outputs), x, expected)
