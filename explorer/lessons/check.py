"""A lesson held against the checkpoint that it is about: `python -m explorer lesson FILE`."""

from collections.abc import Iterator
from pathlib import Path

from explorer import paths
from explorer.lessons import lesson
from explorer.lessons.lesson import Lesson, LessonError
from training import checkpoint as checkpoints
from training.checkpoint import SUFFIX
from training.text import printable


def report(path: Path) -> Iterator[str]:
    """Lines about a lesson that is right.

    Raises:
        LessonError: the first thing that is wrong.
    """
    found = lesson.read(path)
    if not lesson.NAME.fullmatch(path.stem) or path.suffix != lesson.SUFFIX:
        raise LessonError(
            f"{printable(path.name)} cannot be named in a link; use small letters, digits and -, "
            f"and end it in {lesson.SUFFIX}."
        )
    _against_checkpoint(path.name, found)
    asked = sum(step.question is not None for step in found.steps)
    waits = sum(step.until is not None for step in found.steps)
    yield f"{path.name}: “{found.title}”, {len(found.steps)} steps on page {found.page}."
    yield f"{asked} ask a question, {waits} wait for something to be done."
    for n, step in enumerate(found.steps, 1):
        if (words := len(step.text.split())) > 60:
            yield f"Step {n} has {words} words: on a projector more than 60 are not read."
    if path.parent.resolve() == lesson.FOLDER.resolve():
        yield f"It opens at ?lesson={path.stem}."
    else:
        yield f"Start the app with VAE_LESSON_DIR={path.parent}; it opens at ?lesson={path.stem}."


def _against_checkpoint(name: str, found: Lesson) -> None:
    folder = paths.checkpoint_dir()
    file = folder / f"{found.checkpoint}{SUFFIX}"
    there = [p.stem for p in checkpoints.checkpoint_files(folder)]
    if found.checkpoint not in there:
        raise LessonError(
            f"{name} is about checkpoint {printable(found.checkpoint)!r}, which is not here; there "
            f"are {', '.join(there) or 'none'}."
        )
    d = checkpoints.load(file).vae.config.latent_dim
    for n, step in enumerate(found.steps, 1):
        if step.view.z is not None and len(step.view.z) != d:
            raise LessonError(
                f"{name}: step {n} puts z at {len(step.view.z)} numbers, and {found.checkpoint} "
                f"has {d} dimensions."
            )
        path = step.view.path or ""
        if path.startswith("z") and int(path[1:]) > d:
            raise LessonError(
                f"{name}: step {n} goes along {path}, and {found.checkpoint} has z1 to z{d}."
            )
