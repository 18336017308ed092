"""Programs of a network of somebody else with this project's ends, and their parity with torch."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from training.importing.aten import ROWS
from training.importing.exported import Exported, ImportRefused, export, said
from training.importing.folding import fold
from training.importing.interface import DecoderCall, EncoderCall, tried
from training.importing.lowered import lower
from training.importing.outputs import Heads, Output
from training.vae import ops_places, ops_pointwise
from training.vae.image_shape import ImageShape
from training.vae.program import INPUT, Builder, Node, Program, run

MOST_PARITY = 1e-4  # largest difference, as a share of the largest output


class Decoded(NamedTuple):
    """A decoder's program as far as its own output, and the activation that it ends in, or ""."""

    program: Program
    ending: str


def exported_encoder(call: EncoderCall, x: Tensor) -> Exported:
    """The graph of an encoder for a picture (1, n)."""
    return export(call.function, call.inputs(x[:1]), ROWS)


def encoder_program(
    call: EncoderCall, exported: Exported, heads: Heads, second: str, labels: int
) -> Program:
    """The encoder's program: pictures and labels (n + labels,) → mu, log σ², chances."""
    builder = Builder((call.shape.size + labels,))
    inputs = dict(zip(exported.inputs, call.lowered(builder), strict=True))
    used = [heads.mu, *([heads.second] if heads.second else []), *heads.categories]
    indices = sorted({head.index for head in used})
    values = lower(builder, exported, inputs, [exported.outputs[n][1] for n in indices])
    made = dict(zip(indices, values, strict=True))
    whole = [made.get(n, values[0]) for n in range(max(indices) + 1)]
    return fold(builder.program(heads.lowered(builder, whole, second)))


def decoder_start(call: DecoderCall, output: Output, shape: ImageShape) -> Decoded:
    """The decoder's program: codes (d + choices,) → its own output, channels first."""
    z = torch.zeros(1, call.numbers)
    exported = export(call.function, call.inputs(z), ROWS)
    builder = Builder((call.numbers,))
    inputs = dict(zip(exported.inputs, call.lowered(builder), strict=True))
    (value,) = lower(builder, exported, inputs, [exported.outputs[0][1]])
    program = fold(builder.program(output.laid(builder, value, shape)))
    last = _last(program)
    kinds: dict[type, str] = {ops_pointwise.Sigmoid: "sigmoid", ops_pointwise.Tanh: "tanh"}
    return Decoded(program, kinds.get(type(last.op), "") if last else "")


def _last(program: Program) -> Node | None:
    """The op that makes the numbers that come out; those that move them come after it."""
    nodes = {node.name: node for node in program.nodes}
    node = nodes.get(program.outputs[0])
    while node and isinstance(node.op, ops_places.Reshape | ops_places.Permute):
        node = nodes.get(node.inputs[0])
    return node


def decoder_program(start: Decoded, output: Output, shape: ImageShape) -> Program:
    """The decoder's program: codes (d + choices,) → logits (n,)."""
    removed = output.taken_off(start.ending)
    skipped = _last(start.program) if removed else None
    builder = Builder(start.program.shape)
    names = {INPUT: builder.x}
    for node in start.program.nodes:
        inputs = [names[name] for name in node.inputs]
        if node is skipped:
            names[node.name] = inputs[0]
            continue
        kept = {key: getattr(node.op, key) for key in node.op.__struct_fields__}
        kept |= {k: start.program.tensors[kept[k]] for k in node.op.tensors if kept[k]}
        names[node.name] = builder.add(node.kind, *inputs, **kept)
    laid = names[start.program.outputs[0]]
    return fold(builder.program(output.logits(builder, laid, shape, removed)))


def difference(found: Tensor, wanted: Tensor) -> float:
    """The largest difference as a share of the largest number that is wanted."""
    if not torch.isfinite(wanted).all():
        return float("inf")
    return float((found - wanted).abs().max() / wanted.abs().max().clamp_min(1e-12))


def encoder_parity(
    program: Program,
    call: EncoderCall,
    heads: Heads,
    second: str,
    x: Tensor,
    labels: Tensor | None,
    takes: int,
) -> float:
    """Parity of an encoder's program for pictures (N, n): of each part, mu, log σ², chances."""
    made = _made("encoder", call.function, call.inputs(x, labels))
    wanted = [heads.mu.take(made).flatten(1)]
    wanted += [] if second == "none" else [heads.log_var(made, second)]
    wanted += heads.chances(made)
    known = torch.zeros(len(x), takes) if labels is None else labels[:, None].float()
    found = run(program, torch.cat([x, known[:, :takes]], 1))
    sizes = [w.shape[1] for w in wanted]
    return max(map(difference, found.split(sizes, 1), wanted))


def decoder_parity(
    program: Program, call: DecoderCall, output: Output, shape: ImageShape, z: Tensor
) -> float:
    """Parity of a decoder's program for codes (N, d): of x̂, and of its logits where it has them."""
    raw = _made("decoder", call.function, call.inputs(z))[0]
    found = run(program, z)
    parity = difference(torch.sigmoid(found), output.pictures(raw, shape))
    if output.kind == "logits" and output.channels != 4:
        parity = max(parity, difference(found, output.laid_out(raw, shape)))
    return parity


def _made(part: str, function: object, inputs: Sequence[Tensor]) -> list[Tensor]:
    made = tried(function, *inputs)  # type: ignore[arg-type]
    if isinstance(made, Exception):
        raise ImportRefused(
            f"The {part} takes one example and not {len(inputs[0])} at once "
            f"({said(made)}); its batch must be any."
        )
    return made


def check_parity(part: str, parity: float) -> float:
    """The parity, where it is good enough.

    Raises:
        ImportRefused: it is not.
    """
    if not parity <= MOST_PARITY:
        raise ImportRefused(
            f"The {part}'s program differs from torch by {parity:.2g} of the largest output; at "
            f"most {MOST_PARITY:g} is taken. The network may treat the pictures of a batch "
            "together, or draw numbers; call .eval() on it, and name a part that does neither."
        )
    return parity
