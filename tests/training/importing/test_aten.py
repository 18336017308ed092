"""Operators of torch, lowered from exported graphs, against torch itself."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from training.importing.aten import ROWS
from training.importing.exported import ImportRefused, export
from training.importing.folding import fold
from training.importing.lowered import Value, lower
from training.vae.program import Builder, run

SPECTRAL = nn.utils.parametrizations.spectral_norm
WEIGHT = nn.utils.parametrizations.weight_norm


def program_of(function, shape, outputs=1):
    """Program of a function of one tensor (1, …), its first outputs flat behind one another."""
    exported = export(function, [torch.rand(1, *shape)], ROWS)
    builder = Builder(shape)
    x = Value(builder.x, (1, *shape))
    wanted = [node for _, node in exported.outputs[:outputs]]
    values = lower(builder, exported, {exported.inputs[0]: x}, wanted)
    flat = [builder.add("reshape", v.name, sides=[-1]) for v in values]
    return builder.program(builder.add("concat", *flat))


class Rows(nn.Module):
    """A network that works on rows (L, C): norms, attention, transposed axes."""

    def __init__(self):
        super().__init__()
        self.norm, self.heads = nn.LayerNorm(8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.old = nn.TransformerEncoderLayer(8, 2, 16)
        self.place = nn.Parameter(torch.randn(1, 12, 8))

    def forward(self, x):
        x = x + self.place
        h = self.norm(x)
        x = x + self.heads(h, h, h, need_weights=False)[0]
        x = self.layer(x) + self.heads(h, h, h)[0]
        return self.old(x.transpose(0, 1)).transpose(0, 1).mean(1)


class Film(nn.Module):
    """A convolution whose channels another branch scales and shifts."""

    def __init__(self):
        super().__init__()
        self.conv, self.modulation = nn.Conv2d(4, 6, 3, 1, 1), nn.Linear(4, 12)

    def forward(self, x):
        scale, shift = self.modulation(x.mean((2, 3))).chunk(2, 1)
        return self.conv(x) * (1 + scale[:, :, None, None]) + shift[..., None, None]


class Standardised(nn.Conv2d):
    """Weight standardisation (Qiao et al. 2019)."""

    def forward(self, x):
        w = self.weight
        w = (w - w.mean((1, 2, 3), keepdim=True)) / (w.std((1, 2, 3), keepdim=True) + 1e-5)
        return F.conv2d(x, w, self.bias, self.stride, self.padding)


def trained(module):
    """A module whose norms have seen something."""
    for part in module.modules():
        if hasattr(part, "running_mean") and part.running_mean is not None:
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
            nn.init.normal_(part.weight)
    return module.eval()


ORDER = torch.randperm(50, generator=torch.Generator().manual_seed(1))
P, V, R = (4, 6, 8), (10,), (12, 8)  # a picture, a vector, rows
MODULES = {
    "spectral norm": (P, lambda: SPECTRAL(nn.Conv2d(4, 5, 3, padding=1))),
    "weight norm": (P, lambda: nn.Sequential(WEIGHT(nn.Conv2d(4, 5, 3)), nn.SELU())),
    "weight standardisation": (P, lambda: Standardised(4, 5, 3, padding=1)),
    "circular": (P, lambda: nn.Conv2d(4, 5, 3, padding=1, padding_mode="circular")),
    "same, even kernel": (P, lambda: nn.Conv2d(4, 5, (2, 4), padding="same")),
    "transposed": (P, lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2, dilation=2)),
    "along one axis": (
        (4, 9),
        lambda: nn.Sequential(
            *(nn.Conv1d(4, 6, 3, 2), nn.BatchNorm1d(6), nn.CELU(0.7), nn.MaxPool1d(2)),
            *(nn.ConvTranspose1d(6, 3, 4, 2, 1), nn.Upsample(scale_factor=2), nn.AvgPool1d(2)),
        ),
    ),
    "batch norm": (P, lambda: nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3))),
    "group norm": (P, lambda: nn.Sequential(nn.GroupNorm(2, 4), nn.InstanceNorm2d(4, affine=True))),
    "layer norms": (P, lambda: nn.Sequential(nn.LayerNorm((4, 6, 8)), nn.LayerNorm(8))),
    "activations": (
        P,
        lambda: nn.Sequential(
            *(nn.Hardtanh(-0.5, 0.8), nn.ReLU6(inplace=True), nn.Mish(), nn.Hardswish()),
            *(nn.Hardsigmoid(), nn.PReLU(4), nn.Softsign(), nn.LogSigmoid(), nn.PReLU()),
            *(nn.GELU(), nn.SiLU(inplace=True), nn.ELU(0.5), nn.Softplus(), nn.Tanhshrink()),
        ),
    ),
    "pools": (
        P,
        lambda: nn.Sequential(
            nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1), nn.AdaptiveAvgPool2d((3, 4))
        ),
    ),
    "largest": (P, lambda: nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())),
    "shuffles": (
        P,
        lambda: nn.Sequential(nn.PixelUnshuffle(2), nn.PixelShuffle(2), nn.ChannelShuffle(2)),
    ),
    "upsampled": (
        P,
        lambda: nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.UpsamplingBilinear2d(size=(9, 7)),
            nn.Upsample(size=(11, 12), mode="bilinear"),
            nn.Upsample(scale_factor=1.5, mode="bilinear", recompute_scale_factor=True),
        ),
    ),
    "margins": (
        P,
        lambda: nn.Sequential(
            *(nn.ReflectionPad2d(1), nn.ReplicationPad2d((1, 0, 2, 1)), nn.ConstantPad2d(1, 0.5)),
            *(nn.ZeroPad2d((-1, 1, 0, -2)), nn.CircularPad2d(1)),
        ),
    ),
    "rows": (R, Rows),
    "modulated": (P, Film),
    "gated": (P, lambda: nn.Sequential(nn.Conv2d(4, 8, 1), nn.GLU(1), nn.Softmax2d())),
}

FUNCTIONS = {
    "arithmetic": (
        P,
        lambda x: (1 - x) / 3 - 2 * x**2 + (x + 1).sqrt() * (x + 2).rsqrt() / (x + 1),
    ),
    "in place": (P, lambda x: F.relu_(x.clone().mul_(2).sub_(1)).add_(x)),
    "powers": (P, lambda x: 2**x + torch.log(x + 1) + x.abs().exp() + torch.cos(x) + x.sin()),
    "broadcast": (P, lambda x: x * x.mean(1, keepdim=True) + x.sum((2, 3), keepdim=True)),
    "outer": (V, lambda x: (x[:, :, None] * x[:, None, :]).flatten(1)),
    "constants": (P, lambda x: x * torch.arange(8.0) + torch.arange(6.0)[:, None]),
    "one constant, spread": (V, lambda x: x[:, :1] * torch.arange(4.0)),
    "variances": (P, lambda x: x.std(1) + x.var((2, 3), keepdim=True).sum(1)),
    "normalised": (V, lambda x: F.normalize(x, dim=1) + F.log_softmax(x, 1)),
    "clamped": (P, lambda x: x.clamp(min=0.3) + x.clamp(max=0.6) + torch.clamp(x, 0.2, 0.7)),
    "parts": (P, lambda x: torch.cat([x[:, ::2], x[:, 1::2], x[:, -1:]], 1)[..., 1:-1, ::2]),
    "split": (V, lambda x: torch.cat([*reversed(x.split(3, 1)), *x.chunk(3, -1)], 1)),
    "stacked": (V, lambda x: torch.stack([x, 2 * x], 2).view(-1, 5, 4).unbind(1)[2]),
    "turned": (P, lambda x: x.permute(0, 2, 3, 1).flip(1).roll(2, 2).transpose(1, -1)),
    "repeated": (
        P,
        lambda x: x.repeat(1, 2, 1, 1).expand(1, 8, 6, 8) + x.mean().expand(1, 1, 6, 8),
    ),
    "spread": (V, lambda x: x[:, :, None, None].expand(-1, -1, 5, 4)),
    "tiled": (V, lambda x: x.view(1, 10, 1, 1).repeat(1, 1, 3, 4).repeat_interleave(2, 2)),
    "picked": (V, lambda x: x[:, torch.tensor([3, 1, 4])] + x[:, [0, 5, 9]]),
    "shuffled": (V, lambda x: x.repeat(1, 5)[:, ORDER]),
    "products": (R, lambda x: torch.softmax(x @ x.transpose(1, 2), -1) @ x),
    "of constants": (R, lambda x: torch.ones(3, 12) @ x @ torch.ones(1, 8, 5) / 9),
    "attention": (
        R,
        lambda x: F.scaled_dot_product_attention(
            *(x.view(1, 12, 2, 4).transpose(1, 2),) * 3, is_causal=True
        ).transpose(1, 2),
    ),
    "einsum": (R, lambda x: torch.einsum("bic,bjc->bij", x, x + 1)),
    "no batch": (P, lambda x: x.view(-1).reshape(4, -1).t()[None]),
    "squeezed": ((1, 5, 1), lambda x: x.squeeze()[None] + x.squeeze(3).squeeze(1)),
    "same everywhere": (P, lambda x: torch.zeros_like(x) + x.new_ones(1, 4, 1, 1) + x),
}


@pytest.mark.parametrize("name", [*MODULES, *FUNCTIONS])
def test_what_is_lowered_and_folded_computes_what_torch_does(name):
    torch.manual_seed(0)
    if name in MODULES:
        shape, build = MODULES[name]
        function = trained(build())
    else:
        shape, function = FUNCTIONS[name]
    x = torch.rand(3, *shape)
    with torch.no_grad():
        expected = torch.stack([function(x[n : n + 1]).reshape(-1) for n in range(3)])
    program = program_of(function, shape)
    folded = fold(program)
    for found in (run(program, x), run(folded, x)):
        assert found.shape == expected.shape
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert folded.products <= program.products
    assert len(folded.nodes) <= len(program.nodes)


def refused(function, shape):
    """The sentence that a network is refused with."""
    with pytest.raises(ImportRefused) as error:
        program_of(function, shape)
    return str(error.value)


def test_what_is_in_no_row_is_refused_with_its_name_and_line():
    said = refused(lambda x: torch.cumsum(x, 1), V)
    assert "aten.cumsum.default" in said
    assert "test_aten.py, line " in said


def test_a_branch_on_a_value_is_refused_with_its_line():
    def branch(x):
        return x if x.sum() > 3 else -x

    said = refused(branch, V)
    assert "decides by a value" in said
    assert f"line {branch.__code__.co_firstlineno + 1}" in said


@pytest.mark.parametrize(
    "module", [nn.BatchNorm1d(10), nn.Dropout(0.3), nn.BatchNorm1d(10, track_running_stats=False)]
)
def test_a_norm_or_a_dropout_in_training_is_refused(module):
    net = nn.Sequential(nn.Linear(10, 10), module).train()
    assert "left in training" in refused(net, V)


def test_a_draw_is_refused_where_its_result_is_wanted_alone():
    def sample(x):
        return x + torch.randn_like(x), x * 2

    assert "draws numbers" in refused(sample, V)
    exported = export(sample, [torch.rand(1, 10)])
    assert [node in exported.random for _, node in exported.outputs] == [True, False]
