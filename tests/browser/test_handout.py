"""The hand-out in a real browser: from disk and from a static host, with no request to anybody."""

import inspect
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
import torch

from benchmarks.handout import static
from explorer.__main__ import main as explorer
from tests.browser import test_equation, test_stage, test_tools, test_understand
from tests.browser.hands import Finger, decoded, open_options
from training import checkpoint
from training.data.datasets import to_float

pytestmark = pytest.mark.browser

OPTIONS = ("--data", "mnist-5k", "--data-dir", "nowhere")


@pytest.fixture(scope="session")
def handout(tmp_path_factory):
    """Two models and 2,000 of the embedded digits in one file; its address."""
    file = tmp_path_factory.mktemp("handout") / "latent.html"
    models = ("mnist-2d", "report-n12")
    assert explorer(["export", *models, *OPTIONS, "--no-terms", "--out", str(file)]) == 0
    return SimpleNamespace(url=file.as_uri())


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """One model and a few digits with their terms, as a folder."""
    folder = tmp_path_factory.mktemp("site")
    few = ("--images", "30", "--folder", str(folder))
    assert explorer(["export", "mnist-2d", *OPTIONS, *few]) == 0
    return folder


def hear(s) -> tuple[list[str], list[str]]:
    """What a page asks for beyond itself, and what it complains of, from now on."""
    asked: list[str] = []
    said: list[str] = []
    s.page.on(
        "request",
        lambda r: r.url.startswith(("blob:", "data:", "file:")) or asked.append(r.url),
    )
    s.page.on("console", lambda m: m.type in ("error", "warning") and said.append(m.text))
    return asked, said


def to(s, page: str) -> None:
    s.page.locator(f".pages a[data-page={page}]").click()
    s.page.wait_for_selector(f".stage.{page}[data-ready=true]")
    s.frame()


def fragment(s) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(s.page.url).fragment))


def test_all_pages_work_from_disk_and_ask_nobody_for_anything(handout, screen, vae, images):
    s = screen()
    asked, said = hear(s)
    s.open(handout.url)
    image = s.image()
    with torch.no_grad():
        posterior = vae.encode(to_float(images[image][None]))
    np.testing.assert_allclose(s.z(), posterior.mu[0], atol=0.006)
    assert s.term("kl") == pytest.approx(float(vae.prior.kl(posterior).sum()), abs=0.02)
    s.page.mouse.move(*s.plot(0.3, 0.3))
    s.page.mouse.down()
    for place in ((0.4, 0.6), (0.7, 0.55)):
        s.page.mouse.move(*s.plot(*place), steps=4)
        s.frame()
        assert np.abs(s.digit() - decoded(vae, s.units(*s.plot(*place)))).mean() < 6
    with torch.no_grad():
        output = vae.decode(torch.tensor([s.z()]))
        term = float(vae.likelihood.reconstruction(output, to_float(images[image][None])))
    assert s.term("reconstruction") == pytest.approx(term, rel=0.01)
    s.page.mouse.up()
    s.until(lambda: "z" in fragment(s))
    z = s.z()
    # The manifold and the mean over q(z|x) come from a worker.
    s.page.get_by_role("button", name="Manifold").click()
    s.until(lambda: "±" in s.page.locator(".term.mean .value").inner_text())
    to(s, "compare")
    names = s.page.locator(".compare .column header").all_inner_texts()
    assert [name.split()[0] for name in names] == ["mnist-2d", "report-n12"]
    first, second = (s.canvas("canvas.x-hat", n) for n in (0, 1))
    assert np.abs(first - second).mean() > 1
    to(s, "understand")
    s.page.wait_for_selector(".understand .mathematics .katex")
    fonts = "[...document.fonts].filter(f => f.status === 'error').map(f => f.family)"
    assert s.page.evaluate(fonts) == []
    # Back leads to the page before, and a reload to the same view.
    s.page.go_back()
    s.page.wait_for_selector(".stage.compare")
    s.page.go_back()
    s.page.wait_for_selector(".stage.explore")
    s.page.reload()
    s.ready()
    assert s.z() == pytest.approx(z, abs=0.006)
    assert s.image() == image
    assert (asked, said, s.errors) == ([], [], [])


def test_formulas_are_set_in_the_fonts_that_came_along(handout, screen):
    s = screen()
    asked, said = hear(s)
    s.open(f"{handout.url}#page=understand&section=9")
    for section in range(9, 0, -1):
        s.page.locator(f"[role=tab][data-section='{section}']").click()
        s.page.wait_for_selector(".mathematics .katex")
        wanted = s.page.evaluate(
            "[...document.querySelectorAll('.mathematics .katex *')].map(e => {"
            " const f = getComputedStyle(e); return [f.fontFamily.split(',')[0], f.fontWeight,"
            " f.fontStyle].join(' '); })"
        )
        there = s.page.evaluate(
            "[...document.fonts].map(f => [f.family, f.weight, f.style].join(' '))"
        )
        katex = {name for name in wanted if name.startswith("KaTeX")}
        assert katex
        assert katex <= {name.replace('"', "") for name in there}, section
    assert (asked, said, s.errors) == ([], [], [])


def walk_from_disk(s, url: str, section: int, **more: str):
    link = "&".join(f"{name}={value}" for name, value in {"section": section, **more}.items())
    s.open(f"{url}#page=understand&{link}")
    s.page.wait_for_selector(".understand .mathematics .katex", timeout=30_000)
    return s


@pytest.mark.parametrize(
    "shared",
    [
        test_stage.test_a_lasso_counts_the_images_in_it,
        test_tools.test_a_drawing_is_made_like_mnist_and_encoded_at_every_stroke,
        test_equation.test_the_bound_has_the_numbers_of_the_terms_and_follows_x,
        test_understand.test_the_identity_holds_while_q_is_dragged,
    ],
    ids=lambda test: test.__name__.removeprefix("test_"),
)
def test_what_holds_in_the_app_holds_from_disk(shared, handout, screen, vae, monkeypatch):
    monkeypatch.setattr(test_understand, "walk", walk_from_disk)
    given = {"app": handout, "screen": screen, "vae": vae}
    shared(**{name: given[name] for name in inspect.signature(shared).parameters})


def test_a_folder_works_on_a_phone_and_offline_after_the_first_visit(site, screen, vae):
    s = screen(width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2)
    with static(site) as host:
        asked, said = hear(s)
        s.open(f"{host}/index.html")
        assert s.page.evaluate("document.documentElement.scrollWidth") <= 390
        finger = Finger(s.page)
        before = s.digit()
        finger.drag(s.plot(0.5, 0.5), s.plot(0.4, 0.3), s.plot(0.7, 0.4))
        s.frame()
        assert s.z() == pytest.approx(s.units(*s.plot(0.7, 0.4)), abs=0.05)
        assert np.abs(s.digit() - before).mean() > 5
        assert np.abs(s.digit() - decoded(vae, s.z())).mean() < 6
        s.page.evaluate("navigator.serviceWorker.ready.then(() => {})")
        assert [url for url in asked if not url.startswith(host)] == []
        assert (said, s.errors) == ([], [])
    # The server has gone, and its host is reached no more.
    s.page.context.set_offline(True)
    s.open(f"{host}/index.html")
    assert np.abs(s.digit() - decoded(vae, s.z())).mean() < 6
    to(s, "understand")
    s.page.wait_for_selector(".understand .mathematics .katex")
    to(s, "explore")
    assert s.page.locator(".pages a[data-page=compare]").is_hidden()
    # Images by their terms: those of torch, which came along.
    s.page.locator(".wall-open").click()
    s.page.wait_for_selector(".wall:not([hidden])")
    s.until(lambda: "30" in s.page.locator(".wall").inner_text())
    assert s.page.locator(".wall [data-part=beside]").is_hidden()
    assert s.errors == []


def test_an_address_is_a_strangers_and_choices_stand_in_it(handout, screen, vae):
    s = screen().open(
        f"{handout.url}#page=nowhere&checkpoint=none&image=99999&z=1,x&section=77&lesson=3"
    )
    assert s.page.locator(".stage.explore").is_visible()
    assert "mnist-2d" in s.page.locator(".choose-model").input_value()
    s.page.locator(".choose-model").select_option("report-n12")
    other = checkpoint.load("checkpoints/report-n12.safetensors").vae
    s.until(lambda: np.abs(s.digit() - decoded(other, s.z())).mean() < 6)
    found = fragment(s)
    assert found["checkpoint"] == "report-n12"
    assert found["lesson"] == "3"  # somebody else's stays
    light = s.pixels("body")[-5, 5].mean()
    s.page.locator(".theme").click()
    s.page.locator(".theme").click()
    s.until(lambda: s.pixels("body")[-5, 5].mean() < light / 3)
    assert s.page.locator(".stage.explore").get_attribute("data-theme") == "dark"
    to(s, "compare")
    s.page.get_by_role("button", name="report-n12", exact=True).click()
    s.until(lambda: s.page.locator(".compare .column").count() == 1)
    assert fragment(s)["beside"] == "mnist-2d"
    assert s.errors == []


def test_a_file_that_is_damaged_says_so(handout, screen, tmp_path):
    page = Path(urlsplit(handout.url).path).read_text()
    at = page.index('id="pack-start"') + 5000
    broken = tmp_path / "broken.html"
    broken.write_text(page[:at] + "damaged" + page[at + 7 :])
    s = screen()
    s.page.goto(broken.as_uri())
    s.until(lambda: "damaged or cut off" in s.page.locator("main").inner_text())
    assert s.errors == []


def test_a_visitor_takes_the_page_away_that_is_on_show(app, screen, vae, tmp_path):
    s = screen(accept_downloads=True).open(f"{app.url}/?checkpoint=mnist-2d")
    open_options(s.page)
    s.page.get_by_role("button", name="Make the file").click()
    button = s.page.get_by_role("button", name="Download the file")
    button.wait_for(timeout=90_000)
    with s.page.expect_download() as begun:
        button.click()
    file = tmp_path / "taken.html"
    begun.value.save_as(file)
    assert begun.value.suggested_filename == "mnist-2d.html"
    other = screen()
    asked, said = hear(other)
    other.open(file.as_uri())
    assert np.abs(other.digit() - decoded(vae, other.z())).mean() < 6
    assert (asked, said, other.errors) == ([], [], [])


def test_a_lesson_leads_through_pages_and_a_link_holds_a_view_from_disk(handout, screen):
    s = screen()
    asked, said = hear(s)
    s.open(handout.url)
    s.page.get_by_role("button", name="Lessons").click()
    s.page.get_by_role("button", name="The ELBO in pictures").click()
    s.page.wait_for_selector(".understand .lesson-card[data-step='1']")
    s.page.keyboard.press("PageDown")
    s.page.wait_for_selector(".understand .lesson-card[data-step='2']")
    assert fragment(s)["step"] == "2"
    assert fragment(s)["lesson"] == "the-elbo-in-pictures"
    s.until(lambda: fragment(s).get("section") == "2")
    # Its card lies over nothing that is used.
    s.page.wait_for_timeout(250)
    card = s.page.locator(".lesson-card").bounding_box()
    for what in (".picture-side", ".story", ".picture-side input", ".steps"):
        box = s.page.locator(what).first.bounding_box()
        assert box["y"] + box["height"] <= card["y"], what
    s.page.locator(".lesson-close").click()
    s.until(lambda: "lesson" not in fragment(s))
    to(s, "explore")
    s.page.get_by_role("button", name="Manifold").click()
    s.page.mouse.click(*s.plot(0.3, 0.35))
    s.frame()
    z = s.z()
    s.page.get_by_role("button", name="Share").click()
    s.until(lambda: "view=1." in s.page.locator(".share-link").input_value())
    link = s.page.locator(".share-link").input_value()
    other = screen()
    other.open(link)
    other.until(lambda: np.allclose(other.z(), z, atol=0.011))
    pressed = other.page.locator(".manifold-switch")
    other.until(lambda: pressed.get_attribute("aria-pressed") == "true")
    assert "view" not in fragment(other)  # it is shown once
    assert asked == said == []
