"""Generated graphs mean here what they mean on Argo: judged by what knows nothing of the adapter."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.airflow.generated.argo_runs import Leaf, ManifestRun, Outcome
from couler_plugins.documents import dump_yaml
from running.local.running import STARTED, runs
from support import examples

SOURCE = """
echo "{{inputs.parameters.p}}" >> LOG
case "{{inputs.parameters.p}}" in *bad*) exit 3;; esac
echo '["{{inputs.parameters.p}}"]'
"""
PARAMETERS = {"parameters": [{"name": "p"}]}
CONDITIONS = ('"{{inputs.parameters.p}}" == x', "1 < 2", "a != a || 2 >= 3", "'a' == \"a\"")
OUTCOMES = ("", ".Succeeded", ".Failed", ".Skipped", ".Omitted")


def judged(document: Any) -> tuple[Counter[str], bool]:
    """What is started, and whether it ends well, by the judge."""

    def outcome(leaf: Leaf) -> Outcome:
        (given_,) = re.findall(r'echo "(.*)" >>', leaf.script)
        return Outcome("bad" not in given_, lambda name: json.dumps([given_], separators=(",", ":")))

    found = ManifestRun(document, outcome)
    return Counter(re.findall(r'echo "(.*)" >>', leaf.script)[0] for leaf in found.started), found.well


def ran(document: Any, folder: Path) -> tuple[Counter[str], bool]:
    """The same of a real run here."""
    found = runs(dump_yaml(document).replace("LOG", STARTED), folder)
    log = found.folder / "started"
    return Counter(log.read_text().splitlines() if log.exists() else []), found.well


@st.composite
def steps_of(draw: st.DrawFn, root: str, callees: list[str]) -> list[dict[str, Any]]:
    """Tasks or steps, each of which may read what an earlier one printed."""
    found: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 4))):
        name = f"s{number}"
        plain = [item for item in found if not {"withItems", "withParam", "when"} & item.keys()]
        earlier = [item["name"] for item in plain if item["template"] == "leaf"]
        step: dict[str, Any] = {"name": name, "template": draw(st.sampled_from(callees))}
        text = draw(st.sampled_from(("a", "b", "bad", "{{inputs.parameters.p}}")))
        if draw(st.integers(0, 3)) == 0:
            step["withItems"] = draw(st.lists(st.sampled_from(("i", "j", "bad", 5)), min_size=1, max_size=3))
            text = f"{text}{{{{item}}}}"
        step["arguments"] = {"parameters": [{"name": "p", "value": f"{name}-{text}"}]}
        if draw(st.integers(0, 3)) == 0:
            step["when"] = draw(st.sampled_from(CONDITIONS))
        if root == "steps" and draw(st.integers(0, 4)) == 0:  # of tasks, the judge does not know what it means
            step["continueOn"] = {"failed": True}
        if root == "tasks" and found:
            before = draw(st.lists(st.sampled_from([item["name"] for item in found]), max_size=2, unique=True))
            if before:
                terms = [f"{other}{draw(st.sampled_from(OUTCOMES))}" for other in before]
                step["depends"] = draw(st.sampled_from((" && ", " || "))).join(terms)
            sure = [other for other in earlier if step.get("depends") in (other, f"{other}.Succeeded")]
            if sure and "withItems" not in step and draw(st.booleans()):
                step["withParam"] = f"{{{{tasks.{sure[0]}.outputs.result}}}}"
                step["arguments"]["parameters"][0]["value"] = f"{name}-{{{{item}}}}"
        found.append(step)
    return found


@st.composite
def manifests(draw: st.DrawFn) -> Any:
    templates: list[dict[str, Any]] = [
        {"name": "leaf", "inputs": PARAMETERS, "script": {"image": "i", "command": ["sh"], "source": SOURCE}}
    ]
    callees = ["leaf", "leaf"]
    for number in range(draw(st.integers(1, 2))):
        name = f"g{number}"
        if draw(st.booleans()):
            body: dict[str, Any] = {"dag": {"tasks": draw(steps_of("tasks", callees))}}
        else:
            every = draw(steps_of("steps", callees))
            cut = draw(st.integers(0, len(every)))
            body = {"steps": [group for group in (every[:cut], every[cut:]) if group]}
        templates.append({"name": name, "inputs": PARAMETERS, **body})
        callees.append(name)
    spec: dict[str, Any] = {
        "entrypoint": callees[-1],
        "arguments": {"parameters": [{"name": "p", "value": draw(st.sampled_from(("x", "y", "bad")))}]},
        "templates": templates,
    }
    if draw(st.integers(0, 3)) == 0:
        spec["onExit"] = "leaf"
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}, "spec": spec}


@given(document=manifests())
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_generated_workflows(document: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("run")
    assert ran(document, folder) == judged(document)
