"""KFP's own word: `kfp/` is a small Go program around the compiler of KFP's backend, which makes Argo workflows.

The module proxy does not serve KFP's backend, so it is built in a checkout of kubeflow/pipelines, by its own go.mod;
`COULER_KFP` names the checkout, in which nothing is written. Tests that ask the oracle mark themselves `oracle`, and
are skipped where there is none. The first build compiles much of Kubernetes, and takes minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import GO

__all__ = ["Answer", "KfpOracle", "build"]

SOURCE = Path(__file__).parent / "kfp" / "main.go"
PLACE = "backend/src/v2/cmd/couler-oracle"
"""Where Go is told that the program is: beside KFP's own commands."""


@dataclass(frozen=True)
class Answer:
    """What the backend makes of one pipeline.

    Attributes:
        workflow: the Argo Workflow; None where it makes none.
        error: why not.
    """

    workflow: Any
    error: str | None

    @property
    def size(self) -> int:
        """Bytes of the Workflow as JSON, without spaces: what Kubernetes keeps of it at least."""
        return len(json.dumps(self.workflow, separators=(",", ":"), ensure_ascii=False).encode())


@dataclass(frozen=True)
class KfpOracle:
    """The program that was built."""

    program: Path

    def compile(self, pipelines: Sequence[Sequence[Any]]) -> list[Answer]:
        """What the backend makes of pipelines, each of which is its PipelineSpec and maybe its PlatformSpec."""
        asked = [{"spec": spec, "platform": platform[0] if platform else None} for spec, *platform in pipelines]
        done = subprocess.run(
            [self.program], input=json.dumps(asked), capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        answers = [Answer(**item) for item in json.loads(done.stdout)]
        assert len(answers) == len(pipelines)
        return answers

    def fingerprints(self, tasks: Sequence[dict[str, Any]]) -> list[str]:
        """What the backend's driver looks tasks up by: each is its `inputs`, its `image` and its `command`."""
        done = subprocess.run(
            [self.program, "fingerprint"],
            input=json.dumps(tasks),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        found: list[str] = json.loads(done.stdout)
        return found


def build(folder: Path) -> KfpOracle:
    """The oracle, built in a folder; skips the test where it cannot be built."""
    checkout = os.environ.get("COULER_KFP")
    if GO is None or not checkout:
        pytest.skip("KFP's oracle needs a Go toolchain, and a checkout of kubeflow/pipelines: COULER_KFP names it")
    overlay, program = folder / "overlay.json", folder / "kfp-oracle"
    overlay.write_text(json.dumps({"Replace": {str(Path(checkout, PLACE, "main.go").resolve()): str(SOURCE)}}))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        call = [GO or "", *arguments, f"-overlay={overlay}", "-mod=readonly"]
        return subprocess.run(
            [*call, f"./{PLACE}"], cwd=checkout, capture_output=True, text=True, timeout=1500, check=False
        )

    fetched = run("list", "-deps", "-f", "{{if .Error}}{{.Error}}{{end}}")
    if fetched.returncode:
        pytest.skip(f"KFP's oracle needs modules that are not to be had: {fetched.stderr.strip()[-300:]}")
    built = run("build", "-buildvcs=false", "-ldflags=-s -w", "-o", str(program))
    assert not built.returncode, built.stderr[-2000:]
    return KfpOracle(program)
