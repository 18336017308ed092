"""Lessons over HTTP: the list of them, and one as JSON. Files may be edited while the app runs."""

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from explorer import paths
from explorer.lessons import lesson
from explorer.server.assets import at_both
from training.text import printable


def _json(value: object) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(msgspec.json.encode(value), media_type="application/json", headers=headers)


def _refused(sentence: str, status: int) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return PlainTextResponse(sentence, status_code=status, headers=headers)


def _list(_request: Request) -> Response:
    return _json([lesson.summary(*row) for row in lesson.listed()])


def _one(request: Request) -> Response:
    name = request.path_params["name"]
    try:
        found = lesson.find(name)
    except lesson.LessonError as error:
        return _refused(paths.without_folders(str(error)), 422)
    if found is None:
        there = ", ".join(name for name, _ in lesson.listed())
        return _refused(f"There is no lesson {printable(name, 40)!r}; there are {there}.", 404)
    return _json(lesson.facts(name, found))


def routes(base: str = "") -> list[BaseRoute]:
    """The routes of lessons."""
    return at_both(base, {"lessons": _list, "lessons/{name}": _one})
