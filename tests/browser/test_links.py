"""A link holds the whole view: what one browser shows, another one shows that is given the link."""

import base64
import json
import zlib

import numpy as np

from tests.browser.test_keep import draw, shown


def menu(s) -> None:
    s.page.wait_for_selector(".page-menu", timeout=60_000)


def share(s) -> str:
    """The link that the panel has, once it is made."""
    s.page.get_by_role("button", name="Share", exact=True).click()
    s.page.wait_for_function("() => document.querySelector('.share-link')?.value", timeout=10_000)
    s.page.wait_for_timeout(300)
    link = s.page.locator(".share-link").input_value()
    s.page.locator(".share-close").click()
    return link


def held(link: str) -> dict:
    text = link.partition("view=")[2].partition("&")[0].removeprefix("1.")
    return json.loads(zlib.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), -15))


def hidden(s) -> list[str]:
    return s.page.locator(".legend button[aria-pressed=false]").evaluate_all(
        "all => all.map(b => b.dataset.name)"
    )


def test_a_link_holds_a_drawing_a_walk_zoom_hidden_classes_and_the_theme(app, screen):
    s = screen(theme="dark").open(f"{app.url}/?checkpoint=mnist-2d&data=mnist-5k&image=7")
    menu(s)
    s.tab("Walk")
    s.page.get_by_role("button", name="Mark A").click()
    draw(s, ((0.3, 0.2), (0.7, 0.2)), ((0.7, 0.2), (0.4, 0.9)))
    s.page.get_by_role("button", name="Mark B").click()
    s.page.locator(".manifold-switch").click()
    s.page.locator(".zoom-in").click()
    for name in ("0", "4"):
        s.page.locator(f".legend button[data-name='{name}']").click()
    s.page.mouse.click(*s.plot(0.05, 0.95))  # an empty corner: z moves, x stays
    s.until_query(x="drawn")
    s.settled()
    before, ranges = shown(s), s.ranges()
    link = share(s)
    assert len(link) < 2300  # a code that a camera can read
    assert hidden(s) == ["0", "4"]

    other = screen(theme="light")
    other.open(link)
    menu(other)
    other.until(lambda: shown(other)["film"] and hidden(other) == ["0", "4"])
    other.settled()
    after = shown(other)
    for same in ("x", "z", "manifold", "panel"):
        assert after[same] == before[same], same
    assert np.abs(np.subtract(after["picture"], before["picture"])).max() <= 2
    # The strokes are rounded to a quarter of the pad's unit.
    assert np.abs(np.subtract(after["terms"], before["terms"])).max() < 1
    assert len(after["film"]) == len(before["film"])
    assert np.allclose(other.ranges(), ranges, atol=0.05 * (ranges[1] - ranges[0]))
    dark = "getComputedStyle(document.documentElement).colorScheme"
    assert other.page.evaluate(dark) == s.page.evaluate(dark) == "dark"
    assert "view=" not in other.page.url
    other.page.get_by_role("button", name="Undo").click()  # strokes are strokes
    assert other.page.locator(".stage .fault").is_hidden()
    # And it stays through a reload, from where the tab keeps it.
    other.page.reload()
    other.ready()
    other.until(lambda: hidden(other) == ["0", "4"])
    assert s.errors == other.errors == []


def test_a_link_holds_what_a_lasso_has_chosen(app, screen):
    s = screen().open(f"{app.url}/?checkpoint=mnist-2d&data=mnist-5k&image=7")
    menu(s)
    s.page.get_by_role("radio", name="Lasso").click()
    corners = [s.plot(u, v) for u, v in ((0.3, 0.3), (0.6, 0.3), (0.6, 0.6), (0.3, 0.6))]
    s.page.mouse.move(*corners[0])
    s.page.mouse.down()
    for corner in (*corners[1:], corners[0]):
        s.page.mouse.move(*corner, steps=4)
    s.page.mouse.up()
    s.frame()
    note = s.note()
    assert "z to their centre" in note
    link = share(s)
    other = screen().open(link)
    menu(other)
    other.until(lambda: other.note() == note)
    assert s.errors == other.errors == []


def test_a_link_holds_compares_models_its_place_and_a_drawing(app, screen):
    s = screen()
    s.page.goto(f"{app.url}/compare?beside=mnist-2d,report-normal&data=mnist-5k&image=7")
    s.page.wait_for_selector(".compare[data-ready=true]", timeout=60_000)
    menu(s)
    draw(s, ((0.3, 0.2), (0.7, 0.8)))
    s.page.get_by_role("button", name="Mark B").click()
    s.until_query(x_beside="drawn")
    s.page.mouse.click(*s.plot(0.04, 0.96))
    s.page.wait_for_function("() => new URLSearchParams(location.search).has('place')")
    s.settled()

    def there(one):
        pictures = one.page.locator("canvas.x-hat").evaluate_all(
            "all => all.map(c => [...c.getContext('2d').getImageData(0, 0, 28, 28).data])"
        )
        return one.page.locator(".column .name").all_inner_texts(), pictures

    names, pictures = there(s)
    link = share(s)
    other = screen()
    other.page.goto(link)
    other.page.wait_for_selector(".compare[data-ready=true]", timeout=60_000)
    menu(other)

    def same():
        found, others = there(other)
        return found == names and np.abs(np.subtract(others, pictures)).max() <= 3

    other.until(same)  # which the place alone decides: the drawing may come after it
    what = other.page.locator(".quantity.x")
    other.until(lambda: what.inner_text().endswith("your drawing"))
    assert s.errors == other.errors == []


def test_a_link_to_understand_holds_the_section_and_the_drawing(app, screen):
    s = screen()
    s.page.goto(f"{app.url}/understand?checkpoint=mnist-2d&data=mnist-5k&section=5&image=8")
    menu(s)
    draw(s, ((0.5, 0.1), (0.5, 0.9)))
    s.until_query(x="drawn")
    code = s.page.locator(".understand .code").inner_text()
    link = share(s)
    other = screen()
    other.page.goto(link)
    menu(other)
    numbers = lambda text: [float(v.replace("−", "-")) for v in text.split("(")[1][:10].split(",")]  # noqa: E731
    other.until(
        lambda: np.allclose(
            numbers(other.page.locator(".understand .code").inner_text().partition(")")[0]),
            numbers(code.partition(")")[0]),
            atol=0.05,
        )
    )
    assert other.page.locator(".understand").get_attribute("data-section") == "5"
    assert other.page.locator(".stage .fault").is_hidden()
    assert s.errors == other.errors == []


def test_what_does_not_fit_is_said_and_a_strangers_link_is_a_sentence(app, screen):
    s = screen().open(f"{app.url}/?checkpoint=sprites-64")
    menu(s)
    noise = """() => {
      const c = document.createElement('canvas'); c.width = c.height = 64;
      const g = c.getContext('2d'), d = g.createImageData(64, 64);
      for (let i = 0; i < d.data.length; i++) d.data[i] = i % 4 === 3 ? 255 : Math.random() * 256;
      g.putImageData(d, 0, 0);
      return new Promise(r => c.toBlob(b => {
        const t = new DataTransfer(); t.items.add(new File([b], 'n.png', { type: 'image/png' }));
        document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: t, bubbles: true }));
        r(); }));
    }"""
    s.page.evaluate(noise)
    s.until(lambda: "your picture" in s.page.locator(".quantity.x").inner_text())
    s.page.get_by_role("button", name="Share", exact=True).click()
    note = s.page.locator(".share-note")
    s.until(lambda: "does not hold the picture of yours" in note.inner_text())
    good = s.page.locator(".share-link").input_value()
    assert held(good)["x"] is None

    where = f"{app.url}/?checkpoint=mnist-2d&data=mnist-5k&image=7"
    pack = lambda value: (  # noqa: E731
        "1." + base64.urlsafe_b64encode(zlib.compress(value, wbits=-15)).decode().rstrip("=")
    )
    fine = {"g": "explore", "s": "1×28×28"}
    for text, words in (
        ("2.abc", "another version"),
        ("1.!!!", "Copy the whole link"),
        (pack(b"[1]"), "Copy the whole link"),
        (pack(b'"' + b"a" * 600_000 + b'"'), "256 kB"),
        (pack(json.dumps({"g": "explore", "s": "x"}).encode()), "another size"),
        (pack(json.dumps(fine | {"x": {"k": [[1]]}}).encode()), "strokes that are none"),
        (pack(json.dumps(fine | {"x": {"t": 7}}).encode()), "picture is none"),
    ):
        other = screen().open(f"{where}#view={text}")
        menu(other)
        fault = other.page.locator(".stage .fault")
        other.until(fault.is_visible)
        assert words in fault.inner_text(), fault.inner_text()
        assert other.image() == 7
        assert other.errors == []
        other.page.close()
    odd = {
        **fine, "z": [["a"]], "m": 7, "p": [], "t": "none", "w": 9, "a": [{"x": 99999999}, 3],
        "o": [[1, 0, 0, 0]], "h": [1], "l": [5, "?"],
    }  # fmt: skip
    other = screen().open(f"{where}#view={pack(json.dumps(odd).encode())}")
    menu(other)
    other.until(other.page.locator(".stage .fault").is_visible)
    assert other.errors == []
    assert s.errors == []


def test_a_link_hides_parts_and_names_those_that_there_are_not(app, screen):
    s = screen().open(
        f"{app.url}/?checkpoint=mnist-2d&data=mnist-5k&hide=sliders,options,panels,map,table,nose"
    )
    menu(s)
    for part in (".sliders", ".st-key-controls", ".tabs", ".stage .map"):
        assert s.page.locator(part).first.is_hidden(), part
    assert "nose" in s.page.locator(".stage .fault").inner_text()
    assert s.page.locator("canvas.x-hat").is_visible()
    s.page.locator(".typical button").first.click()  # the server writes the address anew
    s.page.wait_for_timeout(1500)
    assert "hide=" in s.page.url
    assert s.errors == []
