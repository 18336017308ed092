"""What a network of somebody else gives: the heads of an encoder, the pictures of a decoder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from training.importing.exported import ImportRefused
from training.importing.interface import UNIT, Form, Range
from training.importing.lowered import Lowered, Value
from training.vae.image_shape import ImageShape
from training.vae.program import Builder

SMALL = 1e-6  # how near to 0 and 1 a value may be before its logit


@dataclass(frozen=True)
class Head:
    """One of an encoder's results: which, and which part of its numbers, `start` to `stop` along
    the first axis behind the batch, or each `step`-th number of the row."""

    index: int
    start: int = 0
    stop: int | None = None
    step: int = 1

    def take(self, made: Sequence[Tensor]) -> Tensor:
        """That part, (N, …)."""
        whole = made[self.index]
        if self.step > 1:
            return whole.flatten(1)[:, self.start :: self.step]
        return whole[:, self.start : self.stop]

    def lowered(self, graph: Lowered, made: Sequence[Value]) -> Value:
        """The same in a program."""
        x = made[self.index]
        if self.step > 1:
            size = x.size // self.step
            name = graph.reshaped(x.name, (size, self.step))
            return graph.part(Value(name, (size, self.step)), 1, self.start, self.start + 1)
        return graph.part(x, 1, self.start, self.stop or x.shape[1])


@dataclass(frozen=True)
class Heads:
    """The results of an encoder that are used: mu, the second one, and those of categories;
    `softmax` where these are logits."""

    mu: Head
    second: Head | None = None
    categories: tuple[Head, ...] = ()
    softmax: bool = False

    def chances(self, made: Sequence[Tensor]) -> list[Tensor]:
        """Probabilities of each categorical latent, (N, K)."""
        rows = [head.take(made) for head in self.categories]
        return [row.softmax(1) for row in rows] if self.softmax else rows

    def code(self, made: Sequence[Tensor], labels: Tensor | None) -> Tensor:
        """mu, the labels, and the likeliest option of each category, (N, d)."""
        columns = [self.mu.take(made).flatten(1)]
        if labels is not None:
            columns.append(labels[:, None].float())
        columns += [c.argmax(1, keepdim=True).float() for c in self.chances(made)]
        return torch.cat(columns, 1)

    def log_var(self, made: Sequence[Tensor], kind: str) -> Tensor:
        """log σ² (N, d) of a second output of a kind."""
        assert self.second is not None
        values = self.second.take(made).flatten(1)
        if kind in ("std", "var"):
            values = torch.log(values.clamp_min(SMALL**2))
        return values * (2 if kind in ("std", "log_std") else 1)

    def lowered(self, builder: Builder, made: Sequence[Value], kind: str) -> str:
        """Name of the encoder's row in a program: mu, log σ² unless there is none, chances."""
        graph = Lowered(builder)
        columns = [self.mu.lowered(graph, made).name]
        if kind != "none":
            assert self.second is not None
            name = self.second.lowered(graph, made).name
            if kind in ("std", "var"):
                name = builder.add("log", builder.add("clamp", name, low=SMALL**2, high=1e30))
            if kind in ("std", "log_std"):
                name = builder.add("scale", name, factor=2.0)
            columns.append(name)
        for head in self.categories:
            name = builder.add("reshape", head.lowered(graph, made).name, sides=[-1])
            columns.append(builder.add("softmax", name) if self.softmax else name)
        return builder.add("concat", *(builder.add("reshape", c, sides=[-1]) for c in columns))


@dataclass(frozen=True)
class Output:
    """A decoder's output: logits of x̂, or values of x̂ in a range, and how they lie; of four
    channels the last is how opaque a pixel is, on white."""

    kind: Literal["logits", "values"] = "values"
    range: Range = UNIT
    form: Form = "picture"
    channels: int = 1

    def _laid(self, raw: Tensor, shape: ImageShape) -> Tensor:
        if self.form == "last":
            raw = raw.permute(0, 3, 1, 2)
        return raw.reshape(-1, self.channels, shape.height, shape.width)

    def pictures(self, raw: Tensor, shape: ImageShape) -> Tensor:
        """x̂ (N, n) with values in [0, 1] of what the decoder gives (N, …)."""
        laid = self._laid(raw, shape)
        values = torch.sigmoid(laid) if self.kind == "logits" else self.range.back(laid)
        if self.channels == 4:
            values = values.clamp(0, 1)
            values = values[:, :3] * values[:, 3:] + 1 - values[:, 3:]
        return values.clamp(0, 1).flatten(1)

    def laid_out(self, raw: Tensor, shape: ImageShape) -> Tensor:
        """The numbers of what the decoder gives, channels first, (N, channels · height · width)."""
        return self._laid(raw, shape).flatten(1)

    def laid(self, builder: Builder, raw: Value, shape: ImageShape) -> str:
        """Name of the output as (channels, height, width) in a program."""
        name = raw.name
        if self.form == "last":
            sides = [shape.height, shape.width, self.channels]
            name = builder.add(
                "permute", builder.add("reshape", name, sides=sides), order=[2, 0, 1]
            )
        return builder.add("reshape", name, sides=[self.channels, shape.height, shape.width])

    def logits(self, builder: Builder, laid: str, shape: ImageShape, ending: str) -> str:
        """Name of the logits (n,) in a program; where the `ending`, a sigmoid or a tanh, has been
        taken off and is all that there was, what came before it."""
        if ending == "tanh":
            laid = builder.add("scale", laid, factor=2.0)
        elif self.kind == "values" or self.channels == 4:
            if self.kind == "logits":
                laid = builder.add("sigmoid", laid)
            elif self.range != UNIT:
                laid = self.range.lowered(builder, laid, self.channels, back=True)
            if self.channels == 4:
                laid = self._on_white(builder, laid)
            if ending != "sigmoid":
                laid = logit(builder, laid)
        return builder.add("reshape", laid, sides=[shape.size])

    def _on_white(self, builder: Builder, laid: str) -> str:
        values = builder.add("clamp", laid, low=0.0, high=1.0)
        colours = builder.add("slice", values, axis=0, start=0, stop=3)
        opaque = builder.add("slice", values, axis=0, start=3, stop=4)
        minus = builder.add("affine", colours, weight=torch.ones(3), bias=-torch.ones(3))
        product = builder.add("multiply", minus, opaque)
        return builder.add("affine", product, weight=torch.ones(3), bias=torch.ones(3))

    def taken_off(self, ending: str) -> str:
        """The activation at the decoder's end that need not be run to have logits."""
        if self.channels == 4 or self.kind != "values":
            return ""
        if ending == "sigmoid" and self.range == UNIT:
            return "sigmoid"
        doubled = self.range.scale == (2.0,) and self.range.shift == (-1.0,)
        return "tanh" if ending == "tanh" and doubled else ""


def logit(builder: Builder, values: str) -> str:
    """Name of log(v / (1 − v)) of values in [0, 1], held a millionth away from both ends."""
    held = builder.add("clamp", values, low=SMALL, high=1 - SMALL)
    channels = builder.shapes[held][0]
    ones = torch.ones(channels)
    rest = builder.add("affine", held, weight=-ones, bias=ones)
    minus = builder.add("scale", builder.add("log", rest), factor=-1.0)
    return builder.add("add", builder.add("log", held), minus)


def arranged(raw: Tensor, shape: ImageShape | None) -> tuple[Output, ImageShape]:
    """How the pictures of a decoder lie in what it gives for a code, (1, …).

    Raises:
        ImportRefused: they are of another shape than `shape`, or of none that can be.
    """
    sides = tuple(raw.shape[1:])
    known = None if shape is None else (shape.height, shape.width)
    if len(sides) == 3 and sides[0] in (1, 3, 4) and known in (None, sides[1:]):
        output, found = Output(channels=sides[0]), sides
    elif len(sides) == 3 and sides[2] in (1, 3, 4) and known in (None, sides[:2]):
        output, found = Output(form="last", channels=sides[2]), (sides[2], *sides[:2])
    elif len(sides) == 2 and known in (None, sides):
        output, found = Output(form="plain"), (1, *sides)
    elif len(sides) == 1:
        dims = _flat(sides[0]) if shape is None else shape.dims
        if sides[0] != dims[0] * dims[1] * dims[2]:
            raise _other(raw, shape)
        output, found = Output(form="flat", channels=dims[0]), dims
    else:
        raise _other(raw, shape)
    colours = 3 if found[0] == 4 else found[0]
    if shape is not None and colours != shape.channels:
        raise _other(raw, shape)
    if max(found[1:]) > 256:
        raise ImportRefused(
            f"The pictures have {found[1]}×{found[2]} pixels; at most 256 are shown."
        )
    return replace(output, channels=found[0]), ImageShape(colours, *found[1:])  # type: ignore[arg-type]


def _flat(size: int) -> tuple[int, int, int]:
    for channels in (1, 3):
        side = round((size / channels) ** 0.5)
        if channels * side * side == size:
            return channels, side, side
    raise ImportRefused(
        f"The decoder gives {size} numbers in a row, which are no square picture; say its shape "
        "with --shape CxHxW."
    )


def _other(raw: Tensor, shape: ImageShape | None) -> ImportRefused:
    told = "pictures of 1 or 3 channels" if shape is None else f"pictures of {shape}, as yours are"
    return ImportRefused(
        f"The decoder gives the shape {list(raw.shape[1:])}, and not {told}; give pictures of its "
        "size and colour with --data, as in --data folder:PATH --size 64 --color grey, or say the "
        "shape with --shape CxHxW."
    )
