"""The example on the page of the steps is a workflow of every engine."""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any

from conversions import ENGINES, Outcome, problem_of
from support import ROOT


def test_the_example_is_a_workflow_of_every_engine() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "steps.md").read_text(), re.MULTILINE | re.DOTALL)
    found: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "steps.md", "exec"), found)
    assert "{{tasks.xgboost-train.outputs.parameters.model}}" in printed.getvalue()
    for engine in ENGINES:
        assert problem_of(Outcome("churn", found["workflow"].to(engine), None), engine) == ""
