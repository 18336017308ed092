"""PCA, t-SNE and its cache, against oracles: NumPy's SVD, all pairs one by one, scikit-learn."""

import numpy as np
import pytest

from benchmarks.tsne import joint_probabilities, tsne_kl
from explorer.latent import disk_cache, fft_repulsion, tsne
from explorer.latent.pca import fit_pca


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def clusters(rng, n, d=6):
    labels = np.arange(n) % 6
    return 8 * np.eye(6, d)[labels] + rng.normal(size=(n, d)), labels


def test_pca_is_the_svd_of_the_centred_codes(rng):
    codes = rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5)) + 3
    pca = fit_pca(codes)
    _, s, basis = np.linalg.svd(codes - codes.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(pca.explained_variance_ratio, s**2 / (s**2).sum())
    np.testing.assert_allclose(np.abs(pca.components @ basis[:2].T), np.eye(2), atol=1e-10)
    np.testing.assert_allclose(pca.project(codes), (codes - codes.mean(0)) @ pca.components.T)


def test_pca_of_one_dimension_and_of_codes_that_do_not_vary():
    line = fit_pca(np.arange(5.0)[:, None])
    assert line.project(np.ones((3, 1))).shape == (3, 2)
    np.testing.assert_allclose(abs(line.project(np.array([[9.0]]))), [[7, 0]], atol=1e-12)
    assert fit_pca(np.ones((5, 3))).explained_variance_ratio.tolist() == [0, 0, 0]


@pytest.mark.parametrize(("n", "width", "force"), [(400, 1.0, 0.02), (1500, 20.0, 0.07)])
def test_mesh_sums_over_all_pairs(rng, n, width, force):
    y = rng.normal(scale=width, size=(n, 2))
    repulsion = fft_repulsion.Repulsion()
    (push, z), (exact, exact_z) = repulsion._on_mesh(y), repulsion._exact(y)
    assert z == pytest.approx(exact_z, rel=5e-3)
    assert np.linalg.norm(push - exact) < force * np.linalg.norm(exact)


def test_sample_comes_first_and_the_last_map_has_all_in_their_classes(rng, monkeypatch):
    monkeypatch.setattr(tsne, "SAMPLE", 250)
    codes, labels = clusters(rng, 620)
    steps = list(tsne.tsne(codes, perplexity=20))
    assert len(steps[0].index) == 250
    assert len(np.unique(steps[0].index)) == 250
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert done[-1] == steps[-1].total
    assert [step.final for step in steps] == [False] * (len(steps) - 1) + [True]
    last = steps[-1]
    assert last.index.tolist() == list(range(620))
    assert last.embedding.dtype == np.float32
    distance = ((last.embedding[:, None] - last.embedding) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (labels[distance.argmin(axis=1)] == labels).mean() > 0.95
    *_, again = tsne.tsne(codes, perplexity=20)
    np.testing.assert_array_equal(again.embedding, last.embedding)


def test_kl_is_right_and_no_worse_than_that_of_scikit_learn(rng):
    from sklearn.manifold import TSNE

    codes = rng.normal(size=(400, 5)) + 2 * rng.integers(2, size=(400, 5))
    p = joint_probabilities(codes, 30)
    *_, last = tsne.tsne(codes)
    kl = tsne_kl(p, last.embedding)
    assert last.kl == pytest.approx(kl, rel=0.02)
    assert kl < 1.03 * tsne_kl(p, TSNE(random_state=0).fit_transform(codes))


@pytest.mark.parametrize("factor", [0.0, 1e-300, 1e300])
def test_equal_and_extreme_codes_have_a_map(rng, factor):
    codes = factor * np.repeat(rng.normal(size=(10, 2)), 3, axis=0)
    *_, last = tsne.tsne(codes, perplexity=5)
    assert np.isfinite(last.embedding).all()


@pytest.mark.parametrize(
    ("codes", "perplexity", "sentence"),
    [
        (np.zeros((100, 3)), 34, "perplexity is 34; with 100 codes it must be between 2 and 33"),
        (np.zeros((100, 3)), float("nan"), "perplexity is nan"),
        (np.zeros((9, 3)), 2, "9 codes and this projection needs at least 10; encode more"),
        (np.full((20, 3), np.inf), 5, "20 of the 20 codes hold a NaN or an infinity"),
        (np.zeros(20), 5, r"shape \(20,\)"),
    ],
)
def test_bad_arguments_are_told_at_once_in_a_sentence(codes, perplexity, sentence):
    with pytest.raises(ValueError, match=sentence):
        tsne.tsne(codes, perplexity=perplexity)


def test_cache_returns_what_was_stored_and_nothing_damaged(rng, tmp_path):
    codes = rng.normal(size=(12, 3))
    path = tsne.cache_path(tmp_path / "maps", codes, 30, 0)
    others = [(codes, 31, 0), (codes, 30, 1), (codes + 1, 30, 0), (codes.astype(np.float32), 30, 0)]
    assert len({path, *(tsne.cache_path(tmp_path / "maps", *other) for other in others)}) == 5
    assert tsne.cache_path(tmp_path / "maps", codes.copy(), 30.0, 0) == path
    assert tsne.load_cached(path, 12) is None
    embedding = rng.normal(size=(12, 2)).astype(np.float32)
    tsne.store_cached(path, embedding)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    np.testing.assert_array_equal(tsne.load_cached(path, 12), embedding)
    assert tsne.load_cached(path, 13) is None
    whole = path.read_bytes()
    half = len(whole) // 2
    for damaged in (
        b"",
        b"no archive",
        whole[:half],
        whole[:half] + b"\xff" * 9 + whole[half + 9 :],
    ):
        path.write_bytes(damaged)
        assert tsne.load_cached(path, 12) is None


def test_the_cache_keeps_the_newest_maps(tmp_path, monkeypatch):
    monkeypatch.setattr(disk_cache, "MOST_FILES", 3)
    for n in range(5):
        tsne.store_cached(tmp_path / f"{n}.npz", np.full((2, 2), n, np.float32))
    kept = [tsne.load_cached(tmp_path / f"{n}.npz", 2) for n in range(5)]
    assert sum(found is not None for found in kept) == 3
    assert kept[4] is not None
