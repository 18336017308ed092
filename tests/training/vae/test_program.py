"""Programs: torch's modules as ops give what the modules give, and nonsense ends in a sentence."""

import json

import pytest
import torch
from torch import nn

from tests.programs import GRAPHS, LAYERS, case
from training.presets import PRESETS
from training.vae import program
from training.vae.model import VAE
from training.vae.program import OPS, Builder, ProgramError


@pytest.mark.parametrize("name", LAYERS)
def test_a_modules_program_gives_what_the_module_gives(name):
    made = case(name)
    assert made.expected is not None
    with torch.no_grad():
        found = program.run(made.program, made.x)
    torch.testing.assert_close(found, made.expected, rtol=1e-5, atol=1e-5)
    assert made.program.shapes[made.program.outputs[0]] == tuple(found.shape[1:])


@pytest.mark.parametrize("name", [*LAYERS, *GRAPHS])
def test_a_program_survives_its_description(name):
    made = case(name).program
    assert program.read(json.loads(json.dumps(made.describe())), made.tensors) == made


def test_every_op_stands_in_a_case():
    met = {node.kind for name in [*LAYERS, *GRAPHS] for node in case(name).program.nodes}
    assert met == set(OPS)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_presets_networks_are_programs(preset):
    torch.manual_seed(0)
    vae = VAE(PRESETS[preset].model).eval()
    decoder = program.of_module(vae.decoder, (vae.config.latent_dim,))
    encoder = program.of_module(vae.encoder, (vae.shape.size,))
    z, x = torch.randn(3, vae.config.latent_dim), torch.rand(3, vae.shape.size)
    with torch.no_grad():
        torch.testing.assert_close(program.run(decoder, z), vae.decode(z))
        torch.testing.assert_close(program.run(encoder, x), vae.encoder(x))


def test_products_are_counted_as_multiply_adds():
    layers = nn.Sequential(
        nn.Unflatten(1, (3, 4, 4)), nn.ConvTranspose2d(3, 5, 4, 2, 1), nn.Conv2d(5, 2, 3)
    )
    assert program.of_module(layers, (48,)).products == 3 * 5 * 16 * 16 + 5 * 2 * 9 * 36


def test_products_of_matrices_are_counted_for_each_pair():
    assert case("products of matrices").program.products == (
        6 * 7 * 9 * 5 + 6 * 7 * 7 * 9 + 6 * 63 + 6 * 6 * 63
    )


def test_what_torch_computes_at_once_is_what_the_ops_of_attention_give():
    made = case("attention").program
    t = list(made.tensors.values())
    x = torch.randn(2, 12, 7, 5)
    with torch.no_grad():
        first = x.flatten(2).transpose(1, 2) + t[0]
        h = nn.functional.layer_norm(first, (12,), t[2].flatten())
        q, k, v = nn.functional.linear(h, t[3], t[4]).reshape(2, 35, 3, 3, 4).permute(2, 0, 3, 1, 4)
        h = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        h = (nn.functional.linear(h, t[5]) + first).transpose(1, 2).reshape(x.shape)
        expected = nn.functional.group_norm(torch.cat([h, x], 1), 3)
        found = program.run(made, x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (3, "makes no sense"),
        ({"shape": [], "ops": []}, "makes no sense"),
        ({"shape": [2], "ops": [{"op": "sing\x1b"}]}, r"the kind 'sing\\\\x1b'; the known ones"),
        ({"shape": [2], "ops": [{"op": "relu", "slope": 1}]}, "Op 1 .relu.*unknown field `slope`"),
        ({"shape": [2], "ops": [{"op": "linear", "weight": "w"}]}, "there is no tensor 'w'"),
        ({"shape": [2], "ops": [{"op": "linear", "weight": "m"}]}, "takes 3 numbers"),
        ({"shape": [3], "ops": [{"op": "linear", "weight": "k"}]}, "no matrix"),
        ({"shape": [3], "ops": [{"op": "softmax", "axis": 1}]}, "no axis 1"),
        ({"shape": [3], "ops": [{"op": "relu", "inputs": ["y"]}]}, "called 'y'"),
        ({"shape": [3], "ops": [{"op": "relu", "name": "x"}]}, "two values are called 'x'"),
        ({"shape": [3], "ops": [{"op": "add"}]}, "takes 2 to 64 inputs, not 1"),
        ({"shape": [3], "ops": [{"op": "add", "inputs": ["x"] * 65}]}, "inputs, not 65"),
        ({"shape": [3], "ops": [{"op": "constant", "value": "m"}]}, "takes 0 inputs, not 1"),
        (
            {
                "shape": [3],
                "ops": [
                    {"op": "constant", "value": "m", "inputs": [], "name": "m"},
                    {"op": "multiply", "inputs": ["x", "m"]},
                ],
            },
            r"\[4, 3\] does not go with \[3\]",
        ),
        (
            {"shape": [4, 3], "ops": [{"op": "matmul", "inputs": ["x", "x"]}]},
            r"\[4, 3\] takes 3 rows, and \[4, 3\] has 4",
        ),
        ({"shape": [3], "ops": [{"op": "matmul", "inputs": ["x", "x"]}]}, "no matrices of as many"),
        ({"shape": [3], "ops": [{"op": "mean", "axes": [0, 0]}]}, "no axes of"),
        ({"shape": [3], "ops": [{"op": "mean", "axes": [1]}]}, "no axes of"),
        ({"shape": [3], "ops": [], "outputs": ["y"]}, "'y' is the name of no value"),
        ({"shape": [3], "ops": [{"op": "clamp", "low": 2, "high": 1}]}, "low is 2"),
        ({"shape": [3], "ops": [{"op": "reshape", "sides": [2, -1]}]}, "do not go into"),
        ({"shape": [3], "ops": [{"op": "reshape", "sides": [0, -1]}]}, "no shape"),
        ({"shape": [1, 2, 2], "ops": [{"op": "conv", "weight": "k"}]}, r"the shape \[1, 0, 0\]"),
        ({"shape": [2, 2, 2], "ops": [{"op": "conv", "weight": "k"}]}, "takes 1 channels"),
        (
            {"shape": [1, 4, 4], "ops": [{"op": "conv", "weight": "k", "stride": [0, 1]}]},
            "Expected `int` >= 1",
        ),
        (
            {"shape": [1, 4, 4], "ops": [{"op": "upsample", "size": [8192, 8192]}]},
            "larger than",
        ),
        (
            {
                "shape": [1, 2048, 2048],
                "ops": [{"op": "conv", "weight": "big", "padding": [511, 511]}],
            },
            "fewer than 1e\\+09 and",
        ),
    ],
)
def test_nonsense_is_refused_in_a_sentence(document, reason):
    tensors = {
        "m": torch.zeros(4, 3),
        "k": torch.zeros(1, 1, 3, 3),
        "big": torch.zeros(1, 1, 1023, 1023),
    }
    with pytest.raises(ProgramError, match=reason):
        program.read(document, tensors)


def test_a_layer_without_ops_is_named():
    with pytest.raises(ProgramError, match="type LayerNorm has no ops; those that have are"):
        program.of_module(nn.LayerNorm(3), (3,))
    with pytest.raises(ProgramError, match="ceil_mode"):
        program.of_module(nn.MaxPool2d(2, ceil_mode=True), (1, 3, 3))


def test_tensors_are_shared_by_two_programs():
    builder = Builder((2,))
    builder.lower(nn.Linear(2, 3), builder.x)
    other = Builder((3,), builder.tensors)
    other.lower(nn.Linear(3, 1), other.x)
    assert set(builder.tensors) == {"t0", "t1", "t2", "t3"}
