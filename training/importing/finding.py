"""Encoder and decoder within a model of somebody else."""

from collections.abc import Callable
from typing import Any

from torch import nn

from training.importing.exported import ImportRefused
from training.text import printable

Parts = tuple[Callable[..., Any] | None, Callable[..., Any]]
PAIRS = (("encode", "decode"), ("encoder", "decoder"), ("enc", "dec"), ("inference", "generate"))


def parts_of(model: Any, refuse: bool = True) -> Any:
    """Encoder and decoder of a model, by the names that such parts have; (None, None) where it has
    none and that is not to be refused.

    Raises:
        ImportRefused: it has none of these names.
    """
    if isinstance(model, tuple | list) and len(model) == 2:
        return model[0], model[1]
    for first, second in PAIRS:
        encode, decode = (getattr(model, name, None) for name in (first, second))
        if callable(encode) and callable(decode):
            return encode, decode
    for name in ("decode", "decoder", "generator", "dec"):
        if callable(getattr(model, name, None)):
            return None, getattr(model, name)
    if not refuse:
        return None, None
    known = [n for n in vars(type(model)) if not n.startswith("_") and n != "forward"]
    if isinstance(model, nn.Module):
        known += [name for name, _ in model.named_children()]
    told = f"; its parts are {', '.join(map(printable, known[:12]))}" if known else ""
    raise ImportRefused(
        f"{printable(type(model).__name__)} has neither encode and decode nor encoder and decoder"
        f"{told}. Name them with --encoder model.NAME --decoder model.NAME."
    )
