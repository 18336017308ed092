"""Routes by which a browser follows training runs: reading only, and open to every visitor.

stage/runs                            the runs and what they are doing
stage/run/NAME?place=N                a run's news since place N of its log
stage/run/NAME/probe?v=V              what all its snapshots share
stage/run/NAME/snapshot/STEP?v=V      a snapshot; V changes with the file
"""

import gzip
from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from explorer import runs
from explorer.assets import FOREVER, PREFIX
from explorer.places import run_dir
from training.runlog import Run, RunError
from training.snapshots import SnapshotError


def _refused(error: Exception) -> Response:
    return PlainTextResponse(f"{error}\n", status_code=404, headers={"Cache-Control": "no-store"})


def _json(value: object) -> Response:
    return Response(
        msgspec.json.encode(value),
        media_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def _list(request: Request) -> Response:
    return _json(runs.listing(run_dir()))


def _run(request: Request) -> Run:
    return runs.find(run_dir(), request.path_params["name"])


def _news(request: Request) -> Response:
    asked = request.query_params.get("place", "0")
    place = int(asked) if asked.isdecimal() and len(asked) < 16 else 0
    try:
        return _json(runs.news(_run(request), place, request.query_params.get("id", "")))
    except RunError as error:
        return _refused(error)


def _blob(build: Callable[[Request], bytes]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        try:
            blob = build(request)
        except (RunError, SnapshotError, ValueError) as error:
            return _refused(error)
        return Response(
            gzip.compress(blob, 4, mtime=0),
            media_type="application/octet-stream",
            headers={
                "Content-Encoding": "gzip",
                "Cache-Control": FOREVER,
                "X-Content-Type-Options": "nosniff",
            },
        )

    return answer


def _probe(request: Request) -> bytes:
    return runs.probe_blob(_run(request))


def _snapshot(request: Request) -> bytes:
    return runs.snapshot_blob(_run(request), request.path_params["step"])


def routes(base: str = "") -> list[BaseRoute]:
    """The routes, under the app's base path and at the root, as those of `assets`."""
    found: list[BaseRoute] = []
    for root in dict.fromkeys(("", base.strip("/"))):
        at = f"/{root}/{PREFIX}" if root else f"/{PREFIX}"
        found += [
            Route(f"{at}/runs", _list),
            Route(f"{at}/run/{{name}}", _news),
            Route(f"{at}/run/{{name}}/probe", _blob(_probe)),
            Route(f"{at}/run/{{name}}/snapshot/{{step:int}}", _blob(_snapshot)),
        ]
    return found
