"""What is seen from the navigation on, frame by frame: nothing half-made, nothing that jumps."""

import pytest

from tests.browser.conftest import serve

# Of each frame, whether the opening lies over the page, how it looks, and whether the page's own
# part is there; and how far things were moved by others.
FILM = """
window.film = []; window.moved = [];
new PerformanceObserver(list => {
  for (const e of list.getEntries())
    window.moved.push({ at: e.startTime, by: e.value,
      what: e.sources.map(s => s.node?.className) });
}).observe({ type: "layout-shift", buffered: true });
(function frame() {
  const opening = document.querySelector(".opening");
  if (document.body) window.film.push({ at: performance.now(), opening: Boolean(opening),
    stage: Boolean(document.querySelector(".stage")),
    title: opening && getComputedStyle(opening.querySelector("p")).fontWeight,
    painted: opening && getComputedStyle(opening).backgroundColor });
  requestAnimationFrame(frame);
})();
"""


def film(s, url: str) -> tuple[list[dict], list[dict]]:
    """The frames until the page has been there for some seconds, and what moved in those after
    the opening."""
    s.page.add_init_script(FILM)
    s.open(url)
    s.page.wait_for_timeout(2500)
    frames = s.page.evaluate("film")
    left = max(f["at"] for f in frames if f["opening"])
    return frames, [m for m in s.page.evaluate("moved") if m["at"] > left + 50]


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
@pytest.mark.parametrize("where", ["", "compare", "train"])
def test_the_page_is_there_at_once_and_stays_where_it_is(with_run, screen, where, size):
    s = screen(*size, alive=True)
    frames, moved = film(s, f"{with_run.url}/{where}")
    assert [f for f in frames if not f["opening"] and not f["stage"]] == []
    assert {f["title"] for f in frames if f["opening"]} == {"650"}
    assert sum(m["by"] for m in moved) < 0.02, moved
    assert s.errors == []


def test_a_page_with_nothing_to_show_is_seen_too(tmp_path, screen):
    s = screen()
    (tmp_path / "none").mkdir()
    with serve(tmp_path, VAE_CHECKPOINT_DIR=str(tmp_path / "none")) as running:
        s.page.goto(running.url)
        s.page.wait_for_selector(".opening", state="detached", timeout=20_000)
        assert s.warnings()
    assert s.errors == []


@pytest.mark.parametrize(("system", "chosen"), [("light", "Dark"), ("dark", "Light"), ("dark", "")])
def test_what_is_seen_first_has_the_theme_that_was_chosen(app, screen, system, chosen):
    s = screen(theme=system)
    if chosen:
        s.page.add_init_script(f"localStorage.setItem('stActiveTheme-/-v2', '\"{chosen}\"')")
    frames, _ = film(s, app.url)
    dark = (chosen or system).lower() == "dark"
    wanted = "rgb(11, 16, 32)" if dark else "rgb(255, 255, 255)"
    assert {f["painted"] for f in frames if f["opening"]} == {wanted}
    paper = s.page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert paper == wanted
