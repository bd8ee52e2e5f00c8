"""Places of Tekton tasks: what the first and the last step look at, and runs of a task that writes at one."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.tekton.caching.pod import Ended, Pod, in_processes
from adapters.tekton.caching.tasks import cached, spec_of

WRAPPER = "cache{via=wrapper,store=s3://bucket/cache,image=couler@sha256:" + 64 * "0" + "}"
TASK = """
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: clean
  annotations: {ANNOTATIONS}
spec:
  params: [{name: from}, {name: to}]
  steps:
    - {name: clean, image: i, env: [{name: MODE, value: $(params.to)}], command: [sh, -c], args: [SCRIPT]}
"""
PLACES = "couler.io/cache-place.from: in, couler.io/cache-place.to: out"


DATA = "  workspaces: [{name: w, mountPath: /d}]\n  steps:"
ACTION = """
apiVersion: tekton.dev/v1beta1
kind: StepAction
metadata: {{name: act}}
spec: {{params: [{{name: to}}], image: i, command: [act, $(params.to)], {}}}
---
"""
REFERRING = re.sub(
    r"- \{name: clean.*", "- {name: clean, ref: {name: act}, params: [{name: to, value: $(params.to)}]}", TASK
).replace("ANNOTATIONS", f"couler.io/cache: pure, {PLACES}")


def task(annotations: str = PLACES, script: str = "echo") -> str:
    return TASK.replace("ANNOTATIONS", f"couler.io/cache: pure, {annotations}").replace("SCRIPT", script)


def rules(text: str) -> list[str]:
    return [item.rule for decision in cached(text, WRAPPER).decisions for item in decision.objections]


def test_both_steps_look_at_the_places_with_the_variables_of_the_step() -> None:
    (_, spec) = spec_of(task(), WRAPPER)
    first, _, last = spec["steps"]
    for step in (first, last):
        assert {"--place=from=in=$(params.from)", "--place=to=out=$(params.to)"} <= {*step["args"]}
        assert {"name": "COULER_PLACE_MODE", "value": "$(params.to)"} in step["env"]
    assert "--unwritten=$(step.results.unwritten.path)" in first["args"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (task("couler.io/cache-place.nowhere: out"), "place"),
        (task("couler.io/cache-place.to: inn"), "place"),
        (task().replace("{name: to}", "{name: to, type: array}").replace("$(params.to)", "x"), "place"),
        (task().replace("value: $(params.to)", "value: $(MODE)"), "place"),
        (task("couler.io/cache-place.from: in"), "no-outputs"),
        (task().replace("image: i,", "image: i, volumeMounts: [{name: v, mountPath: /workspace/data}],"), "place"),
        (task().replace("image: i,", "image: i, volumeMounts: [{name: v, mountPath: $(params.to)}],"), "place"),
        (
            task()
            .replace("  steps:", DATA)
            .replace("image: i,", "image: i, volumeMounts: [{name: v, mountPath: /d/e}],"),
            "place",
        ),
        (ACTION.format("env: [{name: AWS_ENDPOINT_URL, value: x}]") + REFERRING, "place"),
    ],
)
def test_places_that_nobody_can_look_at(text: str, rule: str) -> None:
    assert rule in rules(text)


@pytest.mark.parametrize(
    "text",
    [
        ACTION.format("workingDir: /") + REFERRING,
        task().replace("image: i,", "image: i, volumeMounts: [{name: v, mountPath: /data}],"),
        task().replace("  steps:", "  stepTemplate: {volumeMounts: [{name: v, mountPath: /workspace/d}]}\n  steps:"),
    ],
)
def test_what_our_steps_see_as_well_is_looked_at(text: str) -> None:
    assert "place" not in rules(text)


def test_one_variable_with_two_values_is_refused() -> None:
    data: dict[str, Any] = yaml.safe_load(task())
    data["spec"]["steps"].append({"name": "b", "image": "i", "env": [{"name": "MODE", "value": "other"}]})
    assert "place" in rules(yaml.safe_dump(data))


READER = """
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: read, annotations: {couler.io/cache: pure, couler.io/max-output-bytes: "9"}}
spec:
  params: [{name: at}]
  results: [{name: size}]
  steps: [{name: s, image: i, command: [sh, -c, "cat $(params.at) > $(results.size.path)"]}]
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: both}
spec:
  tasks:
    - {name: write, taskRef: {name: clean}, params: [{name: from, value: s3://b/a}, {name: to, value: s3://b/b}]}
    - {name: read, taskRef: {name: read}, params: [{name: at, value: $(tasks.write.results.at)}]}
"""


def test_the_url_of_a_place_does_not_stand_for_what_was_written_there() -> None:
    """Whoever reads there gets other bytes once the program that writes is another one."""
    at, bound = "params: [{name: from}, {name: to}]\n  results: [{name: at}]", "couler.io/max-output-bytes: '9'"
    written, edited = (
        task(f"couler.io/cache-place.to: out, {bound}", script).replace("params: [{name: from}, {name: to}]", at)
        + READER
        for script in ("write", "overwrite")
    )
    lineages = {
        line.strip()
        for text in (written, edited)
        for line in str(cached(text, WRAPPER).text).splitlines()
        if "lineage=" in line
    }
    assert len(lineages) == 2
    assert rules(written.replace("cache-place.to: out", "cache-place.to: 'in,out'")) == ["unknown-producer"]


class Runs:
    """Runs of one task, one after the other, with places in a folder that stands for a volume."""

    def __init__(self, folder: Path, script: str) -> None:
        self.folder, self.count = folder, 0
        (folder / "from").write_text("1")
        text = task(script="SCRIPT")
        (_, self.spec) = spec_of(text, WRAPPER)
        self.spec["steps"][1]["args"] = [script]

    def run(self) -> Ended:
        self.count += 1
        spec = yaml.safe_load(yaml.safe_dump(self.spec).replace("s3://bucket/cache", str(self.folder / "store")))
        params = {"from": f"{self.folder}/from", "to": f"{self.folder}/to"}
        (pod := self.folder / f"pod-{self.count}").mkdir()
        return Pod(pod, spec, params, {}, in_processes).run()


@pytest.mark.skipif(not any(map(os.path.ismount, ("/tmp", "/dev/shm"))), reason="no volume is mounted here")
def test_runs_of_a_task() -> None:
    import shutil
    import tempfile

    volume = next(path for path in ("/dev/shm", "/tmp") if os.path.ismount(path))
    folder = Path(tempfile.mkdtemp(dir=volume))
    try:
        script = f"rm -rf {folder}/to; mkdir {folder}/to; cat {folder}/from {folder}/from > {folder}/to/twice"
        runs = Runs(folder, script)
        assert "clean" in runs.run().ran
        assert "clean" not in runs.run().ran
        (folder / "to/more").touch()
        ended = runs.run()
        assert "clean" in ended.ran
        assert "what is at its places is not what its run has left there" in ended.said
        assert "clean" not in runs.run().ran
        (folder / "from").write_text("2")
        assert "clean" in runs.run().ran
        assert (folder / "to/twice").read_text() == "22"
        shutil.rmtree(folder / "to")
        assert "clean" in runs.run().ran
    finally:
        shutil.rmtree(folder)
