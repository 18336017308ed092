"""Codes, terms, maps and figures against what they must be; no screen."""

import copy

import numpy as np
import pytest
import torch

from explorer.figures.latent_scatter import by_class, class_places, scatter
from explorer.latent import codes as latent_codes
from explorer.latent import disk_cache, projections
from explorer.latent.pca import fit_pca
from training.data import datasets
from training.vae.model import VAE, VAEConfig


@pytest.fixture(scope="module")
def scene():
    torch.manual_seed(0)
    vae = VAE(VAEConfig(4, (32,), (32,))).eval()
    with torch.no_grad():
        vae.encoder[-1].weight[:4] *= torch.tensor([[9.0], [30.0], [3.0], [0.0]])
    images = datasets.load("mnist-5k", "test").images[:400]
    return vae, images, latent_codes.encode(vae, images)


def test_codes_are_those_of_the_model(scene):
    vae, images, codes = scene
    x = datasets.to_float(images)
    with torch.no_grad():
        posterior = vae.encode(x)
    np.testing.assert_allclose(codes.mu, posterior.mu, atol=1e-5)
    np.testing.assert_allclose(codes.std, posterior.std, atol=1e-5)
    np.testing.assert_allclose(
        codes.kl_per_dim, vae.prior.kl(posterior).detach(), rtol=1e-4, atol=1e-6
    )


def test_dimensions_come_in_the_order_of_their_kl_and_reach_every_code(scene):
    _, _, codes = scene
    dims = latent_codes.dimensions(codes)
    assert dims[0].index == 1
    assert dims[-1].index == 3
    assert [d.active for d in dims] == [True, True, True, False]
    assert [d.kl for d in dims] == sorted((d.kl for d in dims), reverse=True)
    for d in dims:
        assert d.low <= codes.mu[:, d.index].min()
        assert d.high >= codes.mu[:, d.index].max()
        assert round(d.low, 1) == d.low


def test_maps_put_codes_where_the_projection_says(scene):
    _, _, codes = scene
    view = projections.plane(codes, (2, 0))
    np.testing.assert_array_equal(view.points, codes.mu[:, [2, 0]])
    assert view.axis_titles == ("z₃", "z₁")
    assert view.spec == {"kind": "plane", "axes": [2, 0]}
    fitted = fit_pca(codes.mu)
    view = projections.pca(codes)
    np.testing.assert_allclose(view.points, fitted.project(codes.mu))
    np.testing.assert_allclose(view.spec["components"], fitted.components)
    assert view.axis_titles[0] == f"PC 1 ({fitted.explained_variance_ratio[0]:.0%} of variance)"
    assert projections.tsne(codes, view.points, view.index).axis_titles is None


def test_an_axis_of_a_collapsed_dimension_spans_the_prior(scene):
    _, _, codes = scene
    flat = np.column_stack([codes.mu[:, 1], 1e-3 * codes.mu[:, 3]])
    labels = np.zeros(400, int)
    for sigma in (1.0, 2.0):
        found = scatter(flat, np.arange(400), by_class(labels, ("0",)), prior_std=sigma)
        across, up = found.bounds["all"]
        assert up[1] - up[0] == pytest.approx(5 * sigma, rel=1e-3)
        assert across[0] < flat[:, 0].min() < flat[:, 0].max() < across[1]
        core = found.bounds["core"]
        assert across[0] <= core[0][0] < core[0][1] <= across[1]
        assert core[1][1] - core[1][0] == pytest.approx(5 * sigma, rel=1e-3)
        assert not found.anchored


def test_a_map_of_positive_codes_begins_at_zero():
    points = np.random.default_rng(0).gamma(2, 1, (300, 2))
    one = by_class(np.zeros(300, int), ("0",))
    found = scatter(points, np.arange(300), one, 2**0.5, least=0.0)
    for k, (low, high) in enumerate(found.bounds["all"]):
        assert -0.02 * high < low <= points[:, k].min()
        assert high > points[:, k].max()
    assert found.anchored


def test_class_names_stand_among_their_points_and_apart():
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [5, 0], [0, 5], [5, 5]])
    labels = np.repeat(np.arange(4), 300)
    points = centres[labels] + rng.normal(size=(1200, 2))
    places = class_places(points, labels, 5)
    assert sorted(label for label, _, _ in places) == [0, 1, 2, 3]
    for label, x, y in places:
        assert np.hypot(x - centres[label, 0], y - centres[label, 1]) < 2


def test_a_class_beside_another_is_not_written_among_its_strays():
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [0.6, 0], [5, 5]])
    labels = np.repeat(np.arange(3), 500)
    points = centres[labels] + rng.normal(size=(1500, 2)) * np.array([[0.1], [0.1], [2]])[labels]
    points[:5] = [4, -1]  # strays of class 0
    places = {label: np.array(place) for label, *place in class_places(points, labels, 3)}
    assert np.linalg.norm(places[0] - centres[0]) < 0.6
    assert np.linalg.norm(places[1] - centres[1]) < 0.6
    assert np.linalg.norm(places[0] - places[1]) > 0.5


def test_a_typical_image_is_of_its_class(scene):
    _, _, codes = scene
    labels = datasets.load("mnist-5k", "test").labels.numpy()[:400]
    found = latent_codes.typical(codes, labels, 11)
    assert [labels[i] for i in found[:10]] == list(range(10))
    assert found[10] is None


def test_the_largest_classes_have_a_typical_image():
    labels = np.repeat(np.arange(30), np.arange(1, 31))
    found = latent_codes.typical_pixels(np.zeros((len(labels), 4), np.uint8), labels, 30)
    assert [label for label, image in enumerate(found) if image is not None] == [*range(20, 30)]


def test_a_typical_image_of_pixels_is_the_one_nearest_to_its_class_mean():
    images = np.array([[0, 250], [10, 200], [90, 30], [200, 250], [0, 0]], np.uint8)
    labels = np.array([0, 0, 0, 0, 2])
    # The mean of class 0 is (75, 182.5); image 1 is 67 away, the others 101 and more.
    assert latent_codes.typical_pixels(images, labels, 3) == [1, None, 4]


def test_codes_come_from_the_disk_where_they_are_those_of_these_weights_and_images(tmp_path):
    torch.manual_seed(0)
    vae = VAE(VAEConfig(3, (8,), (8,))).eval()
    images = torch.randint(0, 256, (50, 784), dtype=torch.uint8)
    first = latent_codes.cached(tmp_path, vae, images)
    (file,) = tmp_path.iterdir()
    marked = {name: values + 1 for name, values in first._asdict().items()}
    disk_cache.store(file, **marked)
    for again, plain in zip(latent_codes.cached(tmp_path, vae, images), first, strict=True):
        np.testing.assert_array_equal(again, plain + 1)  # it was read, not computed
    other = images.clone()
    other[0, 0] += 1
    latent_codes.cached(tmp_path, vae, other)
    changed = copy.deepcopy(vae)
    with torch.no_grad():
        next(changed.parameters()).add_(1e-3)
    latent_codes.cached(tmp_path, changed, images)
    assert len(list(tmp_path.iterdir())) == 3
    whole = file.read_bytes()
    for damaged in (b"", whole[:-40], whole[:400] + b"\xff" * 9 + whole[409:]):
        file.write_bytes(damaged)
        for again, plain in zip(latent_codes.cached(tmp_path, vae, images), first, strict=True):
            np.testing.assert_array_equal(again, plain)
