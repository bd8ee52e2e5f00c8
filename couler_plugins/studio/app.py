"""The studio as a web application: one route for each message, and the files of its page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from couler_plugins.errors import CoulerError, one_line
from couler_plugins.studio.answers import answer, refusal, refusal_of
from couler_plugins.studio.messages import StepRequest, Work
from couler_plugins.studio.run_messages import ConvertRequest, GenerateRequest
from couler_plugins.studio.schema import json_schema
from couler_plugins.studio.security import Guard, TooLarge
from couler_plugins.studio.state_messages import Message
from couler_plugins.studio.studio import TURN, Studio

BUNDLE = Path(__file__).parent / "bundle"
"""The page, as `python3 dev.py studio` builds it; a wheel has it."""
NO_PAGE = (
    "The page of the studio is not built.\n\nIn a clone of couler-plugins, build it with:\n\n"
    "    python3 dev.py studio\n\nThis needs Node.js and npm. "
    "Released packages have the page. The JSON API works without it.\n"
)
log = logging.getLogger(__name__)


def make_app(studio: Studio, token: str, hosts: Iterable[str], routes: Iterable[BaseRoute] = ()) -> ASGIApp:
    """Return the web application of a studio.

    Args:
        studio: what answers.
        token: the secret of this start.
        hosts: the names, with ports, under which it is reached.
        routes: further routes, such as those of runs.
    """
    posts: dict[str, tuple[type[Message], Callable[[Any], Message]]] = {
        "view": (Work, studio.view),
        "step": (StepRequest, studio.step),
        "lint": (Work, studio.lint),
        "optimize": (Work, studio.optimize),
        "diff": (Work, studio.diff),
        "save": (Work, studio.save),
        "convert": (ConvertRequest, studio.convert),
    }
    generate = poster(GenerateRequest, studio.generate, alone=False)  # a model may take minutes
    api: list[BaseRoute] = [
        Route("/state", _getter(studio.state)),
        Route("/schema", _getter(json_schema)),
        Route("/digest", digest_of(studio)),
        *(Route(f"/{name}", poster(*post), methods=["POST"]) for name, post in posts.items()),
        Route("/generate", generate, methods=["POST"]),
        *routes,
    ]
    page: BaseRoute = Route("/{path:path}", _no_page)
    if page_is_built():
        page = Mount("/", StaticFiles(directory=BUNDLE, html=True))
    handlers: dict[Any, Callable[..., Any]] = {TooLarge: _too_large, HTTPException: _no_such_request}
    return Guard(Starlette(routes=[Mount("/api", routes=api), page], exception_handlers=handlers), token, hosts)


def page_is_built() -> bool:
    """Whether there is a page to serve."""
    return (BUNDLE / "index.html").is_file()


def _getter(method: Callable[[], object]) -> Callable[..., Any]:
    async def get(request: Request) -> Response:
        return await respond(method)

    return get


def poster(kind: type[Message], method: Callable[[Any], object], *, alone: bool = True) -> Callable[..., Any]:
    """Return the endpoint that answers one kind of message.

    Args:
        kind: the message.
        method: answers it.
        alone: whether it works while nothing else does.
    """
    decoder = msgspec.json.Decoder(kind)

    async def post(request: Request) -> Response:
        try:
            message = decoder.decode(await request.body())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return refusal(400, f"the request makes no sense: {one_line(error)}", "see /api/schema")
        return await respond(method, message, alone=alone)

    return post


def digest_of(studio: Studio) -> Callable[..., Any]:
    """Return the endpoint that tells the digest of a file."""

    async def get(request: Request) -> Response:
        return await respond(studio.digest, request.query_params.get("path", ""))

    return get


async def respond(method: Callable[..., object], *arguments: Any, alone: bool = True) -> Response:
    """Return what a method returns, as an answer; nothing that it raises ends the studio."""
    call = (_one_at_a_time, method, *arguments) if alone else (method, *arguments)
    try:
        return answer(await run_in_threadpool(*call))
    except CoulerError as error:
        return refusal_of(error)
    except Exception as error:
        log.warning("the studio failed: %s", one_line(error), exc_info=log.isEnabledFor(logging.DEBUG))
        return refusal(500, f"the studio failed: {one_line(error)}", "report it with what -vv prints")


def _one_at_a_time(method: Callable[..., object], *arguments: Any) -> object:
    with TURN:  # plugins need not bear two calls at once
        return method(*arguments)


async def _no_page(request: Request) -> Response:
    return PlainTextResponse(NO_PAGE, 404)


async def _no_such_request(request: Request, error: HTTPException) -> Response:
    return refusal(error.status_code, f"{request.method} {request.url.path}: {error.detail.lower()}", "see /api/schema")


async def _too_large(request: Request, error: Exception) -> Response:
    return refusal(413, "the request is too large", "send less at a time")
