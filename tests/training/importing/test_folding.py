"""Folding: what goes away, and that what is left computes the same."""

import pytest
import torch
from torch import nn

from tests.training.importing.test_aten import program_of, trained
from training.importing.folding import fold
from training.vae.program import Builder, run


class Interleaved(nn.Module):
    """mu and log σ² of one layer, turn by turn, the second one scaled."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(7, 10)

    def forward(self, x):
        mu, log_std = self.layer(x).view(-1, 5, 2).unbind(-1)
        return torch.cat([mu, 2 * log_std], 1)


class Halves(nn.Module):
    """Both halves of a layer's output, behind one another again."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(7, 10)

    def forward(self, x):
        return torch.cat(self.layer(x).chunk(2, 1), 1)


class TwoHeads(nn.Module):
    """Two layers of one value behind one another, in reverse and in part."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(7, 4), nn.Linear(7, 6)

    def forward(self, x):
        return torch.cat([self.second(x)[:, 1:4], self.first(x).flip(1)], 1)


class Labelled(nn.Module):
    """A label that is always the same."""

    def __init__(self):
        super().__init__()
        self.names, self.layer = nn.Embedding(3, 2), nn.Linear(9, 4)

    def forward(self, x):
        return self.layer(torch.cat([x, self.names(torch.tensor([1]))], 1))


class Unflattened(nn.Module):
    """A batch norm of pictures that a linear layer has made, and one before a linear layer."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(7, 36), nn.Linear(36, 5)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x):
        return self.b(self.norm(self.a(x).view(-1, 4, 3, 3)).relu().mul(3).flatten(1) + 0)


def conv_norms():
    """Batch norms behind and before convolutions, of groups too; only that between a shift and a
    margin of zeros can go nowhere."""
    return nn.Sequential(
        *(nn.Conv2d(4, 6, 3, padding=1, groups=2), nn.BatchNorm2d(6), nn.ReLU()),
        *(nn.BatchNorm2d(6), nn.Conv2d(6, 4, 3, groups=2), nn.ReLU()),
        *(nn.ConvTranspose2d(4, 6, 3, 2, groups=2), nn.BatchNorm2d(6), nn.ReLU()),
        *(nn.BatchNorm2d(6), nn.Conv2d(6, 4, 3, padding=1)),
    )


CASES = {
    "interleaved": (Interleaved, (7,), ["linear"]),
    "two heads": (TwoHeads, (7,), ["linear"]),
    "apart and together": (Halves, (7,), ["linear"]),
    "a fixed label": (Labelled, (7,), ["linear"]),
    "unflattened": (Unflattened, (7,), ["linear", "relu", "linear"]),
    "convolutions": (
        conv_norms,
        (4, 8, 8),
        ["conv", "relu", "conv", "relu", "conv_transpose", "relu", "affine", "conv", "reshape"],
    ),
    "nothing at all": (
        lambda: nn.Sequential(nn.Dropout(0.5), nn.MaxPool2d(1), nn.Identity(), nn.Flatten()),
        (4, 6, 6),
        ["reshape"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_can_be_folded_is_gone_and_the_rest_computes_the_same(name):
    torch.manual_seed(2)
    build, shape, kinds = CASES[name]
    program = program_of(trained(build()), shape)
    folded = fold(program)
    assert [node.kind for node in folded.nodes] == kinds
    x = torch.rand(4, *shape)
    torch.testing.assert_close(run(folded, x), run(program, x), rtol=1e-5, atol=1e-5)
    assert all(t.dtype == torch.float32 for t in folded.tensors.values())
    used = {getattr(n.op, key) for n in folded.nodes for key in n.op.tensors} - {None}
    assert set(folded.tensors) == used


def test_a_layer_whose_value_others_take_too_stays():
    builder = Builder((4,))
    hidden = builder.add("linear", builder.x, weight=torch.randn(4, 4))
    scaled = builder.add("scale", hidden, factor=3.0)
    program = builder.program(builder.add("add", hidden, scaled))
    folded = fold(program)
    x = torch.rand(2, 4)
    torch.testing.assert_close(run(folded, x), run(program, x))
    assert [node.kind for node in folded.nodes] == ["linear", "scale", "add"]
