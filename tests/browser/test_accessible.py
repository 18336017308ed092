"""What axe finds on the pages, and what a screen reader is told."""

import re

from tests.browser.hands import open_form, open_options

IMPACTS = ("critical", "serious", "moderate")
# What cannot be mended from here: a rule, the elements, and why.
EXCLUDED = {
    # Streamlit hangs its menu beside the page, into no landmark, and takes no other place.
    "region": ['[data-testid="stMainMenuPopover"]'],
}
RUN = """async excluded => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  const found = [];
  for (const { id, impact, nodes } of violations) for (const { target, any, all, none } of nodes) {
    const element = document.querySelector(target[0]);
    if ((excluded[id] ?? []).some(selector => element.closest(selector))) continue;
    const why = [...any, ...all, ...none].map(check => check.message).join('; ');
    found.push([impact, `${id}: ${element.outerHTML.slice(0, 90)}: ${why.slice(0, 160)}`]);
  }
  return found;
}"""


class Looks:
    """What axe finds in the states of a page, in its themes."""

    def __init__(self, page, axe: str, themes: tuple[str, ...] = ("dark", "light")) -> None:
        self.page, self.axe, self.themes = page, axe, themes
        self.found: dict[str, list[str]] = {}

    def __call__(self, state: str) -> None:
        page = self.page
        page.mouse.move(640, 3)
        if not page.evaluate("'axe' in window"):
            page.evaluate(f"{self.axe};0")
        for theme in self.themes:
            page.emulate_media(color_scheme=theme)
            app = "document.querySelector('.stApp')"  # a hand-out has none
            wait = f"t => !{app} || getComputedStyle({app}).colorScheme === t"
            page.wait_for_function(wait, arg=theme)
            page.wait_for_timeout(300)
            wrong = [what for impact, what in page.evaluate(RUN, EXCLUDED) if impact in IMPACTS]
            if wrong:
                self.found[f"{state}, {theme}"] = wrong


def test_axe_finds_nothing_of_weight_in_what_comes_after_a_page(opened, with_run, axe):
    s = opened("?checkpoint=mnist-2d&data=mnist-5k&image=7")
    page = s.page
    look = Looks(page, axe)
    page.get_by_role("button", name="Share", exact=True).click()
    page.locator(".share-qr path").wait_for()
    look("Share and export")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Lessons").click()
    page.locator(".lesson-list li").first.wait_for()
    look("the list of lessons")
    page.keyboard.press("Escape")
    page.locator(".wall-open").click()
    page.locator(".wall").first.wait_for()
    page.wait_for_timeout(2000)
    look("the images by their terms")
    s.open(f"{with_run.url}/?lesson=what-is-a-latent-space&step=2")
    page.locator(".lesson-card").wait_for()
    look("a lesson")
    s.open(f"{with_run.url}/understand?checkpoint=mnist-2d&data=mnist-5k&section=4&image=8")
    page.wait_for_selector(".understand[data-exact=there]", timeout=60_000)
    look("Understand")
    for section in (2, 5, 6, 7, 9):
        page.locator(f"[role=tab][data-section='{section}']").click()
        page.wait_for_timeout(1200)
        look(f"Understand, section {section}")
    s.open(f"{with_run.url}/?checkpoint=mnist-2d&data=mnist-5k&image=7&present=1")
    page.wait_for_selector("html[data-present]", state="attached")
    look("Present")
    assert look.found == {}, look.found
    assert s.errors == []


def test_axe_finds_nothing_of_weight_on_any_page_in_either_theme(opened, with_run, axe):
    s = opened("?checkpoint=mnist-10d&data=mnist-5k")
    page = s.page
    look = Looks(page, axe)
    look("Explore")
    for name in ("kl", "sample", "walk"):
        page.locator(f"[data-tab={name}]").click()
        look(name)
    page.locator(".legend button").nth(3).click()
    page.locator(".clear").click()
    box = page.locator(".pad").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 80, box["y"] + 80, steps=4)
    page.mouse.up()
    look("a hidden class and a drawn x")
    page.get_by_test_id("stMainMenuButton").click()
    look("menu")
    page.keyboard.press("Escape")
    open_options(page)
    page.get_by_test_id("stPopoverBody").wait_for()
    look("Options")
    s.open(f"{with_run.url}/compare?data=mnist-5k&row=mnist-2d")
    page.locator("[role=dialog] img").nth(3).wait_for(timeout=60_000)
    look("Compare, and a row of the table")
    page.goto(f"{with_run.url}/train?run=first")
    page.wait_for_selector(".train[data-ready=true]")
    look("a finished run")
    open_form(page)
    look("a new run's form")
    assert look.found == {}, look.found
    assert s.errors == []


def test_the_decoded_picture_has_a_name_and_a_new_x_is_announced(opened, with_run):
    s = opened("?checkpoint=mnist-2d&data=mnist-5k")
    page = s.page
    picture = page.locator("canvas.x-hat")
    before = picture.get_attribute("aria-label")  # nothing has been moved
    seen = r"x̂, decoded from z = \(.*\); a classifier sees a (\d) \(\d+ %\)"
    assert re.fullmatch(seen, before)[1] == "0"  # the page begins with a typical zero
    announce = page.locator(".stage .announce")
    assert announce.get_attribute("aria-live") == "polite"
    page.locator(".typical button").nth(3).click()
    s.until(lambda: "class 3" in announce.inner_text())
    s.until(lambda: re.fullmatch(seen, picture.get_attribute("aria-label") or ""))
    assert re.fullmatch(seen, picture.get_attribute("aria-label"))[1] in "35"  # it is blurred
    assert picture.get_attribute("aria-label") != before
    page.locator(".stage .map").press("ArrowRight")
    s.until(lambda: "z = (" in announce.inner_text() and "class" not in announce.inner_text())
    s.open(f"{with_run.url}/compare?data=mnist-5k")
    for label in page.locator("canvas.x-hat").all():
        assert label.get_attribute("aria-label").startswith("x̂, decoded from z₁ = ")
    page.locator(".typical button").nth(5).click()
    s.until(lambda: "class 5" in page.locator(".compare .announce").inner_text())
    assert s.errors == []
