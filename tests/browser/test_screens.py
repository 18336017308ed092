"""Every page on every size of window: nothing lies on another thing, is cut, outside, too small."""

from pathlib import Path

import pytest

from tests.browser.hands import Finger, open_form, open_options

# Width and height in CSS pixels, and the scale: the last is a window of 1280×720 at 150 %.
SIZES = [
    (390, 844, 1),
    (844, 390, 1),
    (820, 1180, 1),
    (960, 1080, 1),
    (1024, 768, 1),
    (1150, 800, 1),
    (1280, 593, 1),
    (1280, 720, 1),
    (1920, 1080, 1),
    (853, 480, 1.5),
]
FAULTS = (Path(__file__).parent / "boxes.js").read_text()
# In these the parts lie on each other by design; each is looked at as one box.
WHOLE = (
    ".map, .range, .track, .scatter-host, .plot-host, .way, .legend .bar, .stage-chart, "
    "[data-testid=stDataFrame]"
)
FOUR = "compare?beside=report-normal,report-10d,mnist-10d,report-gamma&data=mnist-5k"


# Where each page is, its theme (they alternate: no layout depends on it), and what is opened there.
PAGES = {
    "2-D": ("?checkpoint=mnist-2d&data=mnist-5k", "light", open_options),
    "10-D": ("?checkpoint=mnist-10d&data=mnist-5k", "dark", None),
    "colour": ("?checkpoint=sprites-64", "light", None),
    "two": ("compare?data=mnist-5k", "dark", None),
    "four": (FOUR, "light", None),
    "run": ("train?run=first", "dark", open_form),
}


def faults_of(page, hands: bool) -> list[str]:
    """What is wrong with the page's boxes, once it has come to rest."""
    for _ in range(20):
        page.wait_for_timeout(150)
        found = page.evaluate(FAULTS, {"opaque": WHOLE})
        if not found:
            break
    return found + (page.evaluate(HANDS) if hands else [])


@pytest.mark.parametrize("name", PAGES)
def test_each_size_of_window_has_room_for_all(opened, name):
    where, theme, opening = PAGES[name]
    s = opened(where, theme=theme)
    page = s.page
    window = page.context.new_cdp_session(page)
    wrong = {}
    for width, height, scale in SIZES:
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        window.send("Emulation.setDeviceMetricsOverride", metrics)
        page.wait_for_function("w => innerWidth === w", arg=width)
        s.frame()
        faults = faults_of(page, hands=name != "run")
        if opening:
            opening(page)
            faults += faults_of(page, hands=False)
            page.keyboard.press("Escape")
        if faults:
            wrong[f"{width}×{height}"] = faults
    assert wrong == {}
    assert s.errors == []


# Whether map and sliders can be used: in a wide window both are in its first view; in a narrow
# one each comes whole into view, with nothing on it. And no map is a strip.
HANDS = """() => {
  const faults = [];
  const box = e => e.getBoundingClientRect();
  const named = e => e.id || e.className;
  const map = document.querySelector('.stage .map');
  const sliders = [...document.querySelectorAll('.stage .slider input')]
    .filter(input => input.checkVisibility());
  const { width, height } = box(map);
  if (width < 140 || height < 140 || width / height > 2.5 || height / width > 2.5)
    faults.push(`a map of ${width.toFixed()}×${height.toFixed()}`);
  if (!sliders.length) faults.push('no slider');
  if (innerWidth > 900) for (const e of [map, sliders[0]])
    if (box(e).top < 0 || box(e).bottom > innerHeight)
      faults.push(`${named(e)} from ${box(e).top.toFixed()} to ${box(e).bottom.toFixed()}`);
  for (const e of [map, ...sliders]) {
    e.scrollIntoView({ block: 'center' });
    const { left, right, top, bottom } = box(e);
    const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    if (!e.contains(hit)) faults.push(`${named(e)} is under ${hit?.outerHTML.slice(0, 60)}`);
  }
  document.querySelector('[data-testid="stMain"]').scrollTop = 0;
  return faults;
}"""


def values(page) -> list[str]:
    return page.locator(".slider input").evaluate_all("all => all.map(i => i.value)")


def test_a_scroll_that_begins_on_a_slider_moves_the_page_alone(opened, with_run):
    phone = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
    s = opened("?checkpoint=mnist-10d&data=mnist-5k", **phone)
    page, finger = s.page, Finger(s.page)
    slider = page.locator(".slider input").first
    main = page.locator('[data-testid="stMain"]')

    def left_middle_width() -> tuple[float, float, float]:
        slider.evaluate("e => e.scrollIntoView({ block: 'center' })")
        page.wait_for_timeout(200)
        box = slider.bounding_box()
        return box["x"], box["y"] + box["height"] / 2, box["width"]

    def scroll_from(share: float) -> None:
        x, y, width = left_middle_width()
        before, top = values(page), main.evaluate("e => e.scrollTop")
        picture = s.canvas("canvas.x-hat")
        x += share * width
        finger.drag((x, y), (x + 5, y - 60), (x + 14, y - 200))
        page.wait_for_timeout(400)
        assert values(page) == before
        assert (s.canvas("canvas.x-hat") == picture).all()
        assert main.evaluate("e => e.scrollTop") > top + 100

    scroll_from(0.15)
    scroll_from(0.9)
    # A finger that goes along it, and a tap, move it.
    x, y, width = left_middle_width()
    before, picture = values(page), s.canvas("canvas.x-hat")
    finger.drag((x + 0.3 * width, y), (x + 0.8 * width, y + 6))
    s.frame()
    moved = values(page)
    assert float(moved[0]) > float(before[0])
    assert not (s.canvas("canvas.x-hat") == picture).all()
    finger.send("touchStart", (x + 0.2 * width, y))
    finger.send("touchEnd")
    s.until(lambda: float(values(page)[0]) < float(moved[0]))
    s.open(f"{with_run.url}/compare?data=mnist-5k")
    scroll_from(0.15)
    assert s.errors == []


def test_a_phones_menu_and_pages_are_inside_its_window(opened):
    s = opened("?data=mnist-5k", width=390, height=844, is_mobile=True)
    page = s.page
    assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [390, 390]
    links = page.locator(".st-key-phonenav a")
    assert links.count() == 4
    for target in [*links.all(), page.get_by_test_id("stMainMenuButton")]:
        box = target.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    page.get_by_test_id("stMainMenuButton").click()
    menu = page.get_by_test_id("stMainMenuPopover")
    for width, height in ((390, 844), (844, 390), (390, 160)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        if not menu.is_visible():
            page.get_by_test_id("stMainMenuButton").click()
        box = menu.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
        # What has no room is scrolled to.
        assert menu.evaluate(
            "e => e.scrollHeight <= e.clientHeight || getComputedStyle(e).overflowY === 'auto'"
        )
    page.set_viewport_size({"width": 390, "height": 844})


LOOK = """([own, theirs]) => {
  const of = e => {
    const s = getComputedStyle(e), height = Math.round(e.getBoundingClientRect().height);
    return [s.borderTopLeftRadius, s.borderTopWidth, s.borderTopColor, s.backgroundColor,
      s.fontSize, s.fontFamily.split(',')[0], s.color, height].join(' ');
  };
  return [own, ...theirs].map(selector => of(document.querySelector(selector)));
}"""


def test_streamlits_boxes_look_like_the_pages_own_and_what_has_the_focus_shows_it(opened):
    s = opened("?checkpoint=mnist-10d&data=mnist-5k")
    page = s.page
    theirs = [
        ".st-key-checkpoint_box .react-aria-ComboBox > [role=group]",
        ".st-key-controls [data-testid=stPopoverButton]",
        "[data-testid=stPopoverBody] [data-testid=stTextInputRootElement]",
        "[data-testid=stPopoverBody] [data-testid=stNumberInputContainer]",
        "[data-testid=stPopoverBody] [data-testid=stBaseButton-secondary]",
    ]
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        open_options(page)
        page.mouse.move(640, 5)
        page.wait_for_timeout(400)
        own, *others = page.evaluate(LOOK, [".stage .clear", theirs])
        assert dict(zip(theirs, others, strict=True)) == dict.fromkeys(theirs, own)
        chosen = "[data-testid=stButtonGroup] [data-selected]"
        own, other = page.evaluate(LOOK, [".stage .switch [aria-checked=true]", [chosen]])
        assert other == own
        page.keyboard.press("Escape")
        # Wherever Tab leads.
        rings = set()
        for _ in range(20):
            page.keyboard.press("Tab")
            rings.add(page.evaluate(RING))
        assert rings == {"solid 3px"}
    assert s.errors == []


# The ring around what has the focus: it is wide, and 3 : 1 against the page.
RING = """() => {
  let e = document.activeElement;
  if (e.matches('main')) return 'solid 3px'; // what scrolls is no control
  if (e.matches('[role=combobox], input[type=text]')) e = e.closest('[role=group]');
  const s = getComputedStyle(e), page = getComputedStyle(document.querySelector('.stApp'));
  const light = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(v => v / 255)
      .map(v => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const pair = [s.outlineColor, page.backgroundColor].map(light);
  const clear = Math.max(...pair) / Math.min(...pair) >= 3;
  const ring = `${s.outlineStyle} ${s.outlineWidth}`;
  return clear && ring === 'solid 3px' ? ring : `${ring} on ${e.outerHTML.slice(0, 120)}`;
}"""


# The page as a printer has it: the stage's box, how light it is around, what is written in what.
PAPER = """() => {
  const { right, bottom } = document.querySelector('.stage').getBoundingClientRect();
  const ink = getComputedStyle(document.querySelector('.stage')).color;
  const labels = [...document.querySelectorAll('.stage .map .over text, .stage .map .base text')]
    .map(label => label.getAttribute('fill'));
  return { right, bottom, ink, labels: [...new Set(labels)] };
}"""


def test_what_a_printer_gets_is_the_page(opened, with_run):
    s = opened("?checkpoint=mnist-2d&data=mnist-5k", theme="dark")
    page = s.page
    shown = page.evaluate(PAPER)
    for where, sheets in (
        ("", {1, 2}),  # with the charts below, where they have been scrolled to
        ("compare?data=mnist-5k", {2, 3}),
        ("train?run=first", {1}),
    ):
        if where:
            s.open(f"{with_run.url}/{where}")
        paper = page.pdf(prefer_css_page_size=True)
        assert paper.count(b"/Type /Page\n") in sheets
        assert len(paper) > 200_000  # with its pictures
    s.open(f"{with_run.url}/?checkpoint=mnist-2d&data=mnist-5k")
    # The same by steps: it fits a sheet of A4 across, and its colours are a light page's.
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 1047, "height": 718})
    printed = page.evaluate(PAPER)
    assert printed["right"] <= 1047
    assert printed["bottom"] <= 718
    assert printed["ink"] == "rgb(15, 23, 42)"
    assert s.pixels(".stApp").mean() > 200
    map_ = s.pixels(".stage .map")
    assert (map_.min(-1) > 240).mean() > 0.4  # the ground
    assert (map_.max(-1) - map_.min(-1) > 60).mean() > 0.02  # codes
    assert s.pixels("canvas.x-hat").max() > 150
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 1280, "height": 720})
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    s.frame()
    assert page.evaluate(PAPER) == shown
    assert s.errors == []
