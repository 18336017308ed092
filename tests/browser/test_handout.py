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
from tests.browser import test_compare, test_equation, test_stage, test_tools, test_understand
from tests.browser.conftest import Screen
from tests.browser.hands import Finger, decoded
from tests.browser.test_accessible import Looks
from training import checkpoint
from training.data.datasets import to_float

OPTIONS = ("--data", "mnist-5k", "--data-dir", "nowhere")


@pytest.fixture(scope="session")
def handout(tmp_path_factory):
    """Two models and 2,000 of the embedded digits in one file; its address."""
    file = tmp_path_factory.mktemp("handout") / "latent.html"
    models = ("mnist-2d", "report-n12")
    assert explorer(["export", *models, *OPTIONS, "--no-terms", "--out", str(file)]) == 0
    return SimpleNamespace(url=file.as_uri())


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """As many models as other tests speak of, and all embedded digits; its address."""
    file = tmp_path_factory.mktemp("handout") / "large.html"
    report = ("normal", "n12", "gamma", "mse", "perceptual", "perceptual-bce")
    models = ("mnist-2d", "mnist-10d", "gamma", "n12", *(f"report-{name}" for name in report))
    many = ("--images", "5000", "--no-terms", "--out", str(file))
    assert explorer(["export", *models, *OPTIONS, *many]) == 0
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


class FromDisk(Screen):
    """A screen of the hand-out, for tests that speak of the app's addresses."""

    def __init__(self, page, file: str) -> None:
        super().__init__(page)
        goto = page.goto

        def there(url: str, **more):
            if page.url.startswith(file):
                goto("about:blank")  # another "#" alone loads nothing anew
            parts = urlsplit(url.removeprefix(APP))
            if parts.scheme:
                return goto(url, **more)
            query = parts.query.replace("view=", "map=")  # there the whole view is called so
            path = parts.path.strip("/")
            name = f"page={path or 'explore'}" if path or query else ""
            address = "&".join(filter(None, (name, query, parts.fragment)))
            return goto(f"{file}#{address}" if address else file, **more)

        page.goto = there

    def query(self) -> dict[str, str]:
        return fragment(self)

    def until_query(self, **wanted: str | None) -> None:
        for name, value in wanted.items():
            self.until(lambda name=name, value=value: fragment(self).get(name) == value)


APP = "app:"  # where the app is for these
# What takes a server: t-SNE, plotly, the app's typeface, the table of all checkpoints and its
# sentences; and requests, which are none.
NOT_THERE = (
    test_stage.test_the_page_opens_alive_until_somebody_touches_it,  # the phone's test sees it, too
    test_stage.test_tsne_gives_z_the_code_of_the_nearest_image,
    test_equation.test_no_class_covers_another_and_each_is_named_once,
    test_equation.test_a_wider_window_has_larger_letters_and_pictures_not_emptier_ones,
    test_compare.test_nothing_chosen_leaves_the_table,
    test_compare.test_a_click_in_the_table_opens_a_row,
    test_compare.test_a_link_with_what_is_not_there_says_so,
    test_understand.test_no_request_leaves_the_machine_and_fonts_are_here,
)
FIXTURES = {"app", "screen", "vae", "ten", "images", "opened"}
SHARED = [
    test
    for module in (test_stage, test_tools, test_understand, test_equation, test_compare)
    for name, test in vars(module).items()
    if name.startswith("test_")
    and test not in NOT_THERE
    and set(inspect.signature(test).parameters) <= FIXTURES
]


@pytest.mark.slow
@pytest.mark.parametrize("shared", SHARED, ids=lambda test: test.__name__.removeprefix("test_"))
def test_what_holds_in_the_app_holds_from_disk(shared, request, large, screen):
    def from_disk(*size, **options):
        return FromDisk(screen(*size, **options).page, large.url)

    given = {"app": SimpleNamespace(url=APP), "screen": from_disk}
    names = inspect.signature(shared).parameters
    if "opened" in names:
        given["opened"] = test_compare.beside(given["app"], from_disk)
    shared(**{name: given.get(name) or request.getfixturevalue(name) for name in names})


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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_of_weight_from_disk(handout, screen, axe, theme):
    for where in ("", "#page=compare", "#page=understand&section=4", "#page=explore&present=1"):
        s = screen(theme=theme).open(handout.url + where)
        s.page.wait_for_selector(".page-menu", state="attached")
        look = Looks(s.page, axe, (theme,))
        look(where or "Explore")
        assert look.found == {}, look.found
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
    s.page.get_by_role("button", name="Share and export").click()
    with s.page.expect_download(timeout=90_000) as begun:
        s.page.get_by_role("button", name="One HTML file").click()
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
    s.page.get_by_role("button", name="Share", exact=True).click()
    s.until(lambda: "view=1." in s.page.locator(".share-link").input_value())
    link = s.page.locator(".share-link").input_value()
    other = screen()
    other.open(link)
    other.until(lambda: np.allclose(other.z(), z, atol=0.011))
    pressed = other.page.locator(".manifold-switch")
    other.until(lambda: pressed.get_attribute("aria-pressed") == "true")
    assert "view" not in fragment(other)  # it is shown once
    assert asked == said == []
