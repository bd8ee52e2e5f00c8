"""`prioritize` over the corpora and drawn workflows, with drawn times: only orders and classes change, and once."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins import Text, optimize
from couler_plugins.driver.context import RunContext
from couler_plugins.hookspecs import Profile
from couler_plugins.ir import Workflow
from couler_plugins.options.config import Config, load_config
from couler_plugins.plugins import load_plugins
from support import corpus_files

pytestmark = pytest.mark.sampled

PLUGINS = load_plugins(load_config(environ={}))
PIPELINE = "prioritize{classes=low|high}"
FILES = [item for engine in ("argo", "tekton", "kfp") for item in corpus_files(engine)]


@pytest.fixture(autouse=True)
def _times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past runs say of every step how long it takes: 1 to 100 seconds, by its name."""

    def profile(context: RunContext, workflow: Workflow, step: str) -> Profile:
        return Profile(seconds=float(zlib.crc32(step.encode()) % 100 + 1))

    monkeypatch.setattr(RunContext, "profile", profile)


@pytest.mark.parametrize("path", FILES)
def test_a_second_time_changes_nothing(path: Path, tmp_path: Path) -> None:
    if path.suffix != ".yaml":
        pytest.skip("it is a program, and its manifest is in the corpus as well")
    (file,) = optimize(path, PIPELINE, config=Config(), plugins=PLUGINS).files
    assert file.error is None
    assert all(item.reason for item in file.decisions)
    again = tmp_path / path.name
    again.write_text(file.text or "", encoding="utf-8")
    (second,) = optimize(again, PIPELINE, config=Config(), plugins=PLUGINS).files
    assert second.text == file.text


@given(st.data())
def test_only_the_target_of_a_drawn_dag_changes(data: st.DataObject) -> None:
    count = data.draw(st.integers(3, 12))
    tasks: list[dict[str, Any]] = []
    for number in range(count):
        needs = data.draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set()
        task = {"name": f"{data.draw(st.sampled_from('abc'))}{number}", "template": "work"}
        names = [tasks[need]["name"] for need in sorted(needs)]
        tasks.append({**task, "dependencies": names} if names else task)
    spec = {"entrypoint": "main", "parallelism": data.draw(st.integers(1, 4))}
    work = {"name": "work", "container": {"image": "busybox:1"}}
    templates = [{"name": "main", "dag": {"tasks": tasks}}, work]
    head = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "w-"}}
    text = yaml.safe_dump({**head, "spec": {**spec, "templates": templates}}, sort_keys=False)
    (file,) = optimize(Text(text, name="w.yaml"), "prioritize", config=Config(), plugins=PLUGINS).files
    (decision,) = file.decisions
    changed = yaml.safe_load(file.text or "")
    target = changed["spec"]["templates"][0]["dag"].pop("target", None)
    assert changed == yaml.safe_load(text)
    assert (target is not None) is bool(decision.action)
    if target is not None:
        assert sorted(target.split()) == sorted(task["name"] for task in tasks)
        figures: dict[str, Any] = dict(decision.figures)
        assert figures["seconds of a run after"] < figures["seconds of a run before"]
