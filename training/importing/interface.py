"""How a network of somebody else is called: the shapes, labels and categories that it takes.

Here pictures are (N, n) with values in [0, 1], channels first, and codes (N, d + choices), as
everywhere in this project; the calls turn them into what the network takes, in torch and in a
program alike.
"""

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.importing.exported import (
    IN_TRAINING,
    ImportRefused,
    in_training,
    modules_of,
    parts,
    said,
)
from training.importing.lowered import Value, program_shape
from training.vae.image_shape import ImageShape
from training.vae.program import Builder

Form = Literal["picture", "rgba", "flat", "last", "plain"]
LabelForm = Literal["index", "one-hot", "joined"]
MOST_CLASSES = 1000


@dataclass(frozen=True)
class Range:
    """A range of values: x in [0, 1] stands as x · scale + shift of each channel."""

    name: str
    scale: tuple[float, ...] = (1.0,)
    shift: tuple[float, ...] = (0.0,)

    def there(self, x: Tensor) -> Tensor:
        """Pictures (N, C, H, W) with values in [0, 1] in this range."""
        scale, shift = (x.new_tensor(t).reshape(-1, 1, 1) for t in (self.scale, self.shift))
        return x * scale + shift

    def back(self, x: Tensor) -> Tensor:
        """Pictures (N, C, H, W) of this range with values in [0, 1]."""
        scale, shift = (x.new_tensor(t).reshape(-1, 1, 1) for t in (self.scale, self.shift))
        return (x - shift) / scale

    def lowered(self, builder: Builder, x: str, channels: int, back: bool = False) -> str:
        """The same in a program, of a value (channels, height, width)."""
        scale, shift = (torch.tensor(t).expand(channels) for t in (self.scale, self.shift))
        if back:
            scale, shift = 1 / scale, -shift / scale
        return builder.add("affine", x, weight=scale.clone(), bias=shift.clone())


UNIT = Range("0..1")
SIGNED = Range("-1..1", (2.0,), (-1.0,))


def with_moments(name: str, mean: Sequence[float], std: Sequence[float]) -> Range:
    """The range of pictures less a mean, by a standard deviation, of each channel."""
    scale = tuple(1 / s for s in std)
    return Range(name, scale, tuple(-m / s for m, s in zip(mean, std, strict=True)))


def arguments(function: Callable[..., Any], optional: bool = False) -> int:
    """How many arguments a network needs, or with the optional ones can take."""
    called = function.forward if isinstance(function, nn.Module) else function
    try:
        found = inspect.signature(called).parameters.values()
    except (TypeError, ValueError):
        return 1
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds and (optional or p.default is p.empty) for p in found)


def tried(function: Callable[..., Any], *inputs: Tensor) -> list[Tensor] | Exception:
    """The tensors that a network makes of inputs, or why it makes none."""
    state = torch.random.get_rng_state()
    try:
        with torch.no_grad():
            return [part.value for part in parts(function(*inputs))]
    except Exception as error:  # the user's own code may raise anything
        return error
    finally:
        torch.random.set_rng_state(state)


@dataclass(frozen=True)
class EncoderCall:
    """An encoder, and how it takes pictures and labels."""

    function: Callable[..., Any]
    shape: ImageShape
    form: Form = "picture"
    range: Range = UNIT
    label: LabelForm | None = None
    classes: int = 0

    def inputs(self, x: Tensor, labels: Tensor | None = None) -> list[Tensor]:
        """What the network takes for pictures (N, n) and labels (N,), by default the first."""
        pictures = x.reshape(-1, *self.shape.dims)
        pictures = self.range.there(pictures)
        if self.form == "rgba":
            pictures = torch.cat([pictures, torch.ones_like(pictures[:, :1])], 1)
        if self.form == "flat":
            pictures = pictures.flatten(1)
        elif self.form == "last":
            pictures = pictures.permute(0, 2, 3, 1)
        elif self.form == "plain":
            pictures = pictures[:, 0]
        if self.label is None:
            return [pictures]
        known = x.new_zeros(len(x)) if labels is None else labels
        return [pictures, labelled(known.long(), self.label, self.classes)]

    def lowered(self, builder: Builder) -> list[Value]:
        """The same in a program of a vector (n + labels,)."""
        (channels, height, width), n = self.shape.dims, self.shape.size
        x = builder.add("slice", builder.x, axis=0, start=0, stop=n)
        x = builder.add("reshape", x, sides=[channels, height, width])
        x = self.range.lowered(builder, x, channels)
        if self.form == "rgba":
            x = builder.add(
                "concat", x, builder.add("constant", value=torch.ones(1, height, width))
            )
            channels += 1
        dims: tuple[int, ...] = (channels, height, width)
        if self.form == "flat":
            dims = (n,)
            x = builder.add("reshape", x, sides=[n])
        elif self.form == "last":
            dims = (height, width, channels)
            x = builder.add("permute", x, order=[1, 2, 0])
        elif self.form == "plain":
            dims = (height, width)
            x = builder.add("reshape", x, sides=[height, width])
        found = [Value(x, (1, *dims))]
        if self.label is not None:
            number = builder.add("slice", builder.x, axis=0, start=n, stop=n + 1)
            found.append(_label(builder, number, self.label, self.classes))
        return found


@dataclass(frozen=True)
class DecoderCall:
    """A decoder, and how it takes codes: `dims` (…) of the continuous ones, the count of options
    of each categorical latent, and a label; each choice is a number behind the continuous ones, a
    label before the categories."""

    function: Callable[..., Any]
    dims: tuple[int, ...]
    categories: tuple[int, ...] = ()
    label: LabelForm | None = None
    classes: int = 0

    @property
    def continuous(self) -> int:
        """The count of continuous numbers."""
        return math.prod(self.dims)

    @property
    def numbers(self) -> int:
        """The count of a code's numbers, with its choices."""
        return self.continuous + len(self._options())

    def _options(self) -> list[int]:
        return [*([self.classes] if self.label else []), *self.categories]

    def inputs(self, z: Tensor) -> list[Tensor]:
        """What the network takes for codes (N, numbers)."""
        d = self.continuous
        code = z[:, :d].reshape(-1, *self.dims)
        whole = [
            F.one_hot(c.long(), k).to(z) for c, k in zip(z[:, d:].T, self._options(), strict=True)
        ]
        if self.label in ("index", "one-hot"):
            label = labelled(z[:, d].long(), self.label, self.classes)
            return [torch.cat([code, *whole[1:]], 1), label]
        return [torch.cat([code, *whole], 1)]

    def lowered(self, builder: Builder) -> list[Value]:
        """The same in a program of a vector (numbers,)."""
        d = self.continuous
        code = builder.add("slice", builder.x, axis=0, start=0, stop=d)
        numbers = [
            builder.add("slice", builder.x, axis=0, start=d + n, stop=d + n + 1)
            for n in range(len(self._options()))
        ]
        apart = self.label in ("index", "one-hot")
        joined = [
            _label(builder, number, "one-hot", k).name
            for n, (number, k) in enumerate(zip(numbers, self._options(), strict=True))
            if n or not apart
        ]
        if joined:
            whole = builder.add("concat", code, *joined)
            found = [Value(whole, (1, *builder.shapes[whole]))]
        else:
            dims = (1, *self.dims)
            found = [Value(builder.add("reshape", code, sides=list(program_shape(dims))), dims)]
        if self.label is not None and apart:
            found.append(_label(builder, numbers[0], self.label, self.classes))
        return found


def labelled(labels: Tensor, form: LabelForm | None, classes: int) -> Tensor:
    """Labels (N,) as a network takes them."""
    return labels if form == "index" else F.one_hot(labels, classes).float()


def _label(builder: Builder, number: str, form: LabelForm, classes: int) -> Value:
    if form == "index":
        return Value(number, (1,))
    hot = builder.add("one_hot", number, classes=classes)
    return Value(builder.add("reshape", hot, sides=[classes]), (1, classes))


def _classes_of(function: Callable[..., Any]) -> Iterator[int]:
    """Counts of classes that a network's modules speak of."""
    for held in modules_of(function):
        for module in held.modules():
            if isinstance(module, nn.Embedding):
                yield module.num_embeddings
            for name in ("num_classes", "n_classes", "num_labels", "n_labels", "class_size"):
                found = getattr(module, name, None)
                if isinstance(found, int) and 1 < found <= MOST_CLASSES:
                    yield found


def find_encoder(
    function: Callable[..., Any], shape: ImageShape, x: Tensor, classes: int = 0
) -> tuple[EncoderCall, list[Tensor]]:
    """How an encoder is called for pictures (N, n), and what it gives for the first of them.

    Raises:
        ImportRefused: it takes none of the forms that are tried; the first one's error is told.
    """
    call, first = EncoderCall(function, shape), None
    grey: list[Form] = ["picture", "flat", "last", "plain"]
    coloured: list[Form] = ["picture", "rgba", "flat", "last"]
    for form in grey if shape.channels == 1 else coloured:
        for labelling in _labellings(function, arguments(function, bool(classes)), classes):
            trial = replace(call, form=form, label=labelling[0], classes=labelling[1])
            found = tried(function, *trial.inputs(x[:1]))
            if not isinstance(found, Exception):
                picture = trial.inputs(x[:1])[0]
                return replace(trial, classes=_counted(trial, picture)), found
            first = first or found
    raise _uncallable("encoder", f"pictures of {shape}", first)


def _counted(call: "EncoderCall | DecoderCall", first: Tensor) -> int:
    """The count of classes, where it is known that labels are numbers and not how many."""
    if call.label != "index" or call.classes:
        return call.classes
    count = 1
    while count < MOST_CLASSES:
        if isinstance(tried(call.function, first, torch.tensor([count])), Exception):
            break
        count += 1
    return count


def _labellings(
    function: Callable[..., Any], count: int, classes: int
) -> Iterator[tuple[LabelForm | None, int]]:
    if count < 2:
        yield None, 0
        return
    known = [classes] if classes else list(dict.fromkeys(_classes_of(function)))
    for k in known:
        yield "index", k
        yield "one-hot", k
    if not classes:
        yield "index", 0  # however many there are
        yield from (("one-hot", k) for k in range(2, MOST_CLASSES + 1) if k not in known)


def find_decoder(
    function: Callable[..., Any],
    dims: Sequence[tuple[int, ...]],
    categories: Sequence[int] = (),
    classes: int = 0,
) -> tuple[DecoderCall, list[Tensor]]:
    """How a decoder is called for codes of one of some shapes, and what it gives for a code.

    Raises:
        ImportRefused: it takes none of them; the first one's error is told.
    """
    first: Exception | None = None
    for shape in dict.fromkeys(dims):
        call = DecoderCall(function, tuple(shape), tuple(categories))
        ways = list(_labellings(function, arguments(function, bool(classes)), classes))
        if classes and arguments(function, True) < 2:
            ways.append(("joined", classes))
        for form, k in ways:
            trial = replace(call, label=form, classes=k)
            if len(shape) > 1 and (categories or form == "joined"):
                continue
            found = tried(function, *trial.inputs(torch.zeros(1, trial.numbers)))
            if not isinstance(found, Exception):
                code = trial.inputs(torch.zeros(1, trial.numbers))[0]
                return replace(trial, classes=_counted(trial, code)), found
            first = first or found
    told = " or ".join(str(list(shape)) for shape in dict.fromkeys(dims))
    raise _uncallable("decoder", f"codes of {told}", first)


def _uncallable(part: str, what: str, error: Exception | None) -> ImportRefused:
    if isinstance(error, ImportRefused):
        return error
    if IN_TRAINING in str(error):
        return in_training()
    other = (
        "Give pictures of its size and colour, as in --size 64 --color grey"
        if part == "encoder"
        else "Say another size with --latent"
    )
    return ImportRefused(
        f"The {part} takes no {what}: {said(error)}. {other}, or name the method or function that "
        f"takes them with --{part}."
    )


def code_sizes(function: Callable[..., Any]) -> list[tuple[int, ...]]:
    """Shapes of codes that a decoder alone may take, by its first layers."""
    found: list[tuple[int, ...]] = []
    for held in modules_of(function):
        for module in held.modules():
            if isinstance(module, nn.Linear):
                found.append((module.in_features,))
            elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                found += [(module.in_channels, 1, 1), (module.in_channels,)]
    return list(dict.fromkeys(found))
