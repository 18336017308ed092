"""The networks: shapes, sizes, precision, and what they are asked for in vain."""

import msgspec
import pytest
import torch

from training import checkpoint
from training.vae import program
from training.vae.image_shape import GREY_28, ImageShape
from training.vae.model import VAE, VAEConfig
from training.vae.networks import ARCHITECTURES, Residual, halvings, residual

STAGED = ("conv", "resnet")


def vae_of(architecture: str, shape: ImageShape, width: int, depth: int, **more) -> VAE:
    widths = ARCHITECTURES[architecture].widths(width, depth)
    return VAE(VAEConfig(3, *widths, architecture=architecture, image_shape=shape, **more))


@pytest.mark.parametrize("architecture", STAGED)
@pytest.mark.parametrize(
    ("shape", "depth"),
    [
        (ImageShape(3, 64, 64), 4),
        (ImageShape(3, 48, 64), 5),  # a stage that halves nothing
        (ImageShape(1, 28, 28), 3),
        (ImageShape(1, 12, 20), 2),
        (ImageShape(3, 4, 4), 1),
    ],
    ids=str,
)
def test_any_picture_whose_sides_divide_by_four_goes_through_and_learns(architecture, shape, depth):
    torch.manual_seed(0)
    vae = vae_of(architecture, shape, 6, depth, likelihood="gaussian-learned")
    x = torch.rand(5, shape.size)
    posterior = vae.encode(x)
    assert posterior.mu.shape == (5, 3)
    output = vae.decode(torch.stack([posterior.mu] * 2))
    assert output.shape == (2, 5, shape.size + 1)
    # A picture does not depend on those beside it, and all weights have a part in it.
    torch.testing.assert_close(output[0, 2], vae.decode(posterior.mu[2:3])[0], atol=1e-5, rtol=1e-4)
    (vae.likelihood.reconstruction(output[0], x) + vae.prior.kl(posterior).sum(1)).mean().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in vae.parameters())


def test_stages_halve_while_both_sides_are_even_and_large_enough():
    assert halvings(ImageShape(3, 64, 64), 5) == (True, True, True, True, False)
    assert halvings(GREY_28, 3) == (True, True, False)
    assert halvings(ImageShape(1, 12, 64), 3) == (True, False, False)
    assert halvings(ImageShape(1, 4, 4), 1) == (False,)


def test_the_usual_conv_has_the_layers_that_are_written_of_it():
    shape = ImageShape(3, 64, 64)
    row = ARCHITECTURES["conv"]
    assert row.widths(32, 4) == ((32, 32, 64, 64, 256), (256, 64, 64, 32, 32))
    assert row.size_of(row.widths(24, 3)[0]) == (24, 3)
    down = 16 * (3 * 32 + 32 * 32 + 32 * 64 + 64 * 64) + 32 + 32 + 64 + 64
    up = 16 * (64 * 64 + 64 * 32 + 32 * 32 + 32 * 3) + 64 + 32 + 32 + 3
    linear = (1024 * 256 + 256) + (256 * 6 + 6) + (3 * 256 + 256) + (256 * 1024 + 1024)
    found = sum(p.numel() for p in vae_of("conv", shape, 32, 4).parameters())
    assert found == down + up + linear


@pytest.mark.parametrize("architecture", STAGED)
def test_head_and_first_layer_keep_their_precision_under_autocast(architecture):
    vae = vae_of(architecture, ImageShape(3, 16, 16), 8, 2)
    seen = {}
    for name in ("encoder", "decoder"):
        for n, layer in enumerate(getattr(vae, name)):
            layer.register_forward_hook(
                lambda layer, x, y, key=(name, n): seen.update({key: y.dtype})
            )
    with torch.autocast("cpu", torch.bfloat16):
        posterior = vae.encode(torch.rand(4, 3 * 256))
        assert vae.decode(posterior.mu).dtype == torch.float32
    assert posterior.mu.dtype == torch.float32
    assert seen["encoder", len(vae.encoder) - 1] == seen["decoder", 0] == torch.float32
    assert {seen["encoder", 1], seen["decoder", 2]} == {torch.bfloat16}


def test_a_residual_block_is_its_sum_in_torch_and_as_a_program():
    torch.manual_seed(0)
    block = residual(6, 4, torch.nn.SiLU)
    x = torch.randn(2, 6, 5, 5)
    torch.testing.assert_close(block(x), block.body(x) + block.skip(x))
    assert isinstance(residual(6, 6, torch.nn.SiLU).skip, torch.nn.Identity)

    made = program.of_module(block, (6, 5, 5))
    assert [node.kind for node in made.nodes][-2:] == ["conv", "add"]
    torch.testing.assert_close(program.run(made, x), block(x))
    assert isinstance(block, Residual)


@pytest.mark.parametrize(
    ("architecture", "widths", "shape", "sentence"),
    [
        ("report", (), ImageShape(3, 32, 32), r"'report' is for pictures of 1×28×28.*3×32×32"),
        ("conv", (8, 16), ImageShape(1, 30, 32), r"'conv' .* divide by 4, and these have 1×30×32"),
        ("resnet", (8, 16), ImageShape(3, 32, 33), r"'resnet' .* divide by 4.*3×32×33"),
        ("conv", (8,), GREY_28, r"'conv' has the channels of one or more stages"),
        ("resnet", (), GREY_28, r"'resnet' has the channels of one or more stages"),
        ("mpl", (8,), GREY_28, r"'mpl' is not known; the valid ones are mlp, conv, resnet, report"),
    ],
)
def test_what_is_no_network_is_a_sentence(architecture, widths, shape, sentence):
    with pytest.raises(ValueError, match=sentence):
        VAEConfig(2, widths, widths, architecture=architecture, image_shape=shape)


def test_widths_out_of_their_bounds_are_the_end_of_a_sentence():
    for name, width, depth, sentence in (
        ("conv", 0, 4, "has a width from 1 to 512, not 0"),
        ("resnet", 32, 9, "has a depth from 1 to 8, not 9"),
        ("mlp", 5000, 2, "has a width from 1 to 4,096, not 5000"),
        ("report", 32, 2, "has fixed widths"),
    ):
        with pytest.raises(ValueError, match=sentence):
            ARCHITECTURES[name].widths(width, depth)
    for name in ("mlp", *STAGED):  # the largest of each is a configuration
        row = ARCHITECTURES[name]
        VAEConfig(2, *row.widths(*row.most), architecture=name)


def test_the_reports_network_is_read_by_its_old_name():
    old = b'{"latent_dim": 2, "encoder_widths": [], "decoder_widths": [], "architecture": "conv"}'
    config = msgspec.json.decode(old, type=VAEConfig)
    assert config == VAEConfig(2, (), (), architecture="report")
    found = checkpoint.load("checkpoints/report-normal.safetensors")
    assert found.vae.config.architecture == found.preset.model.architecture == "report"
    assert VAEConfig(2, (8, 16), (16, 8), architecture="conv").architecture == "conv"
