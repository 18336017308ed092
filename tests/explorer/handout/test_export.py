"""The command that writes hand-outs: what is in them, how large they are, and what it refuses."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from explorer import blobs, entries, paths
from explorer.__main__ import main
from explorer.handout import document, lesson_choice, packs
from explorer.handout.selection import some_of
from explorer.lessons import lesson
from training import checkpoint
from training.data import datasets
from training.data.datasets import to_float
from training.evaluation import image_terms

PACK = re.compile(r'<script type="text/plain" id="pack-([\w-]+)">(.*?)</script>', re.DOTALL)
FEW = ("--data", "mnist-5k", "--data-dir", "nowhere", "--images", "40")


def files_of(page: str) -> dict[str, bytes]:
    found = {}
    for _, text in PACK.findall(page):
        found |= {k: v for k, v in packs.unpack(packs.as_bytes(text)).items() if k != "code.js"}
    return found


def test_a_hand_out_of_2000_digits_is_small_and_holds_what_torch_makes(tmp_path, capsys):
    out = tmp_path / "latent.html"
    some = ("--data", "mnist-5k", "--data-dir", "nowhere", "--no-terms")
    assert main(["export", "mnist-2d", *some, "--out", str(out)]) == 0
    assert f"{out}: {out.stat().st_size / 1e6:.2f} MB" in capsys.readouterr().out
    assert out.stat().st_size < 2.5e6
    page = out.read_bytes().decode()
    assert [name for name, _ in PACK.findall(page)] == [
        *("start", "encoder", "pictures", "more", "katex")
    ]
    assert not re.search(r"https?://(?!www\.w3\.org)", PACK.sub("", page))
    policy = re.search(r'Security-Policy" content="([^"]+)"', page)[1]
    assert "connect-src 'none'" in policy
    files = files_of(page)
    facts = json.loads(files["facts.json"])
    assert (facts["images"], facts["models"][0]["name"]) == (2000, "mnist-2d")
    vae = checkpoint.load(paths.checkpoint_dir() / "mnist-2d.safetensors").vae
    images = datasets.load("mnist-5k", "train").images[:2000]
    with torch.no_grad():
        codes = vae.encode(to_float(images)).mu.numpy()
    _, arrays = blobs.unpack(files[facts["models"][0]["maps"]["plane"]])
    order = np.argsort(arrays["index"])
    places = np.stack([arrays["x"], arrays["y"]], 1)[order]
    np.testing.assert_allclose(places, codes, atol=1e-4)
    pieces = [blobs.unpack(files[f"piece.{n}"]) for n in (0, 1)]
    assert sum(header["count"] for header, _ in pieces) == 2000


def test_terms_are_those_of_the_images_that_came_along(tmp_path):
    out = tmp_path / "few.html"
    assert main(["export", "report-n12", *FEW, "--images", "12", "--out", str(out)]) == 0
    files = files_of(out.read_text())
    terms = json.loads(files["facts.json"])["models"][0]["terms"]
    assert (terms["images"], terms["beside"]) == (12, [])
    _, found = blobs.unpack(files[f"{terms['path']}0"])
    vae = checkpoint.load(paths.checkpoint_dir() / "report-n12.safetensors").vae
    x = to_float(datasets.load("mnist-5k", "train").images[:12])
    np.testing.assert_allclose(found["kl"], image_terms.bounds(vae, x, None).kl, atol=1e-3)
    assert found["log_p"].shape == (12,)


def test_a_folder_has_its_packs_beside_the_page_and_names_all_it_keeps(tmp_path):
    folder = tmp_path / "site"
    assert main(["export", "mnist-2d", *FEW, "--no-terms", "--folder", str(folder)]) == 0
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    worker = (folder / "service_worker.js").read_text()
    kept = set(json.loads(re.search(r"FILES = (\[.*?\]);", worker)[1]))
    assert kept == {"./", *there - {"service_worker.js"}}
    page = (folder / "index.html").read_text()
    assert "connect-src 'self'" in page
    assert json.loads((folder / "manifest.webmanifest").read_text())["start_url"] == "./index.html"
    assert len([name for name in there if name.endswith(".bin")]) == 5


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["nosuch", "--out", "{}/a.html"], "There is no checkpoint 'nosuch'"),
        (["mnist-2d", "--data", "nosuch", "--out", "{}/a.html"], "There is no data set 'nosuch'"),
        (["mnist-2d", "--data", "mnist", "--out", "{}/a.html"], "MNIST is not in nowhere"),
        (["mnist-2d", "sprites-64", *FEW, "--out", "{}/a.html"], "sprites-64 takes 3×64×64"),
        (["mnist-2d", *FEW, "--out", "{}/a.pdf"], "give it a name that ends in .html"),
        (["mnist-2d", *FEW, "--out", "{}/folder.html"], "is a folder; name a file"),
        (["mnist-2d", *FEW, "--no-terms", "--out", "{}/file/a.html"], "cannot be written to"),
        (["mnist-2d", *FEW, "--images", "9", "--out", "{}/a.html"], "--images 9 is not possible"),
        (["mnist-2d", "{}/mnist-2d.safetensors", *FEW, "--out", "{}/a.html"], "rename one"),
    ],
)
def test_what_cannot_be_is_one_sentence(options, says, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.html").mkdir()
    shutil.copy(paths.checkpoint_dir() / "mnist-2d.safetensors", tmp_path)
    given = [option.format(tmp_path) for option in options]
    if "--data-dir" not in given:
        given += ["--data-dir", "nowhere"]
    assert main(["export", *given]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert says in told
    assert told.count("\n") == 1


def test_own_pictures_are_called_by_no_place_of_this_machine(tmp_path, capsys):
    folder = tmp_path / "secret" / "mine"
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0)
    for n in range(60):
        pixels = noise.integers(0, 256, (32, 32), np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.png")
    out = tmp_path / "own.html"
    data = f"folder:{folder}?size=28&color=grey"
    options = ("--data", data, "--no-terms", "--images", "10", "--out", str(out))
    assert main(["export", "mnist-2d", *options]) == 0, capsys.readouterr().err
    page = out.read_text()
    held = page.encode() + b"".join(files_of(page).values())
    assert b"folder:mine" in held
    assert b"secret" not in held


def test_sorted_images_are_taken_at_even_distances():
    images = datasets.load("mnist-5k", "train")
    assert torch.equal(some_of(images, 50).images.images, images.images[:50])
    inside = images.take(images.labels.argsort())
    some = some_of(inside, 50)
    assert len(set(some.images.labels.tolist())) == 10
    assert torch.equal(some.images.images, inside.images[some.numbers])
    assert some_of(images, 10**6).images is images


def test_the_images_that_lessons_show_are_among_those_taken():
    images = datasets.load("mnist-5k", "train")
    for order in (torch.arange(len(images)), images.labels.argsort()):
        all_images = images.take(order)
        wanted = [3999, 7, 2500, 2501, 10**9]
        some = some_of(all_images, 50, wanted)
        numbers = some.numbers.tolist()
        assert numbers == sorted(set(numbers))
        assert len(numbers) == 50
        assert set(numbers) >= {3999, 7, 2500, 2501}
        assert torch.equal(some.images.images, all_images.images[some.numbers])
    assert some_of(images, 2, wanted).numbers.tolist() == [7, 3999]  # no room for the others


def test_a_lesson_shows_the_same_images_whatever_they_are_called_there():
    images = entries.load_images("mnist-5k", "nowhere")
    images = images.take(images.labels.argsort())  # sorted ones are taken at even distances
    names = ["mnist-2d"]
    shipped = dict(lesson.listed())
    some = some_of(images, 60, lesson_choice.wanted(names, images.name))
    told = lesson_choice.within(names, some)
    assert told.keys() == {"what-is-a-latent-space", "the-elbo-in-pictures"}
    renamed = 0
    for name, one in told.items():
        for step, before in zip(one.steps, shipped[name].steps, strict=True):
            view, meant = step.view, before.view
            assert (view.image is None) == (meant.image is None)
            if view.image is not None:
                assert some.numbers[view.image] == meant.image
                renamed += view.image != meant.image
            if meant.marks is not None:
                assert some.numbers[list(view.marks)].tolist() == list(meant.marks)
    assert renamed > 10  # the numbers are others, and the images the same


def test_the_formulas_fonts_stand_in_their_style_sheet():
    style = document._katex()["katex.css"].decode()
    assert style.count("@font-face") == len(document.FONTS)
    assert "url(fonts/" not in style


OWN = "title: {0}\npage: explore\ncheckpoint: mnist-2d\nsteps:\n"


def test_a_lesson_about_other_images_stays_out_and_says_what_takes_it_in(
    tmp_path, capsys, monkeypatch
):
    lessons = tmp_path / "lessons"
    lessons.mkdir()
    monkeypatch.setenv("VAE_LESSON_DIR", str(lessons))
    for name, numbers in (("many", range(900, 914)), ("far", [6000])):
        steps = [f"  - {{text: Look., view: {{image: {n}}}}}\n" for n in numbers]
        (lessons / f"{name}.yaml").write_text(OWN.format(name) + "".join(steps))
    out = tmp_path / "latent.html"
    begin = ("export", "mnist-2d", "--data-dir", "nowhere", "--no-terms", "--out", str(out))

    def made(*options: str) -> tuple[set[str], list[str]]:
        assert main([*begin, *options]) == 0
        said = [
            line for line in capsys.readouterr().out.splitlines() if line.startswith("The lesson")
        ]
        facts = json.loads(files_of(out.read_bytes().decode())["facts.json"])
        return set(facts["lessons"]), said

    both = {"what-is-a-latent-space", "the-elbo-in-pictures"}
    far = "The lesson “far” stays out: it shows image 6000, and there are 5,000."
    assert made("--data", "mnist-5k", "--images", "100") == ({"many", *both}, [far])
    told, said = made("--data", "mnist-5k", "--images", "12")
    assert "many" not in told
    assert far in said
    needed = next(n for line in said for n in re.findall(r"--images (\d+) takes", line))
    assert made("--data", "mnist-5k", "--images", needed) == ({"many", *both}, [far])
    other = tmp_path / "grey.npz"
    np.savez(other, images=np.zeros((12, 28, 28), np.uint8))
    told, said = made("--data", f"npz:{other}")
    assert told == set()
    assert sorted(line for line in said if "mnist-5k" in line) == [
        f"The lesson “{title}” stays out: it shows images of mnist-5k; --data mnist-5k takes it in."
        for title in ("The ELBO in pictures", "What is a latent space?")
    ]
