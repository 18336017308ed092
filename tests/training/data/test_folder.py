"""Somebody's own pictures: found, brought to one shape, split, kept, or told to be broken."""

import ast
import os
import random
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from training.__main__ import main
from training.data import archive, datasets, folder, names, picture_file, pictures, scan
from training.data.datasets import DataError
from training.data.names import Options
from training.vae.image_shape import ImageShape

BLUE = (20, 60, 240)


def fill(path, n=10, size=(40, 50), color=BLUE, suffix="png"):
    """Put n pictures of different levels into a folder."""
    path.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        shade = tuple(max(0, v - i) for v in color)
        Image.new("RGB", size, shade).save(path / f"{i}.{suffix}")
    return path


def pair(name, data_dir="data"):
    return [datasets.load(name, split, data_dir) for split in ("train", "test")]


def whole(name, data_dir="data"):
    return datasets.join(pair(name, data_dir))


# --- names -------------------------------------------------------------------------------------


def test_a_name_is_taken_apart_into_what_it_was_made_of():
    draw = random.Random(0)
    for _ in range(3000):
        path = "".join(draw.choices("ab/?&=x64 .é\\:color", k=draw.randint(1, 12)))
        size = draw.choice([None, (64, 64), (48, 256)])
        options = Options(size, *(draw.choice(v) for v in names.VALUES.values()))
        made = names.Name(draw.choice(names.KINDS), path, options)
        assert names.parse(str(made)) == made
    assert names.parse("folder:a?b/c?size=64x48&color=gray") == names.Name(
        "folder", "a?b/c", Options((64, 48), color="grey")
    )
    assert str(names.parse("folder:why?")) == "folder:why?"
    assert names.parse("celeba?classes=Male").classes == "Male"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("folder:x?side=3", "no option 'side'; the valid ones are size, crop, color, background"),
        ("folder:x?color=blue", "color=auto, color=rgb, color=grey"),
        ("folder:x?size=4", "each from 8 to 256"),
        ("folder:x?size=64x", "each from 8 to 256"),
        ("folder:x?size=64&size=32", "stands twice"),
        ("mnist?size=64", "no option 'size'"),
        ("sprites-32?classes=hue", "the valid factors are shape"),
        ("mnist-5k?classes=x", "the valid factors are none"),
        ("folder:", "names no path"),
    ],
)
def test_an_option_that_is_not_possible_is_a_sentence(name, sentence):
    with pytest.raises(DataError) as caught:
        datasets.load(name, "test")
    assert sentence in str(caught.value)


# --- what becomes of a picture -----------------------------------------------------------------


def png16():
    ramp = np.full((30, 30), 128 * 257, np.uint16)
    return Image.fromarray(ramp)


def palette():
    return Image.new("RGB", (30, 30), (200, 10, 10)).quantize(4)


def clear(mode, value):
    return Image.new(mode, (30, 30), value)


def transparent_palette():
    image = Image.new("P", (30, 30), 0)
    image.putpalette([9, 9, 9] * 256)
    image.info["transparency"] = 0
    return image


MODES = {
    "bilevel": (clear("1", 1), "png", (255, 255, 255)),
    "grey": (clear("L", 70), "png", (70, 70, 70)),
    "16 bits": (png16(), "png", (128, 128, 128)),
    "16 bits, tiff": (png16(), "tiff", (128, 128, 128)),
    "palette": (palette(), "png", (200, 10, 10)),
    "clear palette": (transparent_palette(), "png", (255, 255, 255)),
    "alpha": (clear("RGBA", (255, 0, 0, 0)), "png", (255, 255, 255)),
    "half": (clear("RGBA", (200, 0, 0, 128)), "webp", (227, 127, 127)),
    "grey and alpha": (clear("LA", (0, 0)), "png", (255, 255, 255)),
    "CMYK": (clear("CMYK", (0, 255, 255, 0)), "tiff", (255, 0, 0)),
    "YCbCr": (clear("YCbCr", (76, 85, 255)), "tiff", (254, 0, 0)),
    "LAB": (clear("LAB", (136, 128, 128)), "tiff", (127, 127, 127)),
    "JPEG": (clear("RGB", (10, 200, 10)), "jpg", (10, 200, 10)),
}


@pytest.mark.parametrize("kind", MODES)
def test_every_mode_becomes_levels(tmp_path, kind):
    image, suffix, expected = MODES[kind]
    image.save(tmp_path / f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    with open(tmp_path / f"a.{suffix}", "rb") as file:
        levels, coloured = pictures.levels(file, ImageShape(3, 8, 8), Options())
    assert levels.reshape(3, -1).min(1).tolist() == levels.reshape(3, -1).max(1).tolist()
    np.testing.assert_allclose(levels.reshape(3, -1)[:, 0], expected, atol=3)
    assert coloured == (max(expected) - min(expected) > 16)


def test_transparency_and_padding_have_the_background_that_is_asked_for(tmp_path):
    Image.new("RGBA", (40, 20), (0, 0, 0, 0)).save(tmp_path / "a.png")
    Image.new("L", (40, 20), 90).save(tmp_path / "b.png")
    for background, level in (("white", 255), ("black", 0)):
        options = f"?size=16&crop=pad&color=grey&background={background}"
        found = whole(f"folder:{tmp_path}{options}").images.view(-1, 16, 16)
        clear_one, grey = sorted(found, key=lambda p: int(p[8, 8]) == 90)
        assert clear_one.unique().tolist() == [level]
        assert grey[4:12].unique().tolist() == [90]
        assert grey[:4].unique().tolist() == grey[12:].unique().tolist() == [level]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_exif_says(tmp_path, orientation):
    ramp = np.zeros((40, 60, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(60) * 4, np.arange(40)[:, None] * 6
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(ramp).save(tmp_path / "a.png", exif=exif)
    with open(tmp_path / "a.png", "rb") as file:
        width, height, _ = pictures.facts(file)
        levels, _ = pictures.levels(file, ImageShape(3, 20, 30), Options())
    with Image.open(tmp_path / "a.png") as image:
        upright = ImageOps.exif_transpose(image)
    assert (width, height) == upright.size
    expected = np.asarray(ImageOps.fit(upright, (30, 20), Image.Resampling.BICUBIC))
    difference = levels.reshape(3, 20, 30).transpose(1, 2, 0).astype(int) - expected
    assert abs(difference).max() <= 1


def test_of_an_animation_the_first_frame_is_taken_and_of_a_wide_picture_the_middle(tmp_path):
    frames = [Image.new("RGB", (30, 30), color) for color in ((250, 0, 0), (0, 250, 0))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    wide = np.zeros((30, 90), np.uint8)
    wide[:, 30:60] = 200
    Image.fromarray(wide).save(tmp_path / "b.png")
    with open(tmp_path / "a.gif", "rb") as file:
        levels, _ = pictures.levels(file, ImageShape(3, 30, 30), Options())
    assert levels.reshape(3, -1)[:, 0].tolist() == [250, 0, 0]
    with open(tmp_path / "b.png", "rb") as file:
        assert np.all(pictures.levels(file, ImageShape(1, 30, 30), Options())[0] == 200)


# --- the folder --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "side"),
    [((20, 22, 24), 28), ((27, 40, 400), 32), ((100, 95, 2000), 96), ((500, 600, 130), 128)],
)
def test_the_side_is_the_nearest_below_the_median(tmp_path, sizes, side):
    for i, size in enumerate(sizes):
        Image.new("L", (size, size + 7), 9).save(tmp_path / f"{i}.png")
    assert datasets.shape_of(f"folder:{tmp_path}") == ImageShape(1, side, side)
    assert datasets.shape_of(f"folder:{tmp_path}?size=48x32&color=rgb") == ImageShape(3, 32, 48)
    found = datasets.load(f"folder:{tmp_path}", "train")
    assert f"{side}×{side} pixels" in found.notes[0]
    assert found.notes[1] == "Grey, because all 3 are."


def test_colour_is_kept_where_there_is_any_and_grey_in_three_channels_is_grey(tmp_path):
    fill(tmp_path / "grey", 5, color=(90, 90, 90))
    assert whole(f"folder:{tmp_path}").shape == ImageShape(1, 32, 32)
    fill(tmp_path / "blue", 1)
    found = whole(f"folder:{tmp_path}")
    assert found.shape == ImageShape(3, 32, 32)
    assert "In colour, because there is some." in found.notes
    blue = found.images[found.labels == 0].view(3, -1)[:, 0]
    assert blue.tolist() == list(BLUE)
    greyed = whole(f"folder:{tmp_path}?color=grey")
    assert greyed.shape == ImageShape(1, 32, 32)
    assert "1 picture in colour made grey." in greyed.notes


def test_classes_are_folders_and_a_folder_without_is_one_class(tmp_path):
    fill(tmp_path / "b" / "deep", 4)
    fill(tmp_path / "a", 5)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)  # round in circles
    (tmp_path / "notes.txt").write_text("no picture")
    found = whole(f"folder:{tmp_path}")
    assert (found.classes, torch.bincount(found.labels).tolist()) == (("a", "b"), [5, 4])
    Image.new("L", (40, 40)).save(tmp_path / "loose.png")
    assert "1 picture beside the folders of classes left out." in whole(f"folder:{tmp_path}").notes
    one = whole(f"folder:{tmp_path / 'a'}")
    assert len(one.classes) == 1 or one.classes == ("again",)
    flat = whole(f"folder:{fill(tmp_path / 'flat', 6)}")
    assert (flat.classes, len(flat)) == (("pictures",), 6)


def test_a_picture_stays_in_its_split_when_others_come(tmp_path):
    entries = tuple(scan.Entry(f"a/{n}.png", 0, ()) for n in range(5000))
    train, test = folder.splits(entries)
    assert len(test) / 5000 == pytest.approx(0.2, abs=0.02)
    more = entries + tuple(scan.Entry(f"b/{n}.jpg", 1, ()) for n in range(3000))
    both = [{entry.name for entry in part} for part in folder.splits(more)]
    assert {e.name for e in train} <= both[0]
    assert {e.name for e in test} <= both[1]
    assert not both[0] & both[1]
    fill(tmp_path / "x", 40)
    before = {p.numpy().tobytes() for p in datasets.load(f"folder:{tmp_path}", "test").images}
    fill(tmp_path / "y", 30, color=(250, 90, 90))
    after = {p.numpy().tobytes() for p in datasets.load(f"folder:{tmp_path}", "test").images}
    assert before < after


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_the_splits_of_a_reader_are_of_one_look_at_the_files(tmp_path, monkeypatch, kind):
    path = fill(tmp_path / "album", n=20)
    if kind == "zip":
        path = shutil.make_archive(str(tmp_path / "album"), "zip", path)
    looks = []
    for module, name in ((scan, "scan_folder"), (archive, "scan_zip")):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda path, real=real: looks.append(path) or real(path))
    expected = pair(f"{kind}:{path}")
    looks.clear()
    read = datasets.reader(f"{kind}:{path}")
    train = read("train")
    if kind == "folder":
        fill(tmp_path / "album", n=40)
    test = read("test")
    assert len(looks) == 1
    for found, known in zip((train, test), expected, strict=True):
        assert (len(found), found.split) == (len(known), known.split)
        assert torch.equal(found.images, known.images)


def test_three_pictures_are_enough_to_look_at_and_training_says_what_it_needs(tmp_path, capsys):
    for n in range(30):
        (place := tmp_path / str(n)).mkdir()
        for i in range(3):
            Image.new("L", (30, 30), i).save(place / f"{n}-{i}.png")
        train, test = pair(f"folder:{place}")
        assert len(train) + len(test) == 3
        assert min(len(train), len(test)) >= 1
    (tmp_path / "0" / "0-1.png").write_bytes(b"")
    assert sum(map(len, pair(f"folder:{tmp_path / '0'}"))) == 2
    words = ["fit", "mnist-5k-2d", "--data", f"folder:{tmp_path / '1'}", "--device", "cpu"]
    assert main([*words, "--run-dir", str(tmp_path / "r"), "--out", str(tmp_path / "o")]) == 2
    assert "training needs 8 or more" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_what_cannot_be_read_is_named_counted_and_left_out(tmp_path):
    fill(tmp_path / "a", 12)
    (tmp_path / "a" / "3.png").write_bytes(b"not an image")
    whole_file = (tmp_path / "a" / "4.png").read_bytes()
    (tmp_path / "a" / "4.png").write_bytes(whole_file[: len(whole_file) // 2])
    Image.fromarray(np.full((40, 40), 0.5, np.float32)).save(tmp_path / "a" / "5.tiff")
    (tmp_path / "a" / "6.png").unlink()
    (tmp_path / "a" / "6.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "a" / "7\x1b[2J\u202e.png").write_bytes(b"")
    train, test = pair(f"folder:{tmp_path}")
    assert len(train) + len(test) == 9
    (note,) = [note for note in train.notes if "left out" in note]
    assert note.startswith("5 files left out that cannot be read as an image: ")
    assert note.endswith("and 2 more.")
    assert note.isprintable()
    for file in (tmp_path / "a").iterdir():
        file.unlink()
        file.write_bytes(b"broken")
    with pytest.raises(DataError, match=r"None of the pictures in .* can be read \(a/"):
        datasets.load(f"folder:{tmp_path}", "train")


def refusal_or_notes(path) -> str:
    """The sentences about a folder, within a bounded time and 1 GB of memory."""
    program = (
        "import re, sys\nfrom training.data import datasets\n"
        "try: print(ascii(' '.join(datasets.load('folder:' + sys.argv[1], 'train').notes)))\n"
        "except datasets.DataError as error: print(ascii(str(error)))\n"
        # Its own peak; what getrusage says is never less than that of who started it.
        "peak = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())\n"
        "assert int(peak[1]) < 1_000_000\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    text = ast.literal_eval(done.stdout.decode())
    assert text.isprintable()
    assert len(text) <= 500
    return text


def bomb(side: int) -> bytes:
    """A PNG of side × side black pixels, some bytes long for each of its rows."""

    def part(kind: bytes, content: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(min(side, 2000) * (side + 1)), 9)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", body) + part(b"IEND", b"")


def test_bombs_and_pipes_are_left_out_in_bounded_time_and_memory(tmp_path):
    fill(tmp_path / "a", 6)
    os.mkfifo(tmp_path / "a" / "pipe.png")
    for side in (9_000, 60_000):
        (tmp_path / "a" / f"bomb{side}.png").write_bytes(bomb(side))
    said = refusal_or_notes(tmp_path)
    assert "3 files left out" in said
    assert "a/pipe.png (it is not a regular file)" in said
    assert "a/bomb9000.png (it has 9,000 × 9,000 pixels" in said


@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff\xfe"])
def test_a_class_or_folder_whose_name_is_not_utf8_is_refused_and_a_file_is_not(tmp_path, name):
    fill(tmp_path / "a", 6)
    other = os.path.join(os.fsencode(tmp_path), name)
    os.rename(tmp_path / "a" / "1.png", os.path.join(os.fsencode(tmp_path / "a"), name + b".png"))
    assert len(whole(f"folder:{tmp_path}")) == 6
    os.rename(tmp_path / "a", other)
    shown = "".join(c if c.isascii() else f"\\x{ord(c):02x}" for c in name.decode("latin-1"))
    said = refusal_or_notes(tmp_path)
    assert f"The folder {shown} has a name that is not UTF-8. Rename it." in said
    assert "has a name that is not UTF-8" in refusal_or_notes(os.fsdecode(other))


def test_no_folder_and_no_pictures_are_sentences(tmp_path):
    with pytest.raises(DataError, match="is not a folder"):
        datasets.load(f"folder:{tmp_path / 'nowhere'}", "test")
    with pytest.raises(DataError, match="holds no pictures"):
        datasets.load(f"folder:{tmp_path}", "test")


# --- the cache ---------------------------------------------------------------------------------


def test_pictures_are_read_once_and_mapped_and_again_when_a_file_changes(
    tmp_path, cache, monkeypatch
):
    fill(tmp_path / "a", 20)
    first = whole(f"folder:{tmp_path}")
    counts = []
    true = pictures.levels

    def count(*arguments):
        counts.append(1)
        return true(*arguments)

    monkeypatch.setattr(pictures, "levels", count)
    train, test = pair(f"folder:{tmp_path}")
    assert not counts
    assert torch.equal(torch.cat([train.images, test.images]), first.images)
    (kept,) = cache.glob("*.pictures")
    if os.path.exists("/proc/self/maps"):
        with open("/proc/self/maps") as file:
            assert str(kept) in file.read()
    kept.write_bytes(kept.read_bytes()[:-9])  # damaged: made again
    assert torch.equal(whole(f"folder:{tmp_path}").images, first.images)
    assert len(counts) == 20
    Image.new("RGB", (40, 50), (9, 200, 9)).save(tmp_path / "a" / "3.png")
    assert not torch.equal(whole(f"folder:{tmp_path}").images, first.images)
    assert len(counts) == 40
    reports = []
    datasets.prepare(f"folder:{tmp_path}?size=16", report=reports.append)
    assert reports[-1] == (20, 20)


@pytest.mark.parametrize("damage", ["cut", "tail", "count", "labels"])
def test_a_damaged_file_of_pictures_is_never_taken(tmp_path, cache, damage):
    fill(tmp_path / "a", 10)
    whole(f"folder:{tmp_path}")
    (kept,) = cache.glob("*.pictures")
    content = bytearray(kept.read_bytes())
    if damage == "cut":
        content = content[1000:]
    elif damage == "tail":
        content[-16:-8] = (2**60).to_bytes(8, "little")
    elif damage == "count":
        content = content.replace(b'"count":10', b'"count":11')
    else:
        at = content.index(b"labels.npy")
        content[at + 60 : at + 400] = bytes(340)
    kept.write_bytes(content)
    assert picture_file.kept(kept) is None


def test_the_cache_keeps_to_its_size(tmp_path, cache, monkeypatch):
    fill(tmp_path / "a", 10)
    whole(f"folder:{tmp_path}?size=32")
    monkeypatch.setattr(picture_file, "MOST_BYTES", 2 * 10 * 3 * 32 * 32)
    for size in (33, 34, 35):
        whole(f"folder:{tmp_path}?size={size}")
        assert len(list(cache.glob("*.pictures"))) <= 2
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 100}))
    with pytest.raises(DataError, match=r"0\.0 are free.*VAE_CACHE_DIR"):
        whole(f"folder:{tmp_path}?size=36")


# --- archives ----------------------------------------------------------------------------------


def zipped(source, target, head=""):
    with zipfile.ZipFile(target, "w") as made:
        for file in sorted(source.rglob("*.png")):
            made.write(file, head + file.relative_to(source).as_posix())
    return target


@pytest.mark.parametrize("head", ["", "mine/", "a/b/"])
def test_an_archive_is_as_the_folder_in_it(tmp_path, head):
    fill(tmp_path / "in" / "x", 9)
    fill(tmp_path / "in" / "y", 8, color=(200, 200, 10))
    path = zipped(tmp_path / "in", tmp_path / "mine.zip", head)
    with zipfile.ZipFile(path, "a") as made:
        made.writestr("__MACOSX/x/._1.png", b"")
        made.writestr("readme.txt", b"")
    before = sorted(p.name for p in tmp_path.rglob("*"))
    for of_zip, of_folder in zip(
        pair(f"zip:{path}"), pair(f"folder:{tmp_path / 'in'}"), strict=True
    ):
        assert torch.equal(of_zip.images, of_folder.images)
        assert torch.equal(of_zip.labels, of_folder.labels)
        assert of_zip.classes == of_folder.classes == ("x", "y")
    assert sorted(p.name for p in tmp_path.rglob("*")) == before


def test_an_archive_that_would_leave_its_place_or_burst_does_neither(tmp_path, monkeypatch):
    fill(tmp_path / "in", 3)
    picture = (tmp_path / "in" / "0.png").read_bytes()
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name in ("../../out.png", "/etc/out.png", "x/1.png", "x/2.png"):
            made.writestr(name, picture)
        made.writestr("x/big.png", bytes(archive.MOST_MEMBER + 1))
        made.writestr("x/bomb.png", bomb(9_000))
    before = sorted(tmp_path.rglob("*"))
    found = whole(f"zip:{path}")
    assert sorted(tmp_path.rglob("*")) == before
    assert not (tmp_path.parent.parent / "out.png").exists()
    assert (found.classes, len(found)) == (("pictures",), 2)
    assert any("2 files left out" in note for note in found.notes)
    monkeypatch.setattr(archive, "MOST_UNPACKED", 1000)
    with pytest.raises(DataError, match="more than it may"):
        whole(f"zip:{path}")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="damaged or no zip"):
        whole(f"zip:{path}")
    with pytest.raises(DataError, match="cannot be read"):
        whole(f"zip:{tmp_path}")


# --- on offer, and kept with a run -------------------------------------------------------------


def test_what_lies_in_the_data_directory_is_offered_by_its_name(tmp_path, monkeypatch):
    fill(tmp_path / "faces?" / "a", 5)
    fill(tmp_path / "faces?" / "b", 3)
    zipped(tmp_path / "faces?", tmp_path / "same.zip")
    images = np.zeros((6, 20, 30), np.uint8)
    np.savez(tmp_path / "arrays.npz", images=images)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.zip").write_bytes(b"PK")
    (tmp_path / "broken.npz").write_bytes(b"PK")
    offers = {offer.name: offer for offer in datasets.available(tmp_path)}
    assert list(offers)[:3] == ["mnist-5k", "sprites-32", "sprites-64"]
    own = {name: (offer.shape, offer.total) for name, offer in offers.items() if ":" in name}
    assert own == {
        "npz:arrays.npz": (ImageShape(1, 20, 30), 6),
        "folder:faces?": (ImageShape(3, 32, 32), 8),
        "zip:same.zip": (ImageShape(3, 32, 32), 8),
    }
    for name in own:
        assert whole(name, tmp_path).name == name
        assert len(whole(name, tmp_path)) == offers[name].total
    monkeypatch.setattr(pictures, "facts", None)  # a second look opens no picture
    assert [offer.name for offer in datasets.available(tmp_path)] == list(offers)
    assert datasets.available(tmp_path / "nowhere")


def test_a_run_keeps_the_shape_of_its_pictures_in_the_name_of_its_data(tmp_path, capsys):
    from training import checkpoint

    data = tmp_path / "data"
    fill(data / "mine" / "x", 20, size=(60, 48))
    fill(data / "mine" / "y", 20, size=(60, 48), color=(9, 200, 9))
    out = tmp_path / "o.safetensors"
    words = ["fit", "mnist-5k-2d", "--data", "folder:mine", "--data-dir", str(data), "--size"]
    words += ["24x16", "--epochs", "1", "--device", "cpu", "--run-dir", str(tmp_path / "r")]
    assert main([*words, "--out", str(out)]) == 0
    assert "In colour, because there is some." in capsys.readouterr().out
    found = checkpoint.load(out)
    assert found.data == "folder:mine?size=24x16&color=rgb"
    assert found.vae.shape == ImageShape(3, 16, 24)
    fill(data / "mine" / "z", 50, size=(200, 200), color=(90, 90, 90))
    assert whole(found.data, data).shape == found.vae.shape
    few = ["--k", "1", "--iwae-images", "1", "--device", "cpu", "--data-dir", str(data)]
    assert main(["evaluate", str(out), *few]) == 0
    outside = datasets.pin(f"folder:{tmp_path}/data/mine", tmp_path / "elsewhere").name
    assert outside == f"folder:{data / 'mine'}?size=128x128&color=rgb"
    with pytest.raises(DataError, match="--color is not possible with mnist"):
        datasets.with_options("mnist", color="rgb")
