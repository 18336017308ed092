"""Blobs: what is written is read, a damaged one is refused, and all of it fits the wire."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient

from explorer import blobs
from explorer.explore import component
from explorer.figures.latent_scatter import by_class, scatter
from explorer.latent import codes as latent_codes
from explorer.latent import projections
from explorer.server import assets
from tests import shapes
from training import checkpoint
from training.data import datasets
from training.data.datasets import ImageSet
from training.vae import program
from training.vae.image_shape import ImageShape
from training.vae.model import VAE, VAEConfig

DIGITS = tuple("0123456789")
ROOT = assets.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def digits():
    train, test = (datasets.load("mnist-5k", split) for split in ("train", "test"))
    both = (
        torch.cat([a, b]) for a, b in ((train.images, test.images), (train.labels, test.labels))
    )
    return replace(train, **dict(zip(("images", "labels"), both, strict=True)))


def test_a_blob_gives_back_what_was_put_in():
    arrays = {
        "a": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "b": np.array([-7, 9], np.int16),
        "c": np.array([2**31], np.uint32),
        "d": np.array([[0.5], [-1.25]], np.float32),
    }
    header, back = blobs.unpack(blobs.pack("test", {"name": "é", "n": 3}, arrays))
    assert header == {"kind": "test", "name": "é", "n": 3}
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


def test_damaged_blobs_are_refused_with_a_sentence():
    blob = blobs.pack("test", {}, {"a": np.arange(100, dtype=np.uint8)})
    flipped = bytearray(blob)
    flipped[-3] ^= 1
    newer = bytearray(blob)
    newer[4] = 9
    for bad, said in (
        (blob[:7], "cut off after 7 bytes"),
        (blob[:-1], "checksum does not fit"),
        (bytes(flipped), "checksum does not fit"),
        (bytes(newer), "version 9"),
        (b"PK" + blob[2:], "something else"),
    ):
        with pytest.raises(blobs.PayloadError, match=said):
            blobs.unpack(bad)
    with pytest.raises(ValueError, match="float64"):
        blobs.pack("test", {}, {"a": np.zeros(2)})
    with pytest.raises(ValueError, match="NaN"):
        blobs.pack("test", {}, {"a": np.array([np.nan], np.float32)})


def weights_of(arrays) -> np.ndarray:
    """All weights of a model's blob: those in planes of bfloat16, then the others."""
    none = np.zeros(0, np.uint8)
    turned = arrays.get("exponents", none).astype(np.uint32) << 8 | arrays.get("mantissas", none)
    bits = (turned >> 1 | (turned & 1) << 15) << 16
    return np.concatenate([bits.view(np.float32), arrays.get("weights", np.zeros(0, np.float32))])


def tensors_of(table, arrays):
    flat = weights_of(arrays)
    return {
        name: torch.from_numpy(flat[first : first + int(np.prod(shape))].reshape(shape))
        for name, (first, shape) in table.items()
    }


@pytest.mark.parametrize("rounded", ["none", "all", "the decoder"])
def test_weights_of_either_precision_arrive_to_the_last_bit(rounded):
    torch.manual_seed(0)
    vae = VAE(VAEConfig(2, (16,), (16,)))
    with torch.no_grad():
        for name, p in vae.named_parameters():
            if rounded == "all" or (rounded == "the decoder" and name.startswith("decoder")):
                p.copy_(p.bfloat16().float())
    header, arrays = blobs.unpack(blobs.model(vae, "made"))
    assert ("weights" in arrays, "exponents" in arrays) == (rounded != "all", rounded != "none")
    tensors = tensors_of(header["tensors"], arrays)
    x, z = torch.rand(3, 784), torch.randn(3, 2)
    with torch.no_grad():
        for part, given, expected in (
            ("encoder", x, vae.encoder(x)),
            ("decoder", z, vae.decoder(z)),
        ):
            found = program.run(program.read(header[part], tensors), given)
            torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert header["prior"]["log_var"] == [-30.0, 10.0]


def test_an_encoder_that_comes_apart_is_that_of_the_whole_blob_and_heads_stand_for_it(digits):
    torch.manual_seed(0)
    vae = VAE(VAEConfig(2, (16,), (16,)))
    header, weights = blobs.unpack(blobs.model(vae, "made", apart=True))
    assert header["encoder"] == "apart"
    apart, its = blobs.unpack(blobs.encoder(vae))
    assert weights_of(its).size == sum(p.numel() for p in vae.encoder.parameters())
    x, z = torch.rand(3, 784), torch.randn(3, 2)
    for found, arrays, tensors, given, expected in (
        (apart["program"], its, apart["tensors"], x, vae.encoder(x)),
        (header["decoder"], weights, header["tensors"], z, vae.decoder(z)),
    ):
        run = program.run(program.read(found, tensors_of(tensors, arrays)), given)
        torch.testing.assert_close(run, expected.detach(), rtol=0, atol=0)
    first, arrays = blobs.unpack(blobs.first(vae, digits, [7, 3, 7, 4000]))
    assert first["images"] == [7, 3, 4000]
    np.testing.assert_array_equal(arrays["levels"], digits.images[[7, 3, 4000]].numpy())
    mu = vae.encode(datasets.to_float(digits.images[[7, 3, 4000]])).mu.detach().numpy()
    np.testing.assert_allclose(arrays["heads"][:, :2], mu, atol=1e-6)
    many = blobs.unpack(blobs.first(vae, digits, list(range(5000))))[0]["images"]
    assert many == list(range(2**17 // 784))  # what takes little


def test_pictures_come_back_pixel_by_pixel(digits):
    header, arrays = blobs.unpack(blobs.pictures(digits, "there/"))
    np.testing.assert_array_equal(arrays["labels"], digits.labels.numpy())
    assert (header["images"], header["shape"], header["pieces"]) == (5000, [1, 28, 28], "there/")
    assert (header["noun"], header["ink_box"], header["pen"]) == ("digit", 20, 2.2)
    foreign = blobs.unpack(blobs.pictures(replace(digits, name="folder:/nowhere"), ""))[0]
    assert (foreign["noun"], foreign["ink_box"], foreign["pen"]) == ("picture", None, None)
    pixels = []
    for number in range(-(-5000 // header["per_piece"])):
        part = blobs.piece(digits, number)
        first = blobs.unpack(part)[0]
        assert (first["first"], first["packing"]) == (number * header["per_piece"], "sparse")
        pixels.append(shapes.unpacked(part, digits.shape))
    np.testing.assert_array_equal(np.concatenate(pixels), digits.images.numpy())
    with pytest.raises(IndexError, match="no piece"):
        blobs.piece(digits, number + 1)
    with pytest.raises(IndexError, match="no piece"):
        blobs.piece(digits, -1)


def smooth(count: int, shape: ImageShape) -> ImageSet:
    """Pictures of slopes, which have few zeros and are alike from pixel to pixel."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: shape.height, : shape.width]
    ends = rng.uniform(20, 120, (3, count, shape.channels, 1, 1))
    values = ends[0] + ends[1] * y / shape.height + ends[2] * x / shape.width
    images = torch.from_numpy(values.reshape(count, -1).astype(np.uint8))
    return ImageSet("slopes", "test", images, torch.zeros(count).long(), ("slope",), shape)


@pytest.mark.parametrize("shape", [ImageShape(3, 48, 64), ImageShape(1, 30, 17)])
def test_coloured_pictures_come_as_a_lossless_atlas(shape):
    shown = smooth(blobs.per_piece(shape) + 7, shape)
    first = 0
    for number, count in enumerate((blobs.per_piece(shape), 7)):
        part = blobs.piece(shown, number)
        assert blobs.unpack(part)[0]["packing"] == "webp"
        wanted = shown.images[first : first + count].numpy()
        np.testing.assert_array_equal(shapes.unpacked(part, shape), wanted)
        first += count


@pytest.mark.parametrize("name", ["mnist-2d", "mnist-10d"])
def test_a_shipped_model_with_10_000_points_and_pictures_takes_4_mb_at_most(digits, name):
    vae = checkpoint.load(ROOT / "checkpoints" / f"{name}.safetensors").vae
    images, labels = digits.images, digits.labels
    # 10,000 different digits of which half are real: the others are the same, mirrored.
    images = torch.cat([images, images.reshape(-1, 28, 28).flip(2).reshape(-1, 784)])
    labels = torch.cat([labels, labels])
    codes = latent_codes.encode(vae, images)
    dims = latent_codes.dimensions(codes)
    index = np.arange(10_000)
    places = scatter(codes.mu[:, :2], index, by_class(labels.numpy(), DIGITS))
    # The heaviest map: t-SNE's carries the codes too.
    map_ = blobs.map_(places, {"kind": "t-sne"}, None, dims, "r", codes.mu)
    shown = replace(digits, images=images, labels=labels)
    pieces = -(-10_000 // blobs.per_piece(shown.shape))
    store = assets.Store()
    for kind, blob in (
        ("model", blobs.model(vae, name)),
        ("pictures", blobs.pictures(shown, "")),
        *((f"piece {n}", blobs.piece(shown, n)) for n in range(pieces)),
        ("map", map_),
    ):
        assert store.find(store.offer(kind, lambda blob=blob: blob).rpartition("/")[2])
    assert 2_500_000 < store.held <= 4_000_000


def test_the_map_holds_every_point_once_with_its_number(digits):
    images, labels = digits.images[:400], digits.labels[:400].numpy()
    torch.manual_seed(0)
    vae = VAE(VAEConfig(4, (32,), (32,)))
    codes = latent_codes.encode(vae, images)
    view = projections.tsne(codes, codes.mu[::-1, 2:], np.arange(400)[::-1])
    places = scatter(view.points, view.index, by_class(labels, DIGITS))
    dims = latent_codes.dimensions(codes)
    header, arrays = blobs.unpack(blobs.map_(places, view.spec, None, dims, "r", view.codes))
    assert sorted(arrays["index"]) == list(range(400))
    np.testing.assert_array_equal(
        np.column_stack([arrays["x"], arrays["y"]]), codes.mu[arrays["index"], 2:]
    )
    step = header["code_step"]
    np.testing.assert_allclose(arrays["codes"] * step, codes.mu[arrays["index"]], atol=0.51 * step)
    stops = [g["points"] for g in header["groups"]]
    assert [s[0] for s in stops[1:]] == [s[1] for s in stops[:-1]]
    for group, (start, stop) in zip(header["groups"], stops, strict=True):
        assert {str(labels[i]) for i in arrays["index"][start:stop]} == {group["name"]}
    assert [d["index"] for d in header["dims"]] == [d.index for d in latent_codes.dimensions(codes)]
    assert set(header["themes"]) == {"light", "dark"}
    for k, bounds in enumerate(header["bounds"]["all"]):
        assert bounds[0] < codes.mu[:, 2 + k].min() < codes.mu[:, 2 + k].max() < bounds[1]
    nothing = projections.nothing(codes)
    places = scatter(nothing.points, nothing.index, by_class(labels, DIGITS))
    empty = blobs.map_(places, nothing.spec, None, dims, "r")
    assert blobs.unpack(empty)[1]["x"].shape == (0,)


def test_only_what_is_on_offer_can_be_fetched_and_it_may_be_kept_for_ever(monkeypatch):
    store = assets.Store(max_bytes=3000)
    monkeypatch.setattr(assets, "STORE", store)
    rng = np.random.default_rng(0)
    blobs = [rng.bytes(1000) for _ in range(4)]
    paths = [store.offer(k, lambda k=k: blobs[k]) for k in range(2)]
    assert store.offer(0, lambda: pytest.fail("made twice")) == paths[0]
    for base in ("", "/deep/er/"):
        with TestClient(Starlette(routes=assets.routes(base))) as client:
            for root in dict.fromkeys(("", base.strip("/"))):
                answer = client.get(f"/{root}/{paths[1]}" if root else f"/{paths[1]}")
                assert answer.content == blobs[1]
                assert answer.headers["content-encoding"] == "gzip"
                assert "immutable" in answer.headers["cache-control"]
                plain = client.get(f"/{paths[1]}", headers={"accept-encoding": "identity"})
                assert plain.content == blobs[1]
                assert "content-encoding" not in plain.headers
            script = client.get("/" + assets.plotly_path())
            assert script.text.lstrip().startswith("/**")
            for file, kind in (
                ("katex.min.js", "text/javascript"),
                ("katex.min.css", "text/css"),
                ("fonts/KaTeX_Main-Regular.woff2", "font/woff2"),
            ):
                answer = client.get("/" + assets.katex_path() + file)
                assert answer.headers["content-type"].startswith(kind)
                assert answer.content == (ROOT / "explorer/vendor/katex" / file).read_bytes()
            module = client.get("/" + assets.code_path("explore/explore.js"))
            assert module.headers["content-type"].startswith("text/javascript")
            assert "export function show" in module.text
            for nothing in (
                "stage/blob/" + "0" * 32,
                "stage/blob/../../README.md",
                assets.code_path("..%2fpayload.py"),
                assets.code_path("payload.py"),
                assets.code_path("explore/explore.js").replace("/code/", "/code/0"),
                "stage/lib/plotly-0.js",
                assets.katex_path() + "../../web/adapter.js",
                "stage/katex/0/katex.min.js",
            ):
                answer = client.get("/" + nothing)
                assert answer.status_code == 404, nothing
                assert answer.headers.get("cache-control") != "immutable"
    for k in (2, 3):
        assert store.find(store.offer(k, lambda k=k: blobs[k]).rpartition("/")[2])
    store.offer(3, lambda: b"")  # what is held is counted when it is ready
    with TestClient(Starlette(routes=assets.routes())) as client:
        assert client.get("/" + store.offer(3, lambda: b"")).content == blobs[3]
        gone = [client.get("/" + path).status_code for path in paths]
        assert 404 in gone  # too many bytes: the one that was not asked for longest is let go


@pytest.mark.parametrize(
    "view",
    [
        None,
        "text",
        {"key": "other", "image": 1, "z": [0.0, 1.0]},
        {"key": "k", "image": 5, "z": [0.0, 1.0]},
        {"key": "k", "image": True, "z": [0.0, 1.0]},
        {"key": "k", "image": 1, "z": [0.0]},
        {"key": "k", "image": 1, "z": [0.0, float("nan")]},
        {"key": "k", "image": 1, "z": [0.0, 1e9]},
        {"key": "k", "image": 1, "z": [0.0, "1"]},
    ],
)
def test_what_a_browser_sends_is_believed_only_where_it_makes_sense(view):
    assert component.parse(view, "k", 5, 2) is None
    good = component.parse({"key": "k", "image": 4, "z": [0, -1.5]}, "k", 5, 2)
    assert good == component.View("k", 4, (0.0, -1.5))
