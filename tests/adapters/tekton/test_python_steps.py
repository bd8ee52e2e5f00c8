"""Functions of Python compute on Tekton what they compute elsewhere.

What is written for Tekton is read back, written for Argo, and run there: there is no Tekton here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.argo_runs import ArgoRun
from adapters.subjects import TEKTON
from couler_plugins import Text, convert
from couler_plugins.errors import Unsupported
from engine_kit.legalize.python_argo import values_in
from engine_kit.legalize.python_steps import plan_of
from engine_kit.legalize.python_workflows import COMPUTED, LITERAL_LOOPS, LOOPS, by_name


def written(workflow: Any) -> str:
    lowered = TEKTON.adapter.lower(plan_of(workflow, TEKTON.adapter), TEKTON.adapter.options())
    return TEKTON.adapter.dump(lowered).added


CASES = {**COMPUTED, "items": LITERAL_LOOPS["items"]}
"""A loop over rows becomes a matrix with includes, and those are not read for Argo."""


@pytest.mark.parametrize("name", by_name(CASES))
def test_values(name: str, tmp_path: Path) -> None:
    computed = CASES[name]
    (file,) = convert(Text(written(computed.workflow), "steps.yaml"), "argo").files
    assert file.error is None
    (document,) = file.documents
    run = ArgoRun(document, tmp_path)
    problems = [path.read_text() for path in tmp_path.rglob("stderr")]
    assert (run.state, problems) == ("Succeeded", [])
    assert values_in(run, computed) == computed.given


@pytest.mark.parametrize("name", list(LOOPS))
def test_loops_over_what_the_run_gives_are_refused(name: str) -> None:
    with pytest.raises(Unsupported) as caught:
        written(LOOPS[name].workflow)
    assert (caught.value.step, caught.value.feature, bool(caught.value.hint)) == ("squares", "Step.loop", True)
