"""Several processes behind one address, as docs/deploy/nginx.conf has them."""

import asyncio
import os
import shutil

import pytest

from benchmarks.browser import serving_many
from benchmarks.room import Visitor, _listening

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    if shutil.which("nginx") is None:
        if os.environ.get("CI"):
            pytest.fail("nginx is not installed; continuous integration must have it")
        pytest.skip("nginx is not installed (on Debian: apt-get install nginx-light)")
    folder = tmp_path_factory.mktemp("many")
    places = {"VAE_DATA_DIR": str(folder / "data"), "VAE_CACHE_DIR": str(folder / "cache")}
    with serving_many(2, folder, **places) as (url, processes):
        asyncio.run(_listening(url))
        yield url, processes, folder


def test_a_visitor_stays_with_one_process_and_all_share_what_was_computed(many):
    url, processes, folder = many

    async def visits() -> set[str]:
        stylesheets = set()
        for number in range(10):
            visitor = Visitor(url, number)
            await visitor.arrive()  # its blobs are on offer in its own process alone
            await visitor.choose_image()
            await visitor.choose("view_box", "PCA")
            assert visitor.address["image"] == [str(number)]
            assert visitor.address["view"] == ["pca"]
            stylesheets.add(visitor.cookie)
            await visitor.socket.close()
        return stylesheets

    assert len(asyncio.run(visits())) == 10  # each has a cookie of its own
    assert len(list((folder / "cache" / "codes").iterdir())) == 1
    files = [len(os.listdir(f"/proc/{process.pid}/fd")) for process in processes]
    assert min(files) > 20  # both had visitors


def test_a_browser_works_through_the_proxy_and_may_only_look(many, screen):
    url, _, _ = many
    s = screen().open(url)
    before = s.digit()
    s.page.mouse.click(*s.plot(0.8, 0.3))
    s.frame()
    assert abs(s.digit() - before).mean() > 3
    s.page.goto(f"{url}/train")
    s.page.get_by_role("button", name="New run").click()
    assert s.page.get_by_text("Only visitors from the machine").first.is_visible()
    assert s.errors == []
