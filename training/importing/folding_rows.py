"""Folding of slices, chunks, permutations and interleavings of linear layers' outputs into their
rows: mu and log σ², however they are put, come out of one layer in the order that is wanted."""

from typing import NamedTuple

import torch
from torch import Tensor

from training.importing.folding import Draft
from training.vae import ops_linear, ops_places
from training.vae.program import Node, Program

_MOVES = ops_places.Reshape | ops_places.Permute | ops_places.Slice | ops_places.Concat


class _Rows(NamedTuple):
    """Where the numbers of a value come from: rows of the linear layers of one value."""

    source: str
    rows: Tensor  # int64, in the value's shape; they count through all linear layers


def gathered(program: Program) -> Program:
    """The program with the moves of linear layers' outputs in their rows; the same program where
    there are none, or where that would be more work."""
    draft = Draft(program)
    layers: list[tuple[str, int]] = []  # (layer, row) by number
    found: dict[str, _Rows] = {}
    for node in program.nodes:
        shape = program.shapes[node.name]
        if isinstance(node.op, ops_linear.Linear) and len(shape) == 1:
            first = len(layers)
            layers += [(node.name, n) for n in range(shape[0])]
            found[node.name] = _Rows(node.inputs[0], torch.arange(first, len(layers)))
        elif isinstance(node.op, _MOVES) and all(name in found for name in node.inputs):
            parts = [found[name] for name in node.inputs]
            if len({part.source for part in parts}) == 1:
                moved = node.op.run([part.rows[None] for part in parts], {})[0]
                found[node.name] = _Rows(parts[0].source, moved)
    takers: dict[str, list[Node]] = {}
    for node in program.nodes:
        for name in node.inputs:
            takers.setdefault(name, []).append(node)
    changed = False
    for node in program.nodes:
        if node.name not in found or isinstance(node.op, ops_linear.Linear):
            continue
        ends = node.name in program.outputs or any(
            taker.name not in found or isinstance(taker.op, ops_linear.Linear)
            for taker in takers.get(node.name, [])
        )
        rows = found[node.name].rows.flatten()
        owner = layers[int(rows[0])][0]
        whole = found[owner].rows
        if ends and not torch.equal(rows, whole):
            changed |= _replaced(draft, node, found[node.name], layers)
        elif ends and not isinstance(node.op, ops_places.Reshape):  # apart, and together again
            op = ops_places.Reshape(sides=program.shapes[node.name])
            changed |= draft.put(node.name, op, (owner,))
    if not changed:
        return program
    other = draft.done()
    smaller = len(other.nodes) < len(program.nodes) or other.products < program.products
    return other if smaller and other.products <= program.products else program


def _replaced(draft: Draft, node: Node, wanted: _Rows, layers: list[tuple[str, int]]) -> bool:
    """Put one layer of the wanted rows, and a reshape, in the place of a value."""
    weights, biases = [], []
    for number in wanted.rows.flatten().tolist():
        name, at = layers[number]
        op = draft.program.nodes[_place(draft.program, name)].op
        assert isinstance(op, ops_linear.Linear)
        weights.append(draft.tensors[op.weight][at].double())
        bias = None if op.bias is None else draft.tensors[op.bias][at].double()
        biases.append(torch.zeros((), dtype=torch.float64) if bias is None else bias)
    layer = ops_linear.Linear(
        weight=draft.keep(torch.stack(weights)), bias=draft.keep(torch.stack(biases))
    )
    fresh = f"{node.name}r"
    while fresh in draft.nodes:
        fresh += "r"
    draft.put(fresh, layer, (wanted.source,))
    return draft.put(node.name, ops_places.Reshape(sides=tuple(wanted.rows.shape)), (fresh,))


def _place(program: Program, name: str) -> int:
    return next(n for n, node in enumerate(program.nodes) if node.name == name)
