"""Codes, terms, maps and figures against what they must be; no screen."""

import numpy as np
import pytest
import torch

from explorer import figures, latent, maps, panels
from explorer.projection import fit_pca
from training import data
from training.elbo import elbo
from training.model import VAE, VAEConfig
from training.priors import Posterior


@pytest.fixture(scope="module")
def scene():
    torch.manual_seed(0)
    vae = VAE(VAEConfig(4, (32,), (32,))).eval()
    with torch.no_grad():
        vae.encoder[-1].weight[:4] *= torch.tensor([[9.0], [30.0], [3.0], [0.0]])
    images = data.load("mnist-5k", "test").images[:400]
    return vae, images, latent.encode(vae, images)


def test_codes_are_those_of_the_model(scene):
    vae, images, codes = scene
    x = data.to_float(images)
    with torch.no_grad():
        posterior = vae.encode(x)
        expected = elbo(vae, x, torch.Generator().manual_seed(0))
    np.testing.assert_allclose(codes.mu, posterior.mu, atol=1e-5)
    np.testing.assert_allclose(codes.std, posterior.std, atol=1e-5)
    np.testing.assert_allclose(codes.kl, vae.prior.kl(posterior).sum(1).detach(), rtol=1e-4)
    np.testing.assert_allclose(codes.reconstruction, expected.reconstruction, rtol=1e-3)


def test_dimensions_come_in_the_order_of_their_kl_and_reach_every_code(scene):
    _, _, codes = scene
    dims = latent.dimensions(codes)
    assert dims[0].index == 1
    assert dims[-1].index == 3
    assert [d.active for d in dims] == [True, True, True, False]
    assert [d.kl for d in dims] == sorted((d.kl for d in dims), reverse=True)
    for d in dims:
        assert d.low <= codes.mu[:, d.index].min()
        assert d.high >= codes.mu[:, d.index].max()
        assert round(d.low, 1) == d.low


def test_terms_are_estimated_with_an_honest_error(scene):
    vae, images, codes = scene
    found = latent.terms(vae, images[3], codes.mu[3], samples=400)
    with torch.no_grad():
        x = data.to_float(images[3:4])
        posterior = vae.encode(x)
        many = Posterior(*(p.expand(20_000, -1) for p in posterior))
        z = vae.prior.sample(many, torch.Generator().manual_seed(9))
        exact = vae.likelihood.negative_log_likelihood(vae.decode(z), x).mean()
        at = vae.likelihood.negative_log_likelihood(vae.decode(posterior.mu), x)
    assert 0 < found.standard_error < 5
    assert abs(found.reconstruction - float(exact)) < 4 * found.standard_error
    assert found.at_z == pytest.approx(float(at), abs=1e-3)
    assert found.kl == pytest.approx(float(codes.kl[3]), rel=1e-4)
    assert found.neg_elbo == found.reconstruction + found.kl
    written = panels.terms_panel(found, at_mean=True)
    for value in (f"{found.reconstruction:.1f}", f"{found.kl:.2f}", f"{found.neg_elbo:.1f}"):
        assert f">{value}<" in written


def test_pictures_are_the_decoders_mean(scene):
    vae, _, codes = scene
    got = latent.picture(vae, codes.mu[:3])
    assert got.shape == (3, 28, 28)
    assert got.dtype == np.uint8
    with torch.no_grad():
        expected = torch.sigmoid(vae.decode(torch.from_numpy(codes.mu[:3]))) * 255
    assert np.abs(got.reshape(3, -1) - expected.numpy()).max() <= 0.51


def test_maps_put_z_and_the_ellipse_where_the_projection_says(scene):
    _, _, codes = scene
    z = codes.mu[5] + np.float32([0.1, 0.2, 0.3, 0.4])
    view = maps.plane(codes, (2, 0), z, 5)
    assert view.cursor.tolist() == z[[2, 0]].tolist()
    assert view.axis_titles == ("z₃", "z₁")
    np.testing.assert_allclose(
        view.root @ view.root.T, np.diag(codes.std[5, [2, 0]] ** 2), atol=1e-6
    )
    fitted = fit_pca(codes.mu)
    view = maps.pca(codes, fitted, z, 5)
    draws = codes.mu[5] + codes.std[5] * np.random.default_rng(0).normal(size=(200_000, 4))
    np.testing.assert_allclose(view.centre, fitted.project(draws).mean(0), atol=0.02)
    np.testing.assert_allclose(view.root @ view.root.T, np.cov(fitted.project(draws).T), atol=0.05)
    off = z - fitted.unproject(view.cursor[None])[0]
    assert f"{np.linalg.norm(off):.2f} latent units off their plane" in view.note
    points, index = np.random.default_rng(1).normal(size=(50, 2)), np.arange(100, 150)
    view = maps.tsne(codes, points, index, codes.mu[117])
    assert view.cursor.tolist() == points[17].tolist()
    assert "image 117" in view.note
    assert view.axis_titles is view.centre is None


def test_the_scatter_holds_every_point_once_with_its_number_and_terms(scene):
    _, _, codes = scene
    labels = data.load("mnist-5k", "test").labels.numpy()[:400]
    view = maps.plane(codes, (0, 1), codes.mu[0], 0)
    figure = figures.scatter(
        view.points,
        view.index,
        labels,
        tuple("0123456789"),
        codes.reconstruction,
        codes.kl,
        view.axis_titles,
        figures.THEMES["dark"],
        "r",
    )
    rows = np.concatenate([np.column_stack([t.x, t.y, t.customdata]) for t in figure.data])
    rows = rows[np.argsort(rows[:, 2])]
    np.testing.assert_array_equal(rows[:, 2], np.arange(400))
    np.testing.assert_allclose(rows[:, :2], codes.mu[:, :2], rtol=1e-6)
    np.testing.assert_allclose(rows[:, 3], codes.reconstruction, rtol=1e-6)
    np.testing.assert_allclose(rows[:, 4], codes.kl, rtol=1e-6)
    assert sorted(a.text for a in figure.layout.annotations) == [f"<b>{i}</b>" for i in range(10)]
    ring = figures.ellipse(view.centre, view.root, 1)
    scaled = (ring - codes.mu[0, :2]) / codes.std[0, :2]
    np.testing.assert_allclose((scaled**2).sum(1), 1, atol=0.01)  # one sigma


def test_class_names_stand_among_their_points_and_apart():
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [5, 0], [0, 5], [5, 5]])
    labels = np.repeat(np.arange(4), 300)
    points = centres[labels] + rng.normal(size=(1200, 2))
    places = figures.class_places(points, labels, 5)
    assert sorted(label for label, _, _ in places) == [0, 1, 2, 3]
    for label, x, y in places:
        assert np.hypot(x - centres[label, 0], y - centres[label, 1]) < 2


def test_a_typical_image_is_of_its_class(scene):
    _, _, codes = scene
    labels = data.load("mnist-5k", "test").labels.numpy()[:400]
    found = latent.typical(codes, labels, 11)
    assert [labels[i] for i in found[:10]] == list(range(10))
    assert found[10] is None
