"""The walk through the theory: what stands in the formulas, what is painted, and the keys."""

import re

import numpy as np
import pytest
import torch

from explorer.figures.theme import THEMES
from training import checkpoint
from training.data import datasets
from training.evaluation import exact
from training.vae.elbo import iwae
from training.vae.priors import GaussianPosterior

SECTIONS = 9


def number(s, key: str) -> float:
    """A number in the formulas."""
    text = s.page.locator(f".mathematics [data-number={key}]").first.inner_text()
    return float(text.replace("−", "-").replace(",", "").replace("​", "").strip())


def has(s, key: str) -> bool:
    found = s.page.locator(f".mathematics [data-number={key}]")
    return found.count() > 0 and "…" not in found.first.inner_text()


def walk(s, url: str, section: int, **more: str):
    link = "&".join(f"{name}={value}" for name, value in {"section": section, **more}.items())
    s.open(f"{url}/understand?{link}")
    s.page.wait_for_selector(".understand .mathematics .katex", timeout=30_000)
    return s


def known(s) -> None:
    """Wait for log p(x) of this x."""
    s.page.wait_for_selector(".understand[data-exact=there]", timeout=60_000)
    s.frame()


def shown(s) -> torch.Tensor:
    """The x on the pad, with values in [0, 1]."""
    parts = [datasets.load("mnist-5k", part).images for part in ("train", "test")]
    return datasets.to_float(torch.cat(parts)[s.image()][None])[0]


def test_all_sections_by_keyboard_each_with_its_formula_picture_and_question(app, screen):
    s = walk(screen(), app.url, 1)
    titles, formulas = [], []
    for section in range(1, SECTIONS + 1):
        tab = s.page.locator("[role=tab][aria-selected=true]")
        assert tab.inner_text().startswith(str(section))
        assert s.query().get("section", "1") == str(section) or section == 1
        titles.append(s.page.locator(".story h2").inner_text())
        formulas.append(s.page.locator(".mathematics").first.inner_text())
        assert s.page.locator(".mathematics .katex-error").count() == 0
        assert s.page.locator(".story .question").inner_text().startswith("Predict")
        assert s.page.locator(".story .answer").inner_text() == ""
        assert s.page.locator(".scene canvas").count() >= 1
        # Each symbol says what it is, by keyboard too.
        symbol = s.page.locator(".mathematics .symbol").first
        symbol.focus()
        assert len(s.page.locator(".about:visible").inner_text()) > 20
        s.page.keyboard.press("Escape")
        assert s.page.locator(".about:visible").count() == 0
        s.page.locator(".options button").last.click()  # without a guess
        s.until(lambda: "being computed" not in s.page.locator(".story .answer").inner_text(), 60)
        assert len(s.page.locator(".story .answer").inner_text()) > 40
        if section < SECTIONS:
            s.page.keyboard.press("PageDown")
            s.until_query(section=str(section + 1))
    assert len(set(titles)) == len(set(formulas)) == SECTIONS
    s.page.keyboard.press("PageDown")  # there is no tenth
    assert s.page.locator("[role=tab][aria-selected=true]").inner_text().startswith("9")
    s.page.keyboard.press("PageUp")
    s.until_query(section="8")
    assert s.errors == []
    assert s.page.locator(".fault:visible").count() == 0


def test_the_identity_holds_while_q_is_dragged(app, screen, vae):
    s = walk(screen(), app.url, 4, checkpoint="mnist-2d")
    known(s)
    s.until(lambda: has(s, "gap"))
    x = shown(s)
    plane = exact.Plane(vae)
    found = exact.exact(plane, x)
    assert number(s, "exact") == pytest.approx(found.log_p, abs=0.02)
    assert number(s, "elbo") == pytest.approx(found.elbo, abs=0.02)
    assert number(s, "gap") == pytest.approx(found.gap, abs=0.02)
    box = s.page.locator(".plane canvas").bounding_box()
    violet = s.near(THEMES["light"].posterior, ".plane canvas", 40)
    down, across = (violet.min(axis=0) + violet.max(axis=0)) / 2  # of the ellipses: q's mean
    middle = box["x"] + across, box["y"] + down
    s.page.mouse.move(*middle)
    s.page.mouse.down()
    seen = []
    for step in range(1, 13):
        s.page.mouse.move(middle[0] + 9 * step, middle[1] - 5 * step)
        s.page.wait_for_timeout(90)
        s.frame()
        seen.append((number(s, "exact"), number(s, "elbo"), number(s, "gap"), number(s, "sum")))
    s.page.mouse.up()
    exacts, elbos, gaps, sums = np.array(seen).T
    assert np.ptp(exacts) == 0  # it stands still
    assert np.abs(sums - exacts).max() <= 0.0101
    assert np.ptp(elbos) > 5  # while the split changes
    assert elbos[-1] < elbos[0]
    assert gaps[-1] > gaps[0]
    # At rest the two are computed apart from each other, and still add up.
    s.page.wait_for_timeout(1200)
    assert number(s, "elbo") + number(s, "gap") == pytest.approx(number(s, "exact"), abs=0.0151)
    # The climb ends at the best Gaussian of torch's.
    s.page.locator("button.optimise").click()
    s.until(lambda: "approximation gap" in s.page.locator(".gaps").inner_text(), 30)
    best = exact.exact(plane, x, best=True).best_gaussian_elbo
    s.page.wait_for_timeout(1000)
    assert number(s, "elbo") == pytest.approx(best, abs=0.05)
    assert s.errors == []


def test_the_identity_of_a_drawn_digit(app, screen, vae):
    s = walk(screen(), app.url, 4, checkpoint="mnist-2d")
    known(s)
    before = number(s, "exact")
    pad = s.page.locator(".pad").bounding_box()
    s.page.mouse.move(pad["x"] + 0.5 * pad["width"], pad["y"] + 0.2 * pad["height"])
    s.page.mouse.down()
    s.page.mouse.move(pad["x"] + 0.45 * pad["width"], pad["y"] + 0.8 * pad["height"], steps=12)
    s.page.mouse.up()
    s.page.wait_for_timeout(500)
    known(s)
    s.until(lambda: has(s, "gap") and number(s, "exact") != before)
    s.until(lambda: abs(number(s, "sum") - number(s, "exact")) <= 0.0101)
    drawn = s.page.evaluate(
        "() => Array.from(document.querySelector('.pad').getContext('2d')"
        ".getImageData(0, 0, 280, 280).data).filter((_, i) => i % 4 === 0)"
    )
    assert max(drawn) > 200
    s.until_query(x="drawn")
    # It outlives a reload, and never becomes another image in silence.
    kept = number(s, "exact")
    s.page.reload()
    s.ready()
    s.frame()
    assert "your" in s.page.locator(".quantity.x").inner_text()
    assert s.query()["x"] == "drawn"
    known(s)
    assert number(s, "exact") == pytest.approx(kept, abs=0.02)
    assert s.errors == []


def test_the_true_posterior_is_painted_where_it_is(app, screen, vae):
    s = walk(screen(), app.url, 3, checkpoint="mnist-2d")
    known(s)
    s.until(lambda: has(s, "gap"))
    s.page.wait_for_timeout(2500)  # the heat map
    x = shown(s)
    plane = exact.Plane(vae)
    truth = plane.evidence(x)
    dark = s.near(THEMES["light"].ink, ".plane canvas", 90)
    height, width, _ = s.pixels(".plane canvas").shape
    assert len(dark) > 60
    # The middle of the dark heat lies near the mean of q, as that of p(z|x) does.
    with torch.no_grad():
        q = vae.encode(x[None])
    assert isinstance(q, GaussianPosterior)
    away = float((truth.mean.float() - q.mu[0]).abs().max() / q.std.max())
    assert away < 3
    inside = dark[(dark[:, 1] > 40) & (dark[:, 0] < height - 40)]
    centre = np.median(inside, axis=0)
    assert abs(centre[1] - (width + 26) / 2) < 0.25 * width
    assert abs(centre[0] - (height - 26) / 2) < 0.25 * height
    violet = s.near(THEMES["light"].posterior, ".plane canvas", 40)
    assert len(violet) > 100


def test_digits_that_a_gaussian_fits_badly_are_found_and_chosen(app, screen, vae):
    s = walk(screen(), app.url, 3, checkpoint="mnist-2d")
    known(s)
    s.page.wait_for_timeout(1500)
    s.page.locator("button.find").click()
    s.until(lambda: "worst of" in s.page.locator(".progress").first.inner_text(), 60)
    buttons = s.page.locator(".strip button")
    assert buttons.count() == 8
    first = s.image()
    buttons.first.click()
    s.until(lambda: s.image() != first)
    known(s)
    s.until(lambda: has(s, "gap"))
    assert s.errors == []


def test_the_prior_hardly_ever_hits_and_more_draws_help(app, screen, vae):
    s = walk(screen(), app.url, 2, checkpoint="mnist-2d")
    known(s)
    s.until(lambda: has(s, "estimate"), 60)
    slider = s.page.locator(".foot-row input[type=range]")
    errors = []
    for value in ("0", "12"):
        slider.fill(value)
        s.frame()
        errors.append(abs(number(s, "estimate") - number(s, "exact")))
    assert errors[0] > 20  # one draw says nothing
    assert errors[1] < 6
    s.page.locator(".options button").first.click()
    answer = s.page.locator(".answer").inner_text()
    one = float(re.search(r"one part in ([\d,]+)", answer)[1].replace(",", ""))
    truth = exact.Plane(vae).evidence(shown(s))
    # By the quadrature's own nodes: the least prior mass that holds 99 % of p(z|x).
    with torch.no_grad():
        likely = -vae.likelihood.nats(vae.decode(truth.z.float()), shown(s)).double()
    order = likely.argsort(descending=True)
    mass = truth.mass[order]
    prior = torch.exp(truth.log_p - likely[order]) * mass
    upto = int((mass.cumsum(0) < 0.99).sum())
    assert one == pytest.approx(float(1 / prior[: upto + 1].sum()), rel=0.1)


def test_ten_dimensions_say_why_not_and_show_bounds_instead(app, screen):
    s = walk(screen(), app.url, 4, checkpoint="mnist-10d")
    refused = s.page.locator(".refused")
    assert "10" in refused.inner_text()
    assert "too many places" in refused.inner_text()
    refused.get_by_role("button").click()
    s.until_query(section="7")
    s.until(lambda: has(s, "value"), 60)
    slider = s.page.locator(".foot-row input[type=range]")
    values = []
    for value in ("0", "5", "10"):
        slider.fill(value)
        s.frame()
        values.append(number(s, "value"))
    assert values == sorted(values)
    model = checkpoint.load("checkpoints/mnist-10d.safetensors").vae
    x = shown(s)[None]
    for k, value in ((1, values[0]), (32, values[1]), (1024, values[2])):
        seeds = [torch.Generator().manual_seed(seed) for seed in range(40)]
        bounds = torch.stack([-iwae(model, x, k, seed)[0] for seed in seeds])
        error = float(bounds.std()) * (1 / 40 + k / 8192) ** 0.5  # of these, and of the page's
        assert value == pytest.approx(float(bounds.mean()), abs=4 * error + 0.01), k
    assert s.errors == []


@pytest.mark.parametrize(
    ("checkpoint_name", "section", "says"),
    [("gamma", 6, "Figurnov"), ("report-perceptual", 7, "distance"), ("mnist-10d", 8, "places")],
)
def test_what_a_model_has_not_is_said_and_nothing_is_left_open(
    app, screen, checkpoint_name, section, says
):
    s = walk(screen(), app.url, section, checkpoint=checkpoint_name)
    assert says in s.page.locator(".refused").inner_text()
    for left in (".story .predict:visible", ".mathematics.numbers:visible", ".task:visible"):
        assert s.page.locator(left).count() == 0
    s.page.wait_for_timeout(500)
    assert s.errors == []


def test_the_priors_lines_are_there_for_a_gamma_and_hold_what_they_say(app, screen):
    s = walk(screen(), app.url, 1, checkpoint="gamma")
    s.page.wait_for_timeout(500)
    dashes = s.near(THEMES["light"].ink, ".plane canvas", 150)
    height, _, _ = s.pixels(".plane canvas").shape
    inside = dashes[(dashes[:, 1] > 60) & (dashes[:, 0] < height - 60)]
    assert len(inside) > 40  # apart from the numbers at the axes


def test_cross_entropy_adds_up_to_less_than_a_half_at_every_pixel(app, screen):
    s = walk(screen(), app.url, 9, checkpoint="mnist-2d")
    s.page.locator(".picked canvas").first.focus()
    seen = set()
    for key in ("ArrowLeft", "ArrowUp") * 8:
        s.page.keyboard.press(key)
        s.frame()
        cell = s.page.locator(".nats tbody tr").first.locator("td").last.inner_text()
        seen.add(float(cell.split()[0]))
    assert len(seen) > 4
    assert 0 < min(seen) <= max(seen) <= 0.5


def test_a_symbol_marks_its_place_and_the_picture_its_symbol(app, screen):
    s = walk(screen(), app.url, 3, checkpoint="mnist-2d")
    known(s)
    s.page.wait_for_timeout(2500)
    violet = THEMES["light"].posterior
    before = len(s.near(violet, ".plane canvas"))
    s.page.locator(".mathematics [data-symbol=true]").first.focus()
    s.frame()
    after = len(s.near(violet, ".plane canvas"))
    assert after < before  # the ellipses step back for p(z|x)
    s.page.keyboard.press("Escape")
    s.page.evaluate("document.activeElement.blur()")
    s.frame()
    assert len(s.near(violet, ".plane canvas")) == pytest.approx(before, rel=0.1)


def test_the_gradients_scatter_as_they_must(app, screen):
    s = walk(screen(), app.url, 6, checkpoint="mnist-2d")
    s.until(lambda: has(s, "ratio"), 60)
    assert number(s, "ratio") > 2
    exact_before = number(s, "exact")
    handle = s.page.locator(".pair .plane:last-child canvas")
    handle.focus()
    for _ in range(3):
        s.page.keyboard.press("ArrowRight")
    s.until(lambda: number(s, "exact") != exact_before, 20)
    assert s.errors == []


def test_holes_of_the_aggregate_posterior(app, screen, vae):
    s = walk(screen(), app.url, 8, checkpoint="mnist-2d")
    s.until(lambda: "1,500 images" in s.page.locator(".progress").first.inner_text(), 90)
    s.page.locator("button.hole").click()
    s.frame()
    assert number(s, "ratio") <= 0.1  # of two decimals
    s.page.locator(".options button").first.click()
    share = float(re.match(r"([\d.]+) %", s.page.locator(".answer").inner_text())[1])
    assert 0 < share < 100


def test_the_same_pixel_under_four_likelihoods(app, screen, vae):
    s = walk(screen(), app.url, 9, checkpoint="mnist-2d")
    x = shown(s).double()
    with torch.no_grad():
        output = vae.decode(vae.encode(x[None].float()).mu)[0].double().reshape(x.shape)
    mean = output.sigmoid()
    cells = s.page.locator(".nats tbody tr td:nth-child(3)").all_inner_texts()
    sums = [float(text.replace("−", "-")) for text in cells]
    spread = float(s.page.locator(".pixel output").inner_text())
    wanted = [
        torch.nn.functional.binary_cross_entropy_with_logits(output, x, reduction="sum"),
        -torch.distributions.ContinuousBernoulli(logits=output).log_prob(x).sum(),
        -torch.distributions.Normal(mean, spread).log_prob(x).sum(),
        -torch.distributions.Laplace(mean, spread / 2**0.5).log_prob(x).sum(),
    ]
    for found, value in zip(sums, wanted, strict=True):
        assert found == pytest.approx(float(value), rel=0.03, abs=1)
    assert sums[0] == pytest.approx(float(wanted[0]), abs=0.2)  # the same as −log p(x|z) elsewhere


def test_no_request_leaves_the_machine_and_fonts_are_here(app, screen):
    s = screen()
    asked = []
    s.page.on("request", lambda request: asked.append(request.url))
    walk(s, app.url, 1)
    s.page.wait_for_timeout(500)
    assert all(url.startswith((app.url, "data:", "blob:")) for url in asked), asked
    assert any("KaTeX_Math-Italic.woff2" in url for url in asked)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080), (390, 844)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_cut_or_wider_than_the_screen(app, screen, width, height, theme):
    s = walk(screen(width=width, height=height, theme=theme), app.url, 1)
    for section in range(SECTIONS):
        if section:
            s.page.keyboard.press("PageDown")
            s.page.wait_for_timeout(150)
        wide = s.page.evaluate("document.scrollingElement.scrollWidth")
        assert wide <= width, section
        # A formula fits into its column, or can be scrolled to.
        canvas = s.page.locator(".scene canvas").first.bounding_box()
        assert canvas["width"] > 60, section
        assert canvas["height"] > 60, section
        assert canvas["x"] + canvas["width"] <= width + 1, section


def test_another_models_prior_stands_in_the_formulas(app, screen):
    s = walk(screen(), app.url, 1, checkpoint="n12")
    assert "1" in s.page.locator(".mathematics .katex").first.inner_text()
    s = walk(screen(), app.url, 3, checkpoint="gamma")
    known(s)
    assert "Gamma" in s.page.locator(".mathematics .katex").first.inner_text()
    s.until(lambda: has(s, "gap"), 60)
    model = checkpoint.load("checkpoints/gamma.safetensors").vae
    found = exact.exact(exact.Plane(model), shown(s))
    assert number(s, "gap") == pytest.approx(found.gap, abs=0.05)
    assert s.errors == []
