"""Lessons of a hand-out: those that are about its models and images, and why others stay out."""

from collections.abc import Sequence

import msgspec

from explorer.handout.selection import Selection
from explorer.lessons import lesson
from explorer.lessons.lesson import Lesson, View
from training.text import printable


def _numbers(view: View) -> list[int]:
    return [n for n in (view.image, *(view.marks or ())) if n is not None]


def _shown(one: Lesson) -> set[int]:
    """The numbers of the images that a lesson shows."""
    return {n for step in one.steps for n in _numbers(step.view)}


def _about(names: Sequence[str], data: str) -> list[tuple[str, Lesson]]:
    """The lessons of these checkpoints and data, by name."""
    return [
        (name, one)
        for name, one in lesson.listed()
        if one.checkpoint in names and one.data in (None, data)
    ]


def wanted(names: Sequence[str], data: str) -> list[int]:
    """The numbers of the images that lessons of these checkpoints and data show."""
    found = (n for _, one in _about(names, data) for n in sorted(_shown(one)))
    return list(dict.fromkeys(found))


def within(names: Sequence[str], some: Selection) -> dict[str, Lesson]:
    """The lessons that are about what is here, by name: their checkpoint, data, and all images,
    which are called as they are here."""
    place = {n: row for row, n in enumerate(some.numbers.tolist())}

    def here(view: View) -> View:
        image = None if view.image is None else place[view.image]
        marks = view.marks and (place[view.marks[0]], place[view.marks[1]])
        return msgspec.structs.replace(view, image=image, marks=marks)

    return {
        name: msgspec.structs.replace(
            one,
            steps=tuple(msgspec.structs.replace(step, view=here(step.view)) for step in one.steps),
        )
        for name, one in _about(names, some.images.name)
        if _shown(one) <= place.keys()
    }


def left_out(names: Sequence[str], some: Selection, all_images: int) -> list[str]:
    """Sentences about the lessons of these checkpoints that show other images than some of so
    many, and the option that takes each in."""
    here = within(names, some)
    needed = len([n for n in wanted(names, some.images.name) if n < all_images])
    found = []
    for name, one in lesson.listed():
        if one.checkpoint not in names or name in here:
            continue
        if one.data not in (None, some.images.name):
            why = f"it shows images of {one.data}; --data {one.data} takes it in"
        elif (highest := max(_shown(one))) >= all_images:
            why = f"it shows image {highest}, and there are {all_images:,}"
        else:
            why = f"there is no room for its images; --images {needed} takes it in"
        found.append(f"The lesson “{printable(one.title)}” stays out: {why}.")
    return found
