"""Rows of operators by which a label, a whole number, comes into a network."""

from typing import Any

import torch

from training.importing.lowered import Lowered, Value, row


@row("one_hot.default")
def one_hot(g: Lowered, x: Value, classes: int) -> Value:
    """Rows of zeros with a one at each number."""
    g.need(classes > 0, "one_hot without a count of classes decides by a value; name it")
    name = g.add("one_hot", g.reshaped(x.name, (x.size,)), classes=classes)
    return g.put(name, (*x.shape, classes))


@row("embedding.default")
def _embedding(g: Lowered, weight: Any, x: Value, *rest: Any) -> Value:
    w = g.constant(weight, "An embedding")
    hot = one_hot(g, x, len(w))
    rows = g.reshaped(hot.name, (len(w),) if x.size == 1 else (x.size, len(w)))
    return g.put(g.add("linear", rows, weight=w.T), (*x.shape, w.shape[1]))


@row("eq.Tensor")
def _eq(g: Lowered, x: Any, y: Any) -> Value:
    x, y = (x, y) if isinstance(x, Value) else (y, x)
    classes = g.constant(y, "What a number is compared with").flatten()
    counted = torch.equal(classes, torch.arange(len(classes)).to(classes.dtype))
    g.need(counted and x.size == 1, "A comparison has no op, but of a label with all classes")
    return g.put(one_hot(g, x, len(classes)).name)


@row("scatter.value", "scatter_.value")
def _scatter(g: Lowered, base: Any, dim: int, places: Value, value: float) -> Value:
    empty = g.constant(base, "What a label is put into")
    plain = not empty.any() and value == 1 and places.size == 1
    g.need(plain and empty.numel() == empty.shape[dim], "A scatter other than a label has no op")
    return g.put(one_hot(g, places, empty.shape[dim]).name)


@row("scatter.src")
def _scatter_ones(g: Lowered, base: Any, dim: int, places: Value, source: Any) -> Value:
    ones = g.constant(source, "What is put").flatten()
    g.need(bool((ones[:1] == 1).all()), "A scatter other than a label has no op")
    return _scatter(g, base, dim, places, 1.0)
