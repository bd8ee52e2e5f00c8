"""Argo's own word: `argo/` is a small Go program around the packages of Argo's linter and controller.

A test module makes a fixture of it and marks itself `oracle`:

    pytestmark = pytest.mark.oracle

    @pytest.fixture(scope="session")
    def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
        return build(tmp_path_factory)

The first build on a machine compiles much of Kubernetes: a minute and a half with two cores. What Go keeps of it makes
the next ones take three seconds. The module's version is the newest that the module proxy here serves, not Argo's
newest.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from oracles.argo_calls import Applied, Call, Case, Key, Run, Verdict, data
from oracles.building import build_program, required

__all__ = ["VERSION", "Applied", "Call", "Case", "Key", "Oracle", "Run", "Verdict", "build", "data"]

SOURCE = Path(__file__).parent / "argo"
MODULE = "github.com/argoproj/argo-workflows/v4"


VERSION = required(SOURCE, MODULE)
"""Argo's version that is asked, such as `v4.0.5`."""


@dataclass(frozen=True)
class Oracle:
    """The program that was built, and the folder of Argo's module."""

    program: Path
    module: Path

    def judge(self, calls: Iterable[Call | Sequence[Any]]) -> list[list[Verdict]]:
        """For each call, given as such or as its documents, a verdict on each document."""
        asked = [call if isinstance(call, Call) else Call(call) for call in calls]
        return [[Verdict(**item) for item in answer["documents"]] for answer in self._ask(asked)]

    def keys(self, calls: Iterable[Call]) -> list[list[Key]]:
        """For each call, what becomes of the key in each of its runs."""
        return [[Key(**item) for item in answer["keys"]] for answer in self._ask(list(calls))]

    def applied(self, calls: Iterable[Call]) -> list[list[Applied]]:
        """For each call, what each of its resource templates applies."""
        return [[Applied(**item) for item in answer["parts"]] for answer in self._ask(list(calls))]

    def decisions(self, expressions: Sequence[str], attempts: Sequence[tuple[str, str, str]]) -> list[list[bool]]:
        """For each expression of a retry, what it says of each last attempt: its exit code, status and message.

        Raises:
            AssertionError: an expression cannot be compiled, or makes no boolean of an attempt.
        """
        lasts = [dict(zip(("exit_code", "status", "message"), attempt, strict=True)) for attempt in attempts]
        text = json.dumps({"expressions": list(expressions), "lasts": lasts})
        answers: list[Any] = json.loads(self._run(["decide"], text))
        errors = [(text, one["error"]) for text, one in zip(expressions, answers, strict=True) if one["error"]]
        assert errors == []
        return [one["answers"] for one in answers]

    def cases(self) -> list[Case]:
        """What Argo's own tests validate, and what they expect; what they say less plainly is left out."""
        done = self._run(["cases", str(self.module / "workflow" / "validate")], "")
        return [Case(**{**item, "beside": tuple(item["beside"])}) for item in json.loads(done)]

    def _ask(self, calls: Sequence[Call]) -> list[Any]:
        cases = [
            {
                "documents": list(call.documents),
                "runs": [asdict(run) for run in call.runs],
                "applies": [asdict(run) for run in call.applies],
                "options": {"lint": call.lint, "submit": call.submit},
            }
            for call in calls
        ]
        answers: list[Any] = json.loads(self._run(["judge"], json.dumps({"cases": cases})))
        assert len(answers) == len(calls)
        return answers

    def _run(self, arguments: list[str], text: str) -> str:
        done = subprocess.run(
            [self.program, *arguments], input=text, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout


def build(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    """The oracle, built once for all workers of a test session; skips the test where it cannot be built."""
    return Oracle(*build_program(tmp_path_factory, SOURCE, MODULE))
