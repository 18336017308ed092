"""Lessons of a hand-out: those that are about its models and images, and why others stay out."""

from collections.abc import Sequence

from explorer.lessons import lesson
from explorer.lessons.lesson import Lesson
from training.data.datasets import ImageSet
from training.text import printable


def _missing(one: Lesson, images: ImageSet) -> str:
    """What a lesson shows that is not among the images, and the option that takes it in; "" where
    all is there."""
    if one.data is not None and one.data != images.name:
        return f"it shows images of {one.data}; --data {one.data} takes it in"
    views = [step.view for step in one.steps if step.view is not None]
    numbers = [n for v in views for n in (v.image, *(v.marks or ())) if n is not None]
    highest = max(numbers, default=-1)
    if highest < len(images):
        return ""
    return f"it shows image {highest}; --images {highest + 1} takes it in"


def within(names: Sequence[str], images: ImageSet) -> dict[str, Lesson]:
    """The lessons that are about what is here, by name: their checkpoint, data, and all images."""
    return {
        name: one
        for name, one in lesson.listed()
        if one.checkpoint in names and not _missing(one, images)
    }


def left_out(names: Sequence[str], images: ImageSet) -> list[str]:
    """Sentences about the lessons of these checkpoints that show other images."""
    return [
        f"The lesson “{printable(one.title)}” stays out: {missing}."
        for _, one in lesson.listed()
        if one.checkpoint in names and (missing := _missing(one, images))
    ]
