"""A runner of GitHub for the step of `action.yml` that reviews, and an API with the comments of a pull request."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import ROOT

__all__ = ["ACTION", "EXPRESSION", "GitHub", "Runner", "github"]

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")


def worked() -> float:
    """How long processors worked for the processes that this one started, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class GitHub(ThreadingHTTPServer):
    """The comments of a pull request.

    Attributes:
        comments: their texts, by number.
        asked: the methods and paths.
        forbidden: whether the token may not write.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments = {1: "a person's", 2: "another's"}
        self.asked: list[str] = []
        self.forbidden = False


class Handler(BaseHTTPRequestHandler):
    server: GitHub

    def do_GET(self) -> None:
        self._answer([{"id": number, "body": text} for number, text in self.server.comments.items()])

    def do_POST(self) -> None:
        self._write(len(self.server.comments) + 1)

    def do_PATCH(self) -> None:
        self._write(int(self.path.rpartition("/")[2]))

    def _write(self, number: int) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        if not self.server.forbidden:
            self.server.comments[number] = body
        self._answer({"id": number}, 403 if self.server.forbidden else 200)

    def _answer(self, content: Any, status: int = 200) -> None:
        assert self.headers["Authorization"] == "Bearer secret"
        self.server.asked.append(f"{self.command} {self.path.partition('?')[0]}")
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


class Runner:
    """Runs the step with the id `review`; the step before has installed couler into the folder of the runner.

    Attributes:
        outputs: of the step.
        summary: of the job.
        seconds: how long it took, and how much of that processors worked, which other work beside does not change.
    """

    def __init__(self, folder: Path, github: GitHub, base: str, **inputs: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.values = {f"inputs.{name}": str(one["default"]) for name, one in ACTION["inputs"].items()}
        self.values |= {f"inputs.{name}": text for name, text in inputs.items()}
        self.context = {"github.event.pull_request.base.sha": base, "github.token": "secret"}
        (folder / "event.json").write_text(json.dumps({"pull_request": {"number": 7, "base": {"sha": base}}}))
        program = folder / "couler" / "bin" / "couler"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from couler_plugins.cli import main; main()" "$@"\n')
        program.chmod(0o755)
        self.environment = {
            name: os.environ[name]
            for name in ("PATH", "PYTHONPATH", "HOME", "COVERAGE_PROCESS_START")
            if name in os.environ
        } | {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": f"http://127.0.0.1:{github.server_port}",
            "GITHUB_REPOSITORY": "team/flows",
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "RUNNER_TEMP": str(folder),
            "PYTHONSAFEPATH": "1",
        }

    def run(self) -> int:
        """Runs it, and returns its exit code."""
        step = next(item for item in ACTION["runs"]["steps"] if item.get("id") == "review")
        own = {name: self._filled(text) for name, text in step["env"].items()}
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        for name in ("output", "summary"):
            (self.folder / name).write_text("")
        # As GitHub calls bash for `shell: bash`.
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
        began = time.monotonic(), worked()
        done = subprocess.run(command, env=self.environment | own, capture_output=True, text=True, check=False)
        self.seconds = (time.monotonic() - began[0], worked() - began[1])
        self.messages, self.printed = done.stderr, done.stdout
        lines = (self.folder / "output").read_text().splitlines()
        self.outputs = dict(line.split("=", 1) for line in lines)
        self.summary = (self.folder / "summary").read_text()
        return done.returncode

    def _filled(self, text: str) -> str:
        """A text with its expressions, and those of the inputs' defaults, replaced by what they are."""
        names = self.values | self.context
        while match := EXPRESSION.search(text):
            text = text.replace(match[0], names[match[1]])
        return text
