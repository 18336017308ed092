"""A first visit over a slow line: the picture comes first, and whoever wants more is told."""

import pytest

from benchmarks.line import Wire

KBIT = 2500


@pytest.mark.slow
def test_the_picture_comes_before_the_encoder_and_who_asks_for_another_x_is_told(app, chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    try:
        page = context.new_page()
        page.add_init_script("sessionStorage.setItem('vae-tour', 'done')")
        wire, errors = Wire(page, KBIT), []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(app.url, wait_until="commit")
        page.wait_for_selector(".opening p", timeout=5000)  # before any script
        page.wait_for_selector('.stage[data-ready="true"]', timeout=60_000)
        assert wire.total < 2.5e6
        late = ("/stage/lib/plotly", "MaterialSymbols")
        assert not [url for url in wire.done if any(part in url for part in late)]
        # An image that is not among those of the first page.
        words = page.locator(".quantity.x .what").inner_text()
        page.mouse.click(*_place_of_a_code(page))
        page.wait_for_function(
            "() => /encoder is on its way \\(\\d+ %\\)/.test("
            "document.querySelector('.map-note .text').textContent)",
            timeout=20_000,
        )
        assert page.locator(".quantity.x .what").inner_text() == words
        page.wait_for_function(
            "words => document.querySelector('.quantity.x .what').textContent !== words",
            arg=words,
            timeout=60_000,
        )
        assert "on its way" not in page.locator(".map-note .text").inner_text()
        assert errors == []
    finally:
        context.close()


def _place_of_a_code(page):
    """Where a code is on the map that no other is near: painted, and alone."""
    found = page.evaluate(
        """() => {
          const canvas = document.querySelector('.stage .map canvas.codes');
          const { width, height } = canvas;
          const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
          const lit = (x, y) => data[4 * (y * width + x) + 3] > 150;
          const box = canvas.getBoundingClientRect();
          for (let y = 20; y < height - 60; y += 2)
            for (let x = 60; x < width / 2; x += 2)
              if (lit(x, y) && lit(x + 1, y + 1))
                return [box.x + (x + 1) * box.width / width, box.y + (y + 1) * box.height / height];
          return null;
        }"""
    )
    assert found, "no code is painted"
    return found
