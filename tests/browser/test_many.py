"""Several processes behind one address, as docs/deploy/nginx.conf has them."""

import asyncio
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.browser import serving_many
from benchmarks.room import Visitor, listening

pytestmark = pytest.mark.slow


def run(task):
    """The result of a coroutine; this thread may have a loop of its own, the browser's."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, task).result()


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    if shutil.which("nginx") is None:
        if os.environ.get("CI"):
            pytest.fail("nginx is not installed; continuous integration must have it")
        pytest.skip("nginx is not installed (on Debian: apt-get install nginx-light)")
    folder = tmp_path_factory.mktemp("many")
    places = {"VAE_DATA_DIR": str(folder / "data"), "VAE_CACHE_DIR": str(folder / "cache")}
    with serving_many(2, folder, **places) as (url, processes):
        run(listening(url))
        yield url, processes, folder


def test_a_visitor_stays_with_one_process_and_all_share_what_was_computed(many):
    url, processes, folder = many

    def open_files() -> list[int]:
        return [len(os.listdir(f"/proc/{process.pid}/fd")) for process in processes]

    before = open_files()

    async def visits() -> set[str]:
        cookies: set[str] = set()
        while len(cookies) < 40:  # until both have had a visitor, whose loop stays for a while
            number = len(cookies)
            visitor = Visitor(url, number)
            await visitor.arrive()  # its blobs are on offer in its own process alone
            await visitor.choose_image()
            await visitor.choose("view_box", "PCA")
            assert visitor.address["image"] == [str(number)]
            assert visitor.address["view"] == ["pca"]
            assert visitor.cookie not in cookies
            cookies.add(visitor.cookie)
            await visitor.socket.close()
            after = open_files()
            if number > 2 and all(now > then for now, then in zip(after, before, strict=True)):
                break
        return cookies

    assert len(run(visits())) < 40
    assert len(list((folder / "cache" / "codes").iterdir())) == 1


def test_a_browser_works_through_the_proxy_and_may_only_look(many, screen):
    url, _, _ = many
    s = screen().open(url)
    before = s.digit()
    s.page.mouse.click(*s.plot(0.8, 0.3))
    s.frame()
    assert abs(s.digit() - before).mean() > 3
    s.page.goto(f"{url}/train")
    s.page.get_by_text("Only visitors from the machine").first.wait_for()
    assert s.page.get_by_role("button", name="Start training").count() == 0
    assert s.errors == []
