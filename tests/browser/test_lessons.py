"""Each lesson by its keys: a step says its text, shows its view, and its card lies over nothing."""

import json

import numpy as np
import pytest

from explorer.lessons import lesson
from tests.browser.conftest import serve

LESSONS = dict(lesson.listed())
CARD = ".lesson-card"


def at(s, number: int) -> None:
    s.page.wait_for_selector(f"{CARD}[data-step='{number}']", timeout=30_000)
    s.page.wait_for_timeout(250)


def on(s) -> None:
    """To the next step by a presenter's remote; twice where something is to be done first."""
    s.page.keyboard.press("PageDown")
    s.page.wait_for_timeout(60)
    if s.page.locator(".lesson-wait").inner_text():
        s.page.keyboard.press("PageDown")


OVER = """() => {
  const box = e => e.getBoundingClientRect();
  const card = box(document.querySelector('.lesson-card'));
  const over = [];
  for (const e of document.querySelectorAll('canvas.x-hat, [data-lesson-lit]')) {
    if (!e.checkVisibility()) continue;
    const b = box(e);
    if (b.bottom > card.top + 1 || b.top < 0) over.push(e.className + ' ' + b.top + ' ' + b.bottom);
  }
  return { over, lit: document.querySelectorAll('[data-lesson-lit]').length };
}"""


def seen(s, page: str, view: lesson.View) -> None:
    """What a step's own view says is what the page shows."""
    page_ = s.page
    if view.image is not None:
        s.until(lambda: s.image() == view.image)
    if page == "understand":
        assert page_.locator(".understand").get_attribute("data-section") == str(view.section)
        answered = bool(page_.locator(".predict .answer").inner_text())
        assert answered == bool(view.predict)
        return
    if view.manifold is not None:
        pressed = page_.locator(".manifold-switch").get_attribute("aria-pressed")
        assert pressed == str(view.manifold).lower()
    if view.z is not None:
        s.until(lambda: np.allclose(s.z(), view.z, atol=0.02))
    if view.zoom is not None:
        left, right, bottom, top = s.ranges()
        x0, x1, y0, y1 = view.zoom
        assert left <= x0 + 0.1
        assert right >= x1 - 0.1
        assert bottom <= y0 + 0.1
        assert top >= y1 - 0.1
    if view.classes is not None:
        there = page_.locator(".legend button[aria-pressed=true]").evaluate_all(
            "all => all.map(b => b.dataset.name)"
        )
        assert len(there) == (len(view.classes) or 10)
    if view.play:
        before = s.z()
        s.until(lambda: s.z() != before)
    elif view.share is not None:
        assert float(page_.locator(".share").input_value()) == pytest.approx(view.share, abs=0.01)
    if view.path and view.path.startswith("z"):
        assert page_.locator("select.path").input_value() == str(int(view.path[1:]) - 1)


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_by_its_keys(app, screen, name):
    found = LESSONS[name]
    s = screen()
    loads: list[str] = []
    s.page.on("domcontentloaded", lambda page: loads.append(page.url))
    s.page.goto(f"{app.url}/?lesson={name}")
    for n, step in enumerate(found.steps, 1):
        at(s, n)
        if found.page == "explore":
            assert len(loads) == 1, loads  # the server knows what the lesson is about
        assert s.page.locator(".lesson-progress").inner_text() == f"{n} of {len(found.steps)}"
        words = step.text.replace("*", "").replace("`", "")
        assert s.page.locator(".lesson-text").inner_text() == words
        seen(s, found.page, step.view)
        boxes = s.page.evaluate(OVER)
        assert boxes["over"] == [], (n, boxes)
        assert boxes["lit"] >= len(step.highlight) > 0
        assert f"step={n}" in s.page.url
        if step.question:
            s.page.locator(".lesson-options button").nth(step.question.right - 1).click()
            assert s.page.locator(".lesson-answer").inner_text().startswith("Yes. ")
        if n < len(found.steps):
            on(s)
    s.page.keyboard.press("PageUp")
    at(s, len(found.steps) - 1)
    seen(s, found.page, found.steps[-2].view)
    # Its place is in the address, and it goes on from there.
    s.page.reload()
    at(s, len(found.steps) - 1)
    s.page.locator(".lesson-close").click()
    s.until(lambda: "lesson=" not in s.page.url)
    assert s.page.locator("[data-lesson-lit]").count() == 0
    assert s.page.locator(".st-key-controls").is_visible()
    assert s.errors == []


def test_a_step_waits_for_what_is_to_be_done(app, screen):
    s = screen()
    s.page.goto(f"{app.url}/?lesson=what-is-a-latent-space&step=3")
    at(s, 3)
    s.page.wait_for_selector(".lesson-next[data-waits=true]")
    s.page.keyboard.press("PageDown")
    assert "First move z" in s.page.locator(".lesson-wait").inner_text()
    s.page.wait_for_timeout(400)
    assert s.page.locator(CARD).get_attribute("data-step") == "3"
    s.page.mouse.click(*s.plot(0.3, 0.4))
    s.page.wait_for_selector(".lesson-next[data-waits=false]")
    s.page.keyboard.press("PageDown")
    at(s, 4)
    assert s.errors == []


def test_a_lesson_on_a_phone_and_from_the_menu(app, screen):
    s = screen(width=390, height=844, has_touch=True, is_mobile=True)
    s.open(f"{app.url}/?checkpoint=mnist-2d&data=mnist-5k")
    s.page.locator(".lessons-open").click()
    s.page.get_by_role("button", name="What is a latent space?").click()
    at(s, 1)
    card = s.page.locator(CARD).bounding_box()
    assert card["x"] >= 0
    assert card["x"] + card["width"] <= 390
    assert card["height"] < 0.46 * 844
    for n in range(2, 11):
        s.page.locator(".lesson-next").click()
        if s.page.locator(".lesson-wait").inner_text():
            s.page.locator(".lesson-next").click()
        at(s, n)
        lit = s.page.locator("[data-lesson-lit]").first.bounding_box()
        top = s.page.locator(CARD).bounding_box()["y"]
        assert lit["y"] >= 0, n
        if lit["height"] < top - 70:  # there is room for it between the header and the card
            assert lit["y"] + lit["height"] <= top, n
    assert s.page.evaluate("document.documentElement.scrollWidth") == 390
    assert s.errors == []


def test_a_lecturers_own_lesson_and_one_that_is_wrong(tmp_path, chromium, screen):
    folder = tmp_path / "lessons"
    folder.mkdir()
    own = {
        "title": "Mine", "page": "explore", "checkpoint": "mnist-2d", "data": "mnist-5k",
        "steps": [{"text": "Look at **<b>this</b>**.", "view": {"image": 3}, "highlight": ["map"]}],
    }  # fmt: skip
    (folder / "mine.yaml").write_text(json.dumps(own))  # JSON is YAML
    (folder / "wrong.yaml").write_text(json.dumps({**own, "pages": 3}))
    with serve(tmp_path / "app", VAE_LESSON_DIR=str(folder)) as running:
        s = screen()
        s.page.goto(f"{running.url}/?lesson=mine")
        at(s, 1)
        assert s.image() == 3
        assert s.page.locator(".lesson-text").inner_text() == "Look at <b>this</b>."
        for name, words in (
            ("wrong", "pages"),
            ("none", "There is no lesson 'none'; there are mine"),
        ):
            s.page.goto(f"{running.url}/?lesson={name}")
            fault = s.page.locator(".stage .fault")
            s.until(fault.is_visible, 60)
            assert words in fault.inner_text()
        assert str(tmp_path) not in fault.inner_text()
        assert s.errors == []
