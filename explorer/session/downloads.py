"""Files of a scene that a visitor takes along, on offer to the browser, which has each made when it
asks: the codes of all images as tables, and a page that needs no server."""

from collections.abc import Sequence
from functools import partial
from itertools import count

from explorer import blobs
from explorer.handout import contents, document, lesson_choice
from explorer.handout.selection import some_of
from explorer.latent import code_table, terms
from explorer.paths import cache_dir
from explorer.server.assets import STORE
from explorer.session.job_queue import JobQueue, Report
from explorer.session.scene import Scene
from training.evaluation.image_terms import Terms

QUEUE: JobQueue[bytes] = JobQueue("handout")
TERMS: JobQueue[Terms] = JobQueue("table")


def offer_tables(scene: Scene) -> str:
    """The beginning of the paths of the tables, behind which the number of a kind of
    `code_table.KINDS` stands, and of those that have terms, too, their number behind these; "" of a
    decoder alone, whose codes are of no images."""
    if scene.model.checkpoint.vae.encoder is None:
        return ""
    kinds = list(code_table.KINDS)

    def build(number: int) -> bytes:
        with_terms, kind = divmod(number, len(kinds))
        if with_terms > 1:
            raise IndexError(f"there is no table {number}")
        vae, images = scene.model.checkpoint.vae, scene.shown.images
        found = None
        if with_terms:
            work = partial(terms.whole, cache_dir() / "terms", vae, images)
            found = TERMS.ask(("whole", scene.key), work)
        return code_table.packed(code_table.frame(scene.codes, images, found), kinds[kind])

    return STORE.offer_parts("tables", (blobs.VERSION, scene.key), build)


def offer_handout(scenes: Sequence[Scene]) -> str:
    """The path of a page of these models and the first of their images; "" where one is a decoder
    alone."""
    if any(scene.model.checkpoint.vae.encoder is None for scene in scenes):
        return ""
    key = "handout", blobs.VERSION, *(scene.key for scene in scenes)

    def build(number: int) -> bytes:
        if number:
            raise IndexError(f"there is no page {number}")
        return QUEUE.ask(key, partial(_handout, scenes))

    return STORE.offer_parts("handout", key, build) + "0"


def _handout(scenes: Sequence[Scene], told: Report) -> bytes:
    images = scenes[0].shown.images
    names = [scene.model.checkpoint.name for scene in scenes]
    wanted = lesson_choice.wanted(names, images.name)
    some = some_of(images, contents.USUAL_IMAGES, wanted)
    smaller = [contents.in_16_bits(scene.model.checkpoint) for scene in scenes]
    stages, done = 2 * len(scenes) + 2, count(1)
    found = contents.gather(
        smaller, some, cache_dir(), report=lambda _: told(next(done) / (stages + 1))
    )
    return document.one_file(found)
