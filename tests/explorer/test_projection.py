"""PCA and t-SNE against oracles; the cache of finished maps."""

import numpy as np
import pytest

from benchmarks.tsne import joint_probabilities, tsne_kl
from explorer import projection, tsne


@pytest.fixture(scope="module")
def clusters():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), 100)
    return 6 * rng.normal(size=(6, 8))[labels] + rng.normal(size=(600, 8)), labels


def test_pca_is_the_singular_value_decomposition(clusters):
    codes, _ = clusters
    fitted = projection.fit_pca(codes)
    centred = codes - codes.mean(0)
    _, singular, rows = np.linalg.svd(centred, full_matrices=False)
    share = singular**2 / (singular**2).sum()
    np.testing.assert_allclose(fitted.explained_variance_ratio, share, rtol=1e-8)
    np.testing.assert_allclose(
        np.abs(fitted.project(codes)), np.abs(centred @ rows[:2].T), atol=1e-8
    )
    points = fitted.project(codes)
    np.testing.assert_allclose(fitted.project(fitted.unproject(points)), points, atol=1e-8)
    along = ((fitted.unproject(points) - fitted.mean) ** 2).sum(1)
    np.testing.assert_allclose(
        along + fitted.residual(codes) ** 2, (centred**2).sum(1), rtol=1e-8
    )  # Pythagoras


def test_nearest_is_nearest():
    points = np.array([[0.0, 0.0], [1.0, 1.0], [3.0, 0.0]])
    assert projection.nearest(points, [0.9, 0.8]) == 1
    assert projection.nearest(points, [2.4, -5.0]) == 2
    with pytest.raises(ValueError, match="no points"):
        projection.nearest(np.zeros((0, 2)), [0, 0])


def test_a_large_set_shows_a_sample_first_keeps_clusters_and_reaches_sklearns_kl(
    monkeypatch, clusters
):
    from sklearn.manifold import TSNE

    codes, labels = clusters
    monkeypatch.setattr(tsne, "SAMPLE", 200)
    steps = list(tsne.tsne(codes, perplexity=20, seed=0))
    sizes = [len(s.index) for s in steps]
    assert sizes[0] == 200
    assert sizes[-1] == 600
    assert sizes == sorted(sizes)
    assert all(len(s.embedding) == len(s.index) for s in steps)
    assert [s.done for s in steps] == sorted(s.done for s in steps)
    assert all(s.total == steps[-1].done for s in steps)
    assert [s.final for s in steps] == [False] * (len(steps) - 1) + [True]
    assert len(set(steps[0].index.tolist())) == 200
    y = steps[-1].embedding
    distance = ((y[:, None] - y) ** 2).sum(-1) + 1e9 * np.eye(len(y))
    assert (labels[distance.argmin(1)] == labels).mean() > 0.98
    p = joint_probabilities(codes, 20)
    theirs = TSNE(perplexity=20, random_state=0).fit_transform(codes)
    ours = tsne_kl(p, y)
    assert ours < 1.05 * tsne_kl(p, theirs)
    assert steps[-1].kl == pytest.approx(ours, rel=0.03)


def test_small_and_strange_sets_map_and_repeat_themselves():
    codes = np.random.default_rng(1).normal(size=(90, 3))
    first, again = (list(tsne.tsne(codes, perplexity=8, seed=3))[-1] for _ in range(2))
    assert first.final
    np.testing.assert_allclose(first.embedding, again.embedding, atol=1e-3)
    for strange in (np.zeros((40, 3)), np.repeat(codes[:30, :1], 2, axis=0), 1e30 * codes[:40]):
        y = list(tsne.tsne(strange, perplexity=5))[-1].embedding
        assert y.shape == (len(strange), 2)
        assert np.isfinite(y).all()


@pytest.mark.parametrize(
    ("codes", "perplexity", "sentence"),
    [
        (np.zeros((40, 3)), 30, r"perplexity is 30; with 40 codes .* 2 and 13"),
        (np.zeros((40, 3)), 1, r"perplexity is 1; .* Choose one in that range"),
        (np.full((40, 3), np.nan), 5, "40 of the 40 codes hold a NaN"),
        (np.zeros((3, 3)), 5, "needs at least 10"),
        (np.zeros(40), 5, r"shape \(40,\)"),
    ],
)
def test_impossible_ones_are_explained(codes, perplexity, sentence):
    with pytest.raises(ValueError, match=sentence):
        next(tsne.tsne(codes, perplexity=perplexity))


def test_the_cache_returns_what_it_was_given_and_nothing_else(tmp_path, clusters):
    codes, _ = clusters
    path = tsne.cache_path(tmp_path / "new", codes, 30, 0)
    assert tsne.load_cached(path, 600) is None
    kept = np.random.default_rng(0).normal(size=(600, 2)).astype(np.float32)
    tsne.store_cached(path, kept)
    np.testing.assert_array_equal(tsne.load_cached(path, 600), kept)
    assert tsne.load_cached(path, 599) is None
    others = [
        tsne.cache_path(tmp_path / "new", codes + 1e-3, 30, 0),
        tsne.cache_path(tmp_path / "new", codes, 31, 0),
        tsne.cache_path(tmp_path / "new", codes, 30, 1),
    ]
    assert len({path, *others}) == 4
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"PK" + content[2:500], content[:-200]):
        path.write_bytes(damaged)
        assert tsne.load_cached(path, 600) is None
    assert [p.suffix for p in path.parent.iterdir()] == [".npz"]
