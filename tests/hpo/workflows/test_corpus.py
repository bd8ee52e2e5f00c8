"""Every step of real workflows that can be tuned: what becomes of it is whole, no worse by the lint, and left alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.subjects import ARGO, TEKTON, Subject, lift_file, lift_source, lower_and_write
from couler_plugins.documents import SourceFile, read
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.ir import Libraries, Literal, Operation, call_sites, verify
from couler_plugins.options.config import Config
from couler_plugins.plan import Plan
from couler_plugins.plugins import Plugins, load_plugins
from hpo.workflows.tuned import Told, tune
from support import at_least

AT_LEAST = {"argo": (at_least(5, 55), at_least(5, 60)), "tekton": (at_least(0, 5), at_least(1, 11))}
"""Steps of the corpus in which settings can be tried, and into which values can be written."""
OTHER = "another"


@cache
def plugins() -> Plugins:
    return load_plugins(Config())


def errors(subject: Subject, files: SourceFile) -> Counter[str]:
    adapter = subject.adapter
    return Counter(remark.code for remark in adapter.lint(adapter.load([files])) if remark.severity == "error")


def tasks(plan: Plan) -> Iterator[tuple[str, dict[str, Any]]]:
    """For steps that are given constants, one other value of each; what is to be measured is whatever they give."""
    libraries = Libraries(plan.workflows)
    sites = [(workflow, site) for workflow in plan.workflows for site in call_sites(workflow)]
    for workflow, site in sites:
        values = {
            item.name: item.value.value
            for item in site.step.arguments
            if item.kind == "parameter" and isinstance(item.value, Literal) and isinstance(item.value.value, str)
        }
        callee = libraries.callee(workflow, site.step)
        if site.graph is not None and isinstance(callee, Operation) and values:
            outputs = [output.name for output in callee.outputs if output.kind == "parameter"]
            data = {"name": "x", "metric": outputs[0] if outputs else "x", "direction": "minimize"}
            space = {name: {"type": "categorical", "choices": [value, OTHER]} for name, value in values.items()}
            yield f"{site.graph.name}/{site.step.name}", {"data": data, "space": space}


def tried_again(subject: Subject, path: Path, plan: Plan, told: Told | None, **options: Any) -> bool:
    """Whether a step can be tuned; if so, what becomes of it is judged."""
    where = f"{path.name} {options['steps'][0]}"
    try:
        new = tune(plan, subject.adapter, plugins(), told, **options)
        lowered, written = lower_and_write(subject, new)
    except (InvalidInput, Unsupported):
        return False
    assert not lowered.refused, where
    assert new.workflows != plan.workflows, where
    assert not any(map(verify, new.workflows)), where
    assert all(edit.decision is not None for edit in lowered.edits), where
    text = read(written.texts[0], path.name)
    assert errors(subject, text) <= errors(subject, plan.bundle.files[0]), where
    again = lift_source(subject, text)
    assert tune(again, subject.adapter, plugins(), told, **options).workflows == again.workflows, where
    return True


@pytest.mark.slow
@pytest.mark.parametrize("subject", [ARGO, TEKTON], ids=lambda subject: subject.engine)
def test_what_becomes_of_real_workflows(subject: Subject, tmp_path: Path) -> None:
    tried = written = 0
    for path in subject.files():
        plan = lift_file(subject, path)
        if any(map(verify, plan.workflows)):
            continue
        for number, (place, said) in enumerate(tasks(plan)):
            task = tmp_path / f"{number}.json"
            task.write_text(json.dumps(said))
            asked = {"steps": (place,), "task": str(task)}
            told = Told(dict.fromkeys(said["space"], OTHER))
            tried += tried_again(subject, path, plan, None, trials=2, **asked)
            written += tried_again(subject, path, plan, told, tuner="told", **asked)
    assert tried >= AT_LEAST[subject.engine][0]
    assert written >= AT_LEAST[subject.engine][1]
