"""The start of an import: encoder and decoder found, within a model's forward where need be."""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from training.errors import OptionError
from training.importing import assembling
from training.importing.aten import ROWS
from training.importing.draws import Cut, parted
from training.importing.exported import Exported, ImportRefused, export, said
from training.importing.finding import parts_of
from training.importing.heads import Found, find_heads
from training.importing.interface import EncoderCall, find_encoder, tried
from training.importing.questions import Import, read_second
from training.text import printable

EVIDENCE = 64  # pictures that readings are tried on
SHOWN = 6  # names that a sentence tells


class Start(NamedTuple):
    """How an encoder is called, its graph, what it makes of some pictures, and its heads."""

    call: EncoderCall
    exported: Exported
    made: list[Tensor]
    found: Found


def begin(job: Import) -> Start:
    """The start of an import whose parts are known, or are found in its model.

    Where parts of a model leave parameters of it out, and its forward, parted at its draw, does
    not, those parts are taken.

    Raises:
        ImportRefused: no encoder is found, or the decoder takes no such codes.
        OptionError: labels or categories are said of a network that takes none.
    """
    start, refusal = None, None
    if job.model is not None and (job.decoder is None or job.encoder is None):
        job.encoder, job.decoder = parts_of(job.model, refuse=False)
    if job.encoder is not None and job.decoder is not None:
        try:
            start = _of_parts(job, job.encoder, job.decoder)
        except ImportRefused as error:
            refusal = error
    if job.model is not None:
        left = _left_out(job.model, start)
        if left:
            parts = _of_forward(job, job.model)
            other = None if parts is None else _of_parts(job, *parts)
            if parts is not None and len(_left_out(job.model, other)) < len(left):
                job.encoder, job.decoder = parts
                job.notes.append(
                    "Encoder and decoder are the model's forward before and behind its draw of z."
                )
                start = other
            elif start is not None:
                told = ", ".join(printable(name, 60) for name in left[:SHOWN])
                job.notes.append(f"Neither encoder nor decoder has these of the model: {told}.")
    if start is None:
        if refusal is None and job.model is not None:
            parts_of(job.model)  # refuses, with the names that there are
        raise refusal or ImportRefused(
            f"{type(job.model).__name__} has a decoder, and no encoder is found that takes the "
            "pictures; name it, as in --encoder model.NAME, or leave it away with --encoder none."
        )
    _check_choices(job, start)
    return start


def _of_parts(job: Import, encoder: Callable[..., Any], decoder: Callable[..., Any]) -> Start:
    assert job.x is not None
    assert job.shape is not None
    few, known = job.x[:EVIDENCE], None if job.labels is None else job.labels[:EVIDENCE]
    call, _ = find_encoder(encoder, job.shape, few, len(job.label))
    exported = assembling.exported_encoder(call, few)
    if all(node in exported.random for _, node in exported.outputs) and len(exported.inputs) == 1:
        encoder, _ = parted(encoder, call.inputs(few[:1]), tuple(ROWS))
        job.encoder = encoder
        call = EncoderCall(encoder, call.shape, call.form)
        exported = assembling.exported_encoder(call, few)
    made = tried(encoder, *call.inputs(few, known))
    if isinstance(made, Exception):
        raise ImportRefused(f"The encoder takes one picture and no batch: {said(made)}.")
    point = "second" in job.given and read_second(job.given["second"]) == "none"
    found = find_heads(
        *(encoder, exported, made, decoder, job.shape.size),
        *(job.categories, len(job.label) or call.classes, point),
    )
    return Start(call, exported, made, found)


def _of_forward(job: Import, model: nn.Module) -> tuple[nn.Module, nn.Module] | None:
    """Encoder and decoder in a model's forward; None where it has no single draw."""
    assert job.x is not None
    assert job.shape is not None
    try:
        call, _ = find_encoder(model, job.shape, job.x[:1], len(job.label))
        encoder, decoder = parted(model, call.inputs(job.x[:1]), tuple(ROWS))
        return None if decoder is None else (encoder, decoder)
    except ImportRefused:
        return None


def _left_out(model: nn.Module, start: Start | None) -> list[str]:
    """Names of the model's parameters that neither part has."""
    if start is None:
        return [name for name, _ in model.named_parameters()]
    used: set[int] = set(start.exported.used)
    call = start.found.decoder
    decoder = call.function
    if isinstance(decoder, Cut):
        used |= {tensor.data_ptr() for tensor in decoder.buffers()}
    else:
        z = torch.zeros(1, call.numbers)
        used |= export(decoder, call.inputs(z), ROWS).used
    return _named(model, used)


def _named(model: nn.Module, used: Collection[int]) -> list[str]:
    return [name for name, p in model.named_parameters() if p.data_ptr() not in used]


def _check_choices(job: Import, start: Start) -> None:
    """Raise OptionError where labels or categories are said of a network that takes none."""
    decoder = start.found.decoder
    if job.label and not (start.call.label or decoder.label):
        raise OptionError(
            f"--labels is not possible: neither encoder nor decoder takes one of {len(job.label)} "
            "labels."
        )
    if job.categories and not decoder.categories:
        raise OptionError(
            f"--categories is not possible: the decoder takes {decoder.continuous} numbers without "
            "any."
        )
