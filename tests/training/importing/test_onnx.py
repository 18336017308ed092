"""ONNX files: read as data, run by torch, imported as other networks are."""

import contextlib
import struct

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from training.__main__ import main
from training.checkpoint import load
from training.importing.exported import ImportRefused
from training.importing.onnx_file import read_onnx
from training.importing.onnx_network import OnnxNetwork


def number(value):
    """A whole number as Protocol Buffers have it."""
    value, out = value % 2**64, b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(index, value):
    """A field: a number, or bytes, or text."""
    if isinstance(value, int):
        return number(index << 3) + number(value)
    content = value.encode() if isinstance(value, str) else value
    return number(index << 3 | 2) + number(len(content)) + content


def tensor(name, array):
    """A TensorProto."""
    kind = {"f": 1, "i": 7}[array.dtype.kind]
    raw = array.astype({1: "<f4", 7: "<i8"}[kind]).tobytes()
    dims = b"".join(field(1, n) for n in array.shape)
    return dims + field(2, kind) + field(8, name) + field(9, raw)


def attribute(name, value):
    """An AttributeProto."""
    head = field(1, name)
    if isinstance(value, float):
        return head + number(2 << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return head + field(3, value)
    if isinstance(value, str):
        return head + field(4, value)
    if isinstance(value, np.ndarray):
        return head + field(5, tensor("", value))
    return head + field(8, b"".join(number(n) for n in value))


def node(op, inputs, outputs, **attributes):
    """A NodeProto."""
    parts = [field(1, n) for n in inputs] + [field(2, n) for n in outputs] + [field(4, op)]
    return b"".join(parts + [field(5, attribute(k, v)) for k, v in attributes.items()])


def model(nodes, constants, inputs, outputs):
    """A ModelProto."""
    parts = [field(1, n) for n in nodes]
    parts += [field(5, tensor(name, np.asarray(a))) for name, a in constants.items()]
    parts += [field(11, field(1, n)) for n in inputs] + [field(12, field(1, n)) for n in outputs]
    return field(1, 8) + field(7, b"".join(parts))


torch.manual_seed(0)
CONV, BACK = nn.Conv2d(1, 4, 3, 2, 1), nn.ConvTranspose2d(4, 1, 4, 2, 1)
NORM, HEAD, START = nn.BatchNorm2d(4).eval(), nn.Linear(64, 6), nn.Linear(3, 64)
NORM.running_mean.normal_()


def encoder_file():
    """An encoder as exporters write it: shapes computed, mu and log σ² split, one picture alone."""
    state = {
        "cw": CONV.weight,
        "cb": CONV.bias,
        "nw": NORM.weight,
        "nb": NORM.bias,
        "nm": NORM.running_mean,
        "nv": NORM.running_var,
        "hw": HEAD.weight,
        "hb": HEAD.bias,
    }
    constants = {name: t.detach().numpy() for name, t in state.items()}
    constants |= {"zero": np.array(0), "rest": np.array([-1])}
    nodes = [
        node("Conv", ["x", "cw", "cb"], ["a"], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4),
        node("BatchNormalization", ["a", "nw", "nb", "nm", "nv"], ["b"], epsilon=1e-5),
        node("LeakyRelu", ["b"], ["c"], alpha=0.2),
        node("Shape", ["c"], ["s"]),
        node("Gather", ["s", "zero"], ["n"], axis=0),
        node("Unsqueeze", ["n"], ["u"], axes=[0]),
        node("Concat", ["u", "rest"], ["shape"], axis=0),
        node("Reshape", ["c", "shape"], ["flat"]),
        node("Gemm", ["flat", "hw", "hb"], ["row"], transB=1),
        node("Split", ["row"], ["mu", "logvar"], axis=1, split=[3, 3]),
    ]
    return model(nodes, constants, ["x"], ["mu", "logvar"])


def decoder_file():
    """A decoder with a resize that leaves the size, a power and a constant node."""
    state = {"sw": START.weight, "sb": START.bias, "tw": BACK.weight, "tb": BACK.bias}
    constants = {name: t.detach().numpy() for name, t in state.items()}
    constants |= {"shape": np.array([1, 4, 4, 4]), "scales": np.ones(4, np.float32)}
    nodes = [
        node("Constant", [], ["two"], value=np.array(2.0, np.float32)),
        node("Gemm", ["z", "sw", "sb"], ["a"], transB=1),
        node("Pow", ["a", "two"], ["b"]),
        node("Reshape", ["b", "shape"], ["c"]),
        node("Resize", ["c", "", "scales"], ["d"], mode="nearest"),
        node("ConvTranspose", ["d", "tw", "tb"], ["e"], strides=[2, 2], pads=[1] * 4),
        node("Sigmoid", ["e"], ["picture"]),
    ]
    return model(nodes, constants, ["z"], ["picture"])


@torch.no_grad()
def test_two_files_become_a_checkpoint_that_computes_what_they_say(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "enc.onnx").write_bytes(encoder_file())
    (tmp_path / "dec.onnx").write_bytes(decoder_file())
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "p.npz", images=draw.integers(0, 256, (60, 8, 8), np.uint8))
    usual = ["import", "--onnx", "enc.onnx", "dec.onnx", "--data", "npz:p.npz", "--yes"]
    assert main([*usual, "--out", "x"]) == 0
    kept = load("x.safetensors")
    assert dict(kept.origin.answers)["second"] == "log_var"
    x, z = torch.rand(5, 64), torch.randn(5, 3)
    hidden = F.leaky_relu(NORM(CONV(x.view(-1, 1, 8, 8))), 0.2).flatten(1)
    mu, log_var = HEAD(hidden).chunk(2, 1)
    q = kept.vae.encode(x)
    torch.testing.assert_close(q.mu, mu, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(q.log_var, log_var, rtol=1e-4, atol=1e-5)
    wanted = torch.sigmoid(BACK((START(z) ** 2).view(-1, 4, 4, 4))).flatten(1)
    torch.testing.assert_close(kept.vae.picture(z), wanted, rtol=1e-4, atol=1e-5)
    assert main(["import", "--onnx", "dec.onnx", "--latent", "3", "--out", "y", "--yes"]) == 0
    assert load("y.safetensors").vae.encoder is None


def test_files_that_are_none_or_damaged_are_one_sentence(tmp_path):
    whole, path = encoder_file(), tmp_path / "x.onnx"
    draw = np.random.default_rng(1)
    for n in range(300):
        content = bytearray(whole[: draw.integers(len(whole))] if n % 2 else whole)
        for _ in range(3):
            if content:
                content[draw.integers(len(content))] = draw.integers(256)
        path.write_bytes(bytes(content))
        with contextlib.suppress(ImportRefused):  # and nothing else
            OnnxNetwork(path)
    path.write_bytes(model([node("Loop", ["x"], ["y"])], {}, ["x"], ["y"]))
    with pytest.raises(ImportRefused, match="operators that are not known: Loop"):
        OnnxNetwork(path)
    outside = field(8, "w") + field(2, 1) + field(13, b"")
    path.write_bytes(field(7, field(5, outside)))
    with pytest.raises(ImportRefused, match="its tensors are in other files"):
        read_onnx(path)
