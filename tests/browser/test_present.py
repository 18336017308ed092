"""The lecture hall's look: nothing below 22 px at 1280×720, nothing cut or over another thing."""

import pytest

from tests.browser.test_screens import FAULTS, WHOLE

# Each word on the screen, and how large it is: elements' own text, and what SVG draws on maps.
SMALL = """() => {
  const small = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode, e = text.parentElement;
    const looks = { opacityProperty: true, visibilityProperty: true };
    if (!text.nodeValue.trim() || !e.checkVisibility(looks)) continue;
    if (e.closest('script, style, option, title, .announce, .katex-mathml')) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (box.width < 1 || box.height < 1 || box.bottom < 0 || box.top > innerHeight) continue;
    const size = parseFloat(getComputedStyle(e).fontSize);
    if (size < 22) small.push(`${size} ${e.className} ${text.nodeValue.trim().slice(0, 20)}`);
  }
  return small;
}"""
# What canvases write: their fonts, as they are set from now on.
SPY = """
  window.__fonts = new Set();
  const write = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (...all) {
    if (this.canvas.isConnected && this.canvas.checkVisibility())
      window.__fonts.add(parseFloat(/([\\d.]+)px/.exec(this.font)[1]));
    return write.apply(this, all);
  };
"""
PLACES = {
    "explore": "?checkpoint=mnist-2d&data=mnist-5k&image=7",
    "ten": "?checkpoint=mnist-10d&data=mnist-5k&image=7",
    "compare": "compare?beside=report-normal,mnist-2d&data=mnist-5k&image=7",
    **{
        f"understand-{n}": f"understand?checkpoint=mnist-2d&data=mnist-5k&section={n}&image=8"
        for n in range(1, 10)
    },
}


PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
# What is beside the window, but for what scrolls in a part of the page, as a long formula does.
BESIDE = """() => {
  const outside = (b) => b.left < -1 || b.right > innerWidth + 1;
  const looks = { opacityProperty: true, visibilityProperty: true };
  return [...document.querySelectorAll('.stage, .stage *')].filter(e => {
    const b = e.getBoundingClientRect();
    if (!e.checkVisibility(looks) || b.width < 2 || b.height < 2 || !outside(b)) return false;
    if (e.closest('.katex-mathml, .announce') || e.tagName === 'svg') return false;
    for (let p = e.parentElement; p && !p.matches('.stage'); p = p.parentElement)
      if (getComputedStyle(p).overflowX === 'auto') return outside(p.getBoundingClientRect());
    return true;
  }).map(e => `${e.tagName} ${e.getAttribute('class')}`);
}"""


def present(app, screen, name, **device):
    s = screen(**device)
    s.page.add_init_script(SPY)
    where = PLACES[name]
    s.page.goto(f"{app.url}/{where}&present=1")
    s.page.wait_for_selector("html[data-present] .stage[data-ready=true]", timeout=60_000)
    if name.startswith("understand"):
        s.page.wait_for_function(
            "() => document.querySelector('.understand').dataset.exact !== 'working'",
            timeout=60_000,
        )
    s.page.wait_for_timeout(1500)
    return s


@pytest.mark.parametrize("name", PLACES)
def test_all_that_is_written_can_be_read_from_the_last_row(app, screen, name):
    s = present(app, screen, name)
    s.page.evaluate("window.__fonts.clear()")
    s.page.evaluate("dispatchEvent(new Event('resize'))")
    s.page.mouse.move(2, 2)
    s.page.wait_for_timeout(300)
    assert s.page.evaluate(SMALL) == []
    assert [v for v in s.page.evaluate("[...window.__fonts]") if v < 21.9] == []
    faults = s.page.evaluate(FAULTS, {"opaque": f"{WHOLE}, .katex, .chart, .plane"})
    assert faults == []
    stage = s.page.locator(".stage").bounding_box()
    assert stage["y"] >= 0
    assert stage["y"] + stage["height"] <= 720
    below = s.page.evaluate(
        "() => [...document.querySelectorAll('.stage button, .stage input, .stage canvas')]"
        ".filter(e => e.checkVisibility() && e.getBoundingClientRect().bottom > innerHeight + 1)"
        ".map(e => e.className + e.textContent)"
    )
    assert below == []
    assert not s.page.locator("[data-testid=stHeader]").is_visible()
    assert s.errors == []


@pytest.mark.parametrize("name", PLACES)
def test_on_a_phone_nothing_leaves_the_window(app, screen, name):
    s = present(app, screen, name, **PHONE)
    assert s.page.evaluate("document.documentElement.scrollWidth") == 390
    assert s.page.evaluate(BESIDE) == []
    sizes = s.page.evaluate(
        "[...document.querySelectorAll('.stage button')].filter(e => e.checkVisibility())"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 17
    s.page.get_by_role("button", name="Leave").tap()  # below the page, without hovering
    s.until(lambda: s.page.locator("html[data-present]").count() == 0)
    assert s.errors == []


def test_its_key_and_where_it_is_a_letter(app, screen):
    s = screen().open(f"{app.url}/{PLACES['explore']}")
    there = s.page.locator("html[data-present]").count
    button = s.page.locator(".present-open")
    assert button.get_attribute("aria-keyshortcuts") == "Alt+P"
    assert "(Alt+P)" in button.get_attribute("title")
    s.page.locator(".slider input").first.focus()  # a slider is no place to write
    s.page.keyboard.press("p")
    s.page.wait_for_timeout(300)
    assert there() == 0
    s.page.keyboard.press("Alt+p")
    s.until(lambda: there() == 1)
    s.until_query(present="1")
    s.page.keyboard.press("Alt+p")
    s.until(lambda: there() == 0)
    s.page.locator(".slider output").first.click()
    s.page.locator(".typed").wait_for()
    s.page.keyboard.press("Alt+p")
    s.page.wait_for_timeout(300)
    assert there() == 0
    assert s.errors == []


def test_the_button_the_trail_and_less_motion(app, screen):
    s = screen().open(f"{app.url}/{PLACES['explore']}")
    s.page.get_by_role("button", name="Present").click()
    s.page.wait_for_selector("html[data-present]", state="attached")
    s.until_query(present="1")
    s.page.wait_for_timeout(300)
    painted = """() => { const c = document.querySelector('.pointer-trail');
      return c && c.width && c.getContext('2d')
        .getImageData(0, 0, c.width, c.height).data.some(v => v); }"""
    s.page.mouse.move(300, 300)
    s.page.mouse.move(500, 400, steps=10)
    s.until(lambda: s.page.evaluate(painted))
    s.until(lambda: not s.page.evaluate(painted))
    s.page.locator(".present-open").focus()
    s.page.keyboard.press("Enter")
    s.until(lambda: s.page.locator("html[data-present]").count() == 0)
    assert s.page.locator(".st-key-controls").is_visible()
    still = screen(reduced_motion="reduce")
    still.open(f"{app.url}/{PLACES['explore']}&present=1")
    still.page.wait_for_selector("html[data-present]", state="attached")
    assert still.page.locator(".pointer-trail").count() == 0
    assert s.errors == still.errors == []
