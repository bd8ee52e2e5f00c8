"""Tekton's own word: `tekton/` is a small Go program around the defaults and the validation of its admission webhook.

A test module makes a fixture of it and marks itself `oracle`, as with `argo_oracle`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oracles.building import build_program, required

__all__ = ["VERSION", "Oracle", "build"]

SOURCE = Path(__file__).parent / "tekton"
MODULE = "github.com/tektoncd/pipeline"
VERSION = required(SOURCE, MODULE)
"""Tekton's version that is asked, such as `v1.15.0`."""


@dataclass(frozen=True)
class Oracle:
    """The program that was built."""

    program: Path

    def judge(self, cases: Iterable[tuple[str, Sequence[Any]]]) -> list[list[str]]:
        """For each case (what `enable-api-fields` is, and documents), what is wrong with each document.

        Empty where it is accepted, and where it is none of Tekton's.
        """
        asked = [{"level": level, "documents": list(documents)} for level, documents in cases]
        text = json.dumps({"cases": asked})
        done = subprocess.run([self.program], input=text, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        verdicts: list[list[str]] = json.loads(done.stdout)["verdicts"]
        return verdicts


def build(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    """The oracle, built once for all workers of a test session; skips the test where it cannot be built."""
    program, _ = build_program(tmp_path_factory, SOURCE, MODULE)
    return Oracle(program)
