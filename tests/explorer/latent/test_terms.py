"""Terms on disk, and pictures that a model was not made for."""

import numpy as np
import torch

from explorer import blobs
from explorer.latent import terms
from training.vae.image_shape import ImageShape
from training.vae.model import VAE, VAEConfig

SHAPE = ImageShape(3, 4, 5)


def test_terms_come_from_the_disk_the_second_time(tmp_path, monkeypatch):
    torch.manual_seed(0)
    vae = VAE(VAEConfig(3, (4,), (4,), image_shape=SHAPE)).eval()
    images = torch.randint(0, 256, (7, SHAPE.size), dtype=torch.uint8)
    path = terms.path_of(tmp_path, vae, images, None, False)
    assert path != terms.path_of(tmp_path, vae, images, None, True)
    assert path != terms.path_of(tmp_path, vae, images[:6], None, False)
    assert terms.stored(path, 7) is None
    shares: list[float] = []
    found = terms.compute(path, vae, images, None, False, shares.append)
    assert shares[-1] >= 1
    known = terms.stored(path, 7)
    assert known is not None
    assert set(known) == set(found)
    for name, part in found.items():
        np.testing.assert_array_equal(known[name], part)
    assert terms.stored(path, 6) is None, "of another number of images"
    path.write_bytes(b"no archive")
    assert terms.stored(path, 7) is None
    header, arrays = blobs.unpack(blobs.terms(40, found))
    assert (header["kind"], header["first"], header["count"]) == ("terms", 40, 7)
    np.testing.assert_array_equal(arrays["log_p"], found["log_p"])
    soon = terms.compute(path, vae, images, None, True, shares.append)
    assert "log_p" not in soon
    assert "log_p" not in blobs.unpack(blobs.terms(0, soon))[1]
    monkeypatch.setattr(terms.disk_cache, "store", lambda *_, **__: (_ for _ in ()).throw(OSError))
    assert terms.compute(path, vae, images, None, True, shares.append), "a full disk stops nothing"


def test_altered_pictures_are_what_their_names_say():
    images = torch.randint(0, 256, (6, SHAPE.size), dtype=torch.uint8)
    made = {name: alter(images, SHAPE) for name, alter in terms.ALTERED.items()}
    for name, other in made.items():
        assert (other.shape, other.dtype) == (images.shape, torch.uint8), name
        assert bool((other != images).any()), name
    pictures = images.reshape(-1, *SHAPE.dims)
    mirrored = made["the same, mirrored"].reshape(pictures.shape)
    assert bool((mirrored[..., 0] == pictures[..., -1]).all())
    assert set(made["the same, without greys"].unique().tolist()) == {0, 255}
    inverted = made["the same, inverted"].int()
    assert bool((inverted + images.int() == 255).all())
    small = made["the same, half as large"].reshape(pictures.shape)
    assert bool((small[:, :, 0] == 0).all()), "black around it"
    assert int(small[0, 0, 1, 1]) == round(pictures[0, 0, :2, :2].float().mean().item())
    shuffled = made["the same, pixels shuffled"].reshape(6, 3, -1)
    assert bool((shuffled.sort(-1).values == images.reshape(6, 3, -1).sort(-1).values).all())
