"""Relaxed workflows mean what they meant: effects, results and how runs end, judged by what knows no adapter."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.airflow.generated.argo_runs import Leaf, ManifestRun, Outcome
from adapters.argo.interpret import CannotRun, computed
from adapters.argo.judge import judge, kinds
from couler_plugins import Text, optimize
from couler_plugins.documents import dump_yaml
from couler_plugins.driver.session import optimize_inputs, read_workflows, session
from couler_plugins.options.config import Config, load_config
from couler_plugins.options.rows import Row
from couler_plugins.plugins import load_plugins
from ordering.written_order import Written, orders
from running.local.running import STARTED, runs
from support import CORPUS, SHARED, examples

pytestmark = pytest.mark.sampled

PLUGINS = load_plugins(load_config(environ={}))
PURE = {"metadata": {"annotations": {"couler.io/cache": "pure"}}}
PARAMETERS = {"parameters": [{"name": "p"}]}
SOURCE = """
echo "KIND {{inputs.parameters.p}}" >> LOG
case "{{inputs.parameters.p}}" in *bad*) exit 3;; esac
echo '["{{inputs.parameters.p}}"]'
"""
CONDITIONS = ('"{{inputs.parameters.p}}" == x', "1 < 2", "a != a || 2 >= 3")
ALL = (Row("the test", {"task": tuple(f"*{letter}*" for letter in ascii_lowercase)}, {"pure": True}),)
"""A row that declares all that has a letter in its name."""


def leaf(name: str, kind: str, **fields: Any) -> dict[str, Any]:
    source = SOURCE.replace("KIND", kind)
    return {"name": name, "inputs": PARAMETERS, "script": {"image": "i", "command": ["sh"], "source": source}, **fields}


@st.composite
def stages_or_tasks(draw: st.DrawFn, root: str, callees: list[str]) -> list[list[dict[str, Any]]]:
    """Stages of steps, or tasks one by one; some read what an earlier one printed."""
    stages: list[list[dict[str, Any]]] = []
    earlier: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 5))):
        stage: list[dict[str, Any]] = []
        for letter in draw(st.sampled_from(("a", "ab"))) if root == "steps" else "a":
            name = f"s{number}{letter}"
            step: dict[str, Any] = {"name": name, "template": draw(st.sampled_from(callees))}
            text = draw(st.sampled_from(("a", "b", "b", "bad", "{{inputs.parameters.p}}")))
            readable = [one["name"] for one in earlier if one["template"] in ("pure", "effect") and len(one) == 3]
            if root == "tasks":
                names = [one["name"] for one in earlier]
                before = draw(st.lists(st.sampled_from(names), max_size=2, unique=True)) if names else []
                outcomes = ("", "", "", ".Succeeded", ".Failed")
                if before:
                    step["depends"] = " && ".join(one + draw(st.sampled_from(outcomes)) for one in before)
                readable = [one for one in before if one in readable and f"{one}." not in step.get("depends", "")]
            if draw(st.booleans()) and readable:
                text = f"{{{{{root}.{draw(st.sampled_from(readable))}.outputs.result}}}}"
            if draw(st.integers(0, 5)) == 0:
                step["when"] = draw(st.sampled_from(CONDITIONS))
            if draw(st.integers(0, 5)) == 0:
                step["withItems"] = ["i", "j"]
                text = f"{text}{{{{item}}}}"
            step["arguments"] = {"parameters": [{"name": "p", "value": f"{name}-{text}"}]}
            stage.append(step)
        earlier += stage
        stages.append(stage)
    return stages


@st.composite
def manifests(draw: st.DrawFn) -> Any:
    templates: list[dict[str, Any]] = [leaf("pure", "pure", **PURE), leaf("effect", "effect")]
    callees = ["pure", "pure", "pure", "effect"]
    for number in range(draw(st.integers(1, 2))):
        root = draw(st.sampled_from(("steps", "tasks")))
        drawn = draw(stages_or_tasks(root, callees))
        body = {"steps": drawn} if root == "steps" else {"dag": {"tasks": [step for stage in drawn for step in stage]}}
        templates.append({"name": f"g{number}", "inputs": PARAMETERS, **body})
        callees.append(f"g{number}")
    arguments = {"parameters": [{"name": "p", "value": "x"}]}
    spec = {"entrypoint": callees[-1], "arguments": arguments, "templates": templates}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}, "spec": spec}


def relaxed(document: Any) -> Any:
    result = optimize(Text(dump_yaml(document), name="w.yaml"), "parallelize", plugins=PLUGINS)
    (file,) = result.files
    assert file.error is None, file.error
    again = optimize(Text(file.text or "", name="w.yaml"), "parallelize", plugins=PLUGINS)
    assert not again.changed
    return yaml.safe_load(file.text or "")


def judged(document: Any) -> tuple[Counter[str], bool]:
    """What is started, and whether it ends well."""

    def outcome(one: Leaf) -> Outcome:
        (said,) = re.findall(r'echo "\w+ (.*)" >>', one.script)
        return Outcome("bad" not in said, lambda name: json.dumps([said], separators=(",", ":")))

    run = ManifestRun(document, outcome)
    return Counter(re.findall(r'echo "(.*)" >>', one.script)[0] for one in run.started), run.well


def effects(started: Counter[str]) -> Counter[str]:
    return Counter({text: count for text, count in started.items() if text.startswith("effect")})


def check_order(old: dict[str, Written], new: dict[str, Written], is_pure: Callable[[str], bool]) -> int:
    """How many pairs are in no order any more: those of pure steps alone, of which none reads the other."""
    gone = 0
    for name, was in old.items():
        now = new[name]
        assert now.behind <= was.behind
        assert was.read <= now.behind
        for pair in was.behind - now.behind:
            assert all(is_pure(was.calls[step]) for step in pair), (name, pair)
            gone += 1
    return gone


def pure_names(document: Any) -> set[str]:
    """The templates that compute and do nothing else."""
    pure, old = {"pure"}, set[str]()
    while pure != old:
        old = set(pure)
        pure |= {name for name, one in orders(document).items() if pure.issuperset(one.calls.values())}
    return pure


@given(document=manifests())
@settings(max_examples=examples(80), suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_effects_and_results_are_those_of_the_original(document: Any) -> None:
    after = relaxed(document)
    check_order(orders(document), orders(after), pure_names(document).__contains__)
    assert kinds(judge([after])) == kinds(judge([document]))
    (old, was_well), (new, is_well) = judged(document), judged(after)
    assert is_well == was_well
    assert effects(new) == effects(old)
    assert new >= old if is_well else True
    if is_well and ".Failed" not in dump_yaml(document):
        assert new == old


@given(document=manifests())
@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_runs_here_give_the_same(document: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    after = relaxed(document)
    logs = []
    for number, one in enumerate((document, after)):
        ran = runs(dump_yaml(one).replace("LOG", STARTED), tmp_path_factory.mktemp(f"run{number}"))
        log = ran.folder / "started"
        logs.append((Counter(log.read_text().splitlines() if log.exists() else []), ran.well))
    (old, was_well), (new, is_well) = logs
    assert (is_well, effects(new)) == (was_well, effects(old))
    assert new == old or not is_well


FOLDERS = [CORPUS / "argo", SHARED / "corpus" / "argo", SHARED / "corpus" / "field"]


@pytest.mark.parametrize("folder", FOLDERS, ids=["own", "argo", "field"])
def test_corpora_compute_the_same(folder: Path) -> None:
    if not folder.is_dir():
        pytest.skip(f"needs {folder.name} in the shared folder")
    changed = ran = 0
    config = Config(rows={"cache": ALL})
    for part in [folder] if folder.name == "argo" else sorted(path for path in folder.iterdir() if path.is_dir()):
        work = session(config, PLUGINS, engine="argo")
        inputs, _ = read_workflows(part, config, work)
        for file in optimize_inputs(inputs, "parallelize", work).files if inputs else ():
            if file.text is None or file.text == file.original or file.error is not None:
                continue
            changed += 1
            old, new = (list(yaml.safe_load_all(text)) for text in (file.original or "", file.text))
            assert kinds(judge(new)) == kinds(judge(old)), file.name
            try:
                before = computed(old)
            except CannotRun:
                continue
            assert computed(new) == before, file.name
            ran += 1
    assert (changed > 0, ran > 0) == (True, True) or folder == FOLDERS[2]
