"""Lessons of a hand-out: those that are about its models and images, and why others stay out."""

from collections.abc import Sequence

from explorer.lessons import lesson
from explorer.lessons.lesson import Lesson
from training.data.datasets import ImageSet
from training.text import printable


def _highest(one: Lesson) -> int:
    """The highest number of an image that a lesson shows; −1 where it shows none by number."""
    views = [step.view for step in one.steps if step.view is not None]
    numbers = [n for v in views for n in (v.image, *(v.marks or ())) if n is not None]
    return max(numbers, default=-1)


def _other_data(one: Lesson, images: ImageSet) -> bool:
    return one.data is not None and one.data != images.name


def within(names: Sequence[str], images: ImageSet) -> dict[str, Lesson]:
    """The lessons that are about what is here, by name: their checkpoint, data, and all images."""
    return {
        name: one
        for name, one in lesson.listed()
        if one.checkpoint in names and not _other_data(one, images) and _highest(one) < len(images)
    }


def left_out(names: Sequence[str], images: ImageSet) -> list[str]:
    """Sentences about the lessons of these checkpoints that show other images, with the option
    that takes them in."""
    found = []
    for _, one in lesson.listed():
        if one.checkpoint not in names:
            continue
        begin = f"The lesson “{printable(one.title)}” stays out: it "
        if _other_data(one, images):
            found.append(f"{begin}shows images of {one.data}; --data {one.data} takes it in.")
        elif _highest(one) >= len(images):
            least = _highest(one) + 1
            found.append(f"{begin}shows image {_highest(one)}; --images {least} takes it in.")
    return found
