"""The comment of couler on a pull request of GitHub: written once, then replaced."""

from __future__ import annotations

import json
import os
from pathlib import Path

from couler_plugins.cli.messages import log_retries
from couler_plugins.cli.review_text import MARK
from couler_plugins.errors import InvalidInput, restating
from couler_plugins.net.json_api import JsonApi, Server, bearer, object_of, refusals

LARGEST = 65_000
"""Characters of a comment; GitHub takes 65,536."""
PAGE = 100
"""Comments of one answer."""
DOUBT = "call it in a job of GitHub Actions that a pull request has started"
SERVER = Server(
    engine="github",
    name="GitHub's API",
    example="https://api.github.com",
    suffix="",
    credentials="the token belongs into GITHUB_TOKEN",
    doubt=DOUBT,
    refusal=refusals(
        "github",
        "GitHub's API",
        rights="give the job the permission `pull-requests: write`; jobs for forks do not get it",
        missing="is the pull request in this repository?",
        broken="call it again later",
        doubt=DOUBT,
    ),
)


def post_comment(text: str, max_bytes: int) -> None:
    """Write a comment that begins with our mark, in place of the one that is there.

    Reads the variables of GitHub Actions: GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_EVENT_PATH and GITHUB_TOKEN.
    Source: GitHub's REST API, Issue comments.

    Raises:
        InvalidInput: no pull request has started the job, or the token is not allowed to write.
        EngineError: GitHub does not answer.
    """
    with restating((KeyError, OSError, ValueError, TypeError), "there is no pull request to comment on", hint=DOUBT):
        event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))
        issues = f"/repos/{os.environ['GITHUB_REPOSITORY']}/issues"
        comments = f"{issues}/{int(event['pull_request']['number'])}/comments"
    headers = bearer("GITHUB_TOKEN", "github")
    if not headers:
        raise InvalidInput("there is no GITHUB_TOKEN", engine="github", hint="give it to the step in `env`")
    log_retries()
    api = JsonApi(SERVER, os.environ.get("GITHUB_API_URL", SERVER.example), max_bytes, headers)
    body = {"body": _fitting(text)}
    page, count = 1, PAGE
    while count == PAGE:
        answer = api.ask("GET", f"{comments}?per_page={PAGE}&page={page}", "list comments", headers)
        for comment in answer:
            if str(object_of(comment, SERVER).get("body", "")).startswith(MARK):
                api.ask("PATCH", f"{issues}/comments/{comment['id']}", "change a comment", headers, body)
                return
        page, count = page + 1, len(answer)
    api.ask("POST", comments, "write a comment", headers, body)


def _fitting(text: str) -> str:
    """Return a review that GitHub takes: where it is too long, whole lines of it, without the last section."""
    if len(text) <= LARGEST:
        return text
    lines = text.partition("\n<details>")[0][:LARGEST].rpartition("\n")[0]
    return f"{lines}\n\nThis is not all: the rest is in the summary of the job.\n"
