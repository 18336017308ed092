"""Routes by which a browser follows training runs: reading only, and open to every visitor.

    stage/runs                            the runs and what they are doing
    stage/run/NAME?place=N&id=I           its news since place N; all of it where I is not its id
    stage/run/NAME/probe?v=V              what all its snapshots share
    stage/run/NAME/snapshot/STEP?v=V      a snapshot; V changes with the file

The server's door imports this before it opens, so what needs torch is imported when it is asked.
"""

import gzip
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from explorer.paths import run_dir, without_folders
from explorer.server.access import is_local
from explorer.server.assets import FOREVER, at_both

if TYPE_CHECKING:
    from training.runs.run import Run


def _for(request: Request, sentence: str) -> str:
    """A sentence for whoever asks: the folders of this machine are for its own visitors."""
    peer = request.client.host if request.client else None
    return sentence if is_local(peer, request.headers) else without_folders(sentence)


def _refused(request: Request, error: Exception) -> Response:
    sentence = _for(request, str(error))
    return PlainTextResponse(
        f"{sentence}\n", status_code=404, headers={"Cache-Control": "no-store"}
    )


def _json(value: object) -> Response:
    return Response(
        msgspec.json.encode(value),
        media_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def _run(request: Request) -> "Run":
    from explorer.runs import watch

    return watch.find(run_dir(), request.path_params["name"])


def _list(request: Request) -> Response:
    from explorer.runs import watch

    return _json(watch.listing(run_dir()))


def _news(request: Request) -> Response:
    from explorer.runs import watch
    from training.runs.run import RunError

    asked = request.query_params.get("place", "0")
    place = int(asked) if asked.isdecimal() and len(asked) < 16 else 0
    try:
        news = watch.news(_run(request), place, request.query_params.get("id", ""))
    except RunError as error:
        return _refused(request, error)
    return _json({**news, "message": _for(request, news["message"])})


def _probe(request: Request) -> bytes:
    from explorer.runs import watch

    return watch.probe_blob(_run(request))


def _snapshot(request: Request) -> bytes:
    from explorer.runs import watch

    return watch.snapshot_blob(_run(request), request.path_params["step"])


def _blob(build: Callable[[Request], bytes]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        from training.runs.run import RunError
        from training.runs.snapshots import SnapshotError

        try:
            blob = build(request)
        except (RunError, SnapshotError, ValueError) as error:
            return _refused(request, error)
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


def routes(base: str = "") -> list[BaseRoute]:
    """The routes of what runs leave."""
    return at_both(
        base,
        {
            "runs": _list,
            "run/{name}": _news,
            "run/{name}/probe": _blob(_probe),
            "run/{name}/snapshot/{step:int}": _blob(_snapshot),
        },
    )
