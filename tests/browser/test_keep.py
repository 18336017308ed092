"""Nothing is lost: what outlives a reload, and what a link says of what it cannot hold."""

import json
import shutil
from dataclasses import replace

import numpy as np

from benchmarks.browser import ROOT
from tests.browser.test_train import SHORT, house, short_run  # noqa: F401
from tests.explorer.runs.test_measure import make_tiny
from training.data import datasets
from training.evaluation import table


def draw(s, *strokes) -> None:
    """Draw strokes on the pad, each from one place to another, in shares of its side."""
    pad = s.page.locator("canvas.pad").bounding_box()
    for start, end in strokes:
        (x0, y0), (x1, y1) = (
            (pad["x"] + u * pad["width"], pad["y"] + v * pad["height"]) for u, v in (start, end)
        )
        s.page.mouse.move(x0, y0)
        s.page.mouse.down()
        s.page.mouse.move(x1, y1, steps=6)
        s.page.mouse.up()


def pad(s):
    return s.page.locator("canvas.pad").evaluate("c => c.toDataURL()")


def shown(s) -> dict:
    """What a visitor sees of x, z, the terms, the walk and the panel."""
    film = s.page.locator(".film canvas").evaluate_all("all => all.map(c => c.toDataURL())")
    return {
        "x": s.page.locator(".quantity.x").inner_text(),
        "pad": pad(s),
        "z": s.z(),
        "terms": (s.term("reconstruction"), s.term("kl")),
        "film": film,
        "manifold": s.page.locator(".manifold-switch").get_attribute("aria-pressed"),
        "panel": s.page.locator("[role=tab][data-tab][aria-selected=true]").inner_text(),
        "picture": s.canvas("canvas.x-hat").tolist(),
    }


def test_a_drawing_the_marks_the_manifold_and_the_panel_outlive_a_reload(app, screen):
    s = screen().open(f"{app.url}/?checkpoint=mnist-2d&data=mnist-5k&image=7")
    s.tab("Walk")
    s.page.get_by_role("button", name="Mark A").click()
    draw(s, ((0.3, 0.2), (0.7, 0.2)), ((0.7, 0.2), (0.4, 0.9)))
    s.page.get_by_role("button", name="Mark B").click()
    s.page.locator(".manifold-switch").click()
    s.page.mouse.click(*s.plot(0.05, 0.95))  # an empty corner: z moves, x stays
    s.until_query(x="drawn")
    s.settled()
    before = shown(s)
    assert before["x"].endswith("your drawing")
    assert before["film"]
    link = s.page.url
    s.page.reload()
    s.ready()
    s.until(lambda: shown(s) == before)
    assert s.query()["x"] == "drawn"
    s.page.get_by_role("button", name="Undo").click()  # the strokes are still strokes
    s.until(lambda: pad(s) != before["pad"])
    s.page.get_by_role("button", name="Undo").click()
    s.until(s.page.get_by_role("button", name="Undo").is_disabled)

    # Who is sent the link has no drawing: the page says so, and z is that of what is x now.
    assert "A drawing or a picture of yours" in s.page.locator(".foot").inner_text()
    other = screen()
    other.open(link)
    fault = other.page.locator(".stage .fault")
    assert "an address does not hold" in fault.inner_text()
    assert other.image() == 7
    assert np.abs(np.subtract(other.z(), before["z"])).max() > 0.3
    other.until_query(x=None)
    mu = other.z()
    other.page.get_by_role("button", name="z ← μ").click()
    other.frame()
    assert np.allclose(other.z(), mu, atol=0.01)
    assert fault.is_hidden()

    # What is kept may be anything: it is left out, and the page is as without it.
    kept = json.loads(other.page.evaluate("sessionStorage.getItem('vae-kept-explore') ?? '{}'"))
    for text in (
        "no JSON",
        "[]",
        json.dumps({**kept, "x": {"strokes": [[[1, "a"]]], "base": None}, "marks": 3}),
        json.dumps({**kept, "x": {"taken": "AAAA"}, "codes": {}, "marks": [{"x": "?"}]}),
    ):
        other.page.add_init_script(f"sessionStorage.setItem('vae-kept-explore', {text!r})")
        other.page.reload()
        other.ready()
        assert other.image() == 7
        assert other.page.locator(".stage .fault").is_hidden()
    assert s.errors == other.errors == []


def test_a_drawing_on_compare_outlives_a_reload_and_ends_with_an_image(app, screen):
    s = screen()
    s.page.goto(f"{app.url}/compare?beside=mnist-2d,report-normal&data=mnist-5k&image=7")
    s.page.wait_for_selector(".compare[data-ready=true]", timeout=60_000)
    s.settled()
    draw(s, ((0.3, 0.2), (0.7, 0.8)))
    s.page.locator(".manifold-switch").click()
    s.page.get_by_role("button", name="Mark B").click()
    s.until_query(x_beside="drawn")
    s.settled()

    def there():
        pictures = s.page.locator("canvas.x-hat, .film canvas")
        return pad(s), pictures.evaluate_all("all => all.map(c => c.toDataURL())")

    before = there()
    s.page.reload()
    s.page.wait_for_selector(".compare[data-ready=true]", timeout=60_000)
    s.settled()
    s.until(lambda: there() == before)
    assert s.page.locator(".manifold-switch").get_attribute("aria-pressed") == "true"
    s.page.locator(".typical button").nth(3).click()
    s.until_query(x_beside=None)
    s.page.reload()
    s.page.wait_for_selector(".compare[data-ready=true]", timeout=60_000)
    assert "class 3" in s.page.locator(".quantity.x").inner_text()
    assert s.errors == []


def on_train(s, run: str) -> None:
    s.page.wait_for_selector(".train[data-ready=true]", timeout=60_000)
    s.until_query(run=run)
    s.settled()


def test_runs_and_checkpoints_are_renamed_copied_and_deleted_where_they_are(house, screen):  # noqa: F811
    few = datasets.load("mnist-5k", "test")
    pictures = house.folder / "data" / "few.npz"
    pictures.parent.mkdir(exist_ok=True)
    np.savez(pictures, images=few.images[:90].reshape(-1, 28, 28), labels=few.labels[:90])
    short_run(house, "first", preset=replace(SHORT, data=f"npz:{pictures}", epochs=1))
    s = screen()
    page = s.page
    page.goto(house.url)
    on_train(s, "first")
    count = int(page.locator(".train .count").inner_text())
    assert 0 < count < 90  # as many as there are, and not a thousand
    more = page.get_by_role("button", name="More …")
    dialog = page.locator("[role=dialog]")

    def named(name: str) -> None:
        box = page.get_by_label("Name of this")
        box.fill(name)
        box.press("Enter")
        s.settled()

    def press(name: str) -> None:
        page.get_by_role("button", name=name, exact=True).click()

    more.click()
    named("../out")
    press("Rename")
    fault = dialog.locator('[data-testid="stAlert"]')
    fault.wait_for()
    assert "is not possible" in fault.inner_text()
    button = page.get_by_role("button", name="Rename", exact=True)
    assert fault.bounding_box()["y"] < button.bounding_box()["y"]
    named("mine")
    press("Rename")
    on_train(s, "mine")
    assert (house.run("mine").path / "records.jsonl").exists()
    assert not house.run("first").path.exists()
    more.click()
    press("Duplicate")
    on_train(s, "mine-2")
    more.click()
    press("Delete …")
    press("Keep it")
    page.get_by_role("button", name="Delete for good").wait_for(state="detached")
    press("Delete …")
    press("Delete for good")
    on_train(s, "mine")
    assert not house.run("mine-2").path.exists()

    # Back leads where one came from, with one press.
    press("Open in Explore")
    page.wait_for_selector(".stage:not(.train)[data-ready=true]", timeout=60_000)
    s.until_query(checkpoint="first")
    page.go_back()
    on_train(s, "mine")
    page.go_forward()
    s.ready()
    s.until_query(checkpoint="first")
    page.get_by_role("button", name="Options").click()
    named("best")
    press("Rename")
    s.until_query(checkpoint="best")
    s.ready()
    page.get_by_role("link", name="Compare").first.click()
    page.wait_for_selector(".compare[data-ready=true]", timeout=60_000)
    s.settled()
    page.go_back()
    s.ready()
    s.until_query(checkpoint="best")

    afar = screen(extra_http_headers={"X-Forwarded-For": "203.0.113.9"}).open(page.url)
    afar.page.get_by_role("button", name="Options").click()
    afar.page.get_by_text("Perplexity").wait_for()
    assert afar.page.get_by_label("Name of this").count() == 0

    page.get_by_role("button", name="Options").click()
    press("Duplicate")
    s.until_query(checkpoint="best-2")
    s.ready()
    if not page.get_by_role("button", name="Delete …").is_visible():
        page.get_by_role("button", name="Options").click()
    press("Delete …")
    press("Delete for good")
    s.until_query(checkpoint="best")
    s.ready()
    checkpoints = house.folder / "checkpoints"
    assert [path.stem for path in checkpoints.glob("*.safetensors")] == ["best"]
    page.goto(house.url)  # the run finds what it has made under its new name
    on_train(s, "mine")
    press("Open in Explore")
    s.until_query(checkpoint="best")
    assert s.errors == afar.errors == []
    assert "Traceback" not in house.app.log


def test_an_own_checkpoint_is_measured_from_the_table(house, screen):  # noqa: F811
    path = make_tiny(house.folder)
    other = path.with_name("other.safetensors")
    shutil.copy(ROOT / "checkpoints" / "report-10d.safetensors", other)
    row = table.read(ROOT / "checkpoints")["report-10d"]
    table.write_alone(path.parent, replace(row, name="other"))
    s = screen()
    page = s.page
    page.goto(f"{house.app.url}/compare?row=tiny&beside=tiny")
    dialog = page.locator("[role=dialog]")
    dialog.get_by_text("has not been measured yet").wait_for(timeout=60_000)
    for offered in ("Open in Explore", "Put beside", "Measure"):
        dialog.get_by_role("button", name=offered).wait_for()
    dialog.get_by_text("All settings").wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")

    afar = screen(extra_http_headers={"X-Forwarded-For": "203.0.113.9"})
    afar.page.goto(f"{house.app.url}/compare")
    afar.page.get_by_text("Not measured yet: tiny.").wait_for(timeout=60_000)
    assert afar.page.get_by_role("button", name="Measure").count() == 0

    # What cannot be is said, to nobody from elsewhere with its place.
    pictures = house.folder / "few.npz"
    content = pictures.read_bytes()
    pictures.unlink()
    page.get_by_role("button", name="Measure").click()
    fault = page.locator('[data-testid="stAlert"]', has_text="few.npz")
    fault.wait_for(timeout=60_000)
    assert str(house.folder) in fault.inner_text()
    afar.page.reload()
    told = afar.page.locator('[data-testid="stAlert"]', has_text="few.npz")
    told.wait_for(timeout=60_000)
    assert str(house.folder) not in told.inner_text()
    pictures.write_bytes(content)

    page.get_by_role("button", name="Measure").click()
    page.get_by_text("Measuring tiny").wait_for()
    page.get_by_role("button", name="Cancel").wait_for()
    page.get_by_text("Over 12 or 10,000 test images").wait_for(timeout=90_000)
    assert page.get_by_role("button", name="Measure").count() == 0
    row = table.read(path.parent)["tiny"].evaluation
    # The figures are of its own images, whatever stands beside it.
    page.goto(f"{house.app.url}/compare?row=tiny&beside=other")
    dialog.get_by_text(f"{row.reconstruction:.2f}").wait_for(timeout=60_000)
    dialog.locator("img").first.wait_for(timeout=60_000)
    assert dialog.get_by_role("button", name="Measure").count() == 0
    assert "RuntimeError" not in house.app.log
    assert s.errors == afar.errors == []
