"""The judge of caching sees what is broken by hand, and finds nothing in the project's own workflows."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from adapters.kfp.caching import small
from benchmarks.mutations import __main__ as mutations
from benchmarks.mutations.changes import NEUTRAL, Case
from benchmarks.mutations.declaring import EVERYTHING, some
from benchmarks.mutations.places import TAMPERED
from benchmarks.mutations.trials import PIPELINES, Judged, Optimizer, judge
from support import at_least, corpus_paths

pytestmark = pytest.mark.sampled

ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: small-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: day, value: "1"}, {name: rate, value: "2"}, {name: seed, value: "3"}]}
  templates:
    - name: main
      dag:
        tasks:
          - name: load
            template: load
            arguments: {parameters: [{name: day, value: "{{workflow.parameters.day}}"}]}
          - name: tell
            template: tell
            arguments: {parameters: [{name: day, value: "{{workflow.parameters.day}}"}]}
          - name: train
            template: train
            arguments:
              parameters: [{name: rate, value: "{{workflow.parameters.rate}}"}]
              artifacts: [{name: data, from: "{{tasks.load.outputs.artifacts.data}}"}]
            depends: load
          - {name: last, template: last, depends: train && tell}
    - name: load
      inputs: {parameters: [{name: day}]}
      outputs: {artifacts: [{name: data, path: /data}]}
      container: {image: "tool:1", command: [load, "{{inputs.parameters.day}}"]}
    - name: tell
      inputs: {parameters: [{name: day}]}
      outputs: {artifacts: [{name: data, path: /data}]}
      container: {image: "tool:1", command: [tell, "{{inputs.parameters.day}}"]}
    - name: train
      inputs: {parameters: [{name: rate}], artifacts: [{name: data, path: /data}]}
      outputs: {parameters: [{name: loss, valueFrom: {path: /loss}}]}
      container: {image: "tool:1", command: [train, "{{workflow.parameters.seed}}"]}
    - name: last
      outputs: {parameters: [{name: loss, valueFrom: {path: /loss}}]}
      container: {image: "tool:1", command: [last]}
"""
TEKTON = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: small}
spec:
  params: [{name: day, default: "1"}, {name: words, type: array, default: [a, b]}]
  workspaces: [{name: data}]
  tasks:
    - name: load
      params: [{name: day, value: $(params.day)}, {name: words, value: ["$(params.words[*])"]}]
      workspaces: [{name: src, workspace: data}]
      taskSpec:
        metadata: {annotations: {couler.io/cache-inputs: src/raw}}
        params: [{name: day}, {name: words, type: array}]
        workspaces: [{name: src}]
        results: [{name: size}]
        steps:
          - {name: load, image: "tool:1", command: [load, $(workspaces.src.path)/raw], args: ["$(params.words[*])"]}
    - name: last
      params: [{name: rate, value: "2"}]
      taskSpec:
        params: [{name: rate}]
        results: [{name: loss}]
        steps: [{name: last, image: "tool:1", command: [last, $(params.rate)]}]
    - name: tell
      taskSpec:
        params: [{name: day, default: "0"}]
        results: [{name: told}]
        steps:
          - {name: tell, image: "tool:1", command: [tell, $(tasks.load.results.size)]}
          - {name: act, ref: {name: act}, params: [{name: what, value: $(params.day)}]}
---
apiVersion: tekton.dev/v1beta1
kind: StepAction
metadata: {name: act}
spec:
  params: [{name: what}, {name: how, default: well}]
  image: "tool:1"
  command: [act, $(params.what), $(params.how)]
"""


PLACES = {
    "argo": """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: places-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: raw, value: "s3://raw/a"}, {name: clean, value: "s3://clean/a"}]}
  templates:
    - name: main
      dag:
        tasks:
          - name: clean
            template: clean
            arguments:
              parameters:
                - {name: from, value: "{{workflow.parameters.raw}}"}
                - {name: to, value: "{{workflow.parameters.clean}}"}
          - name: count
            template: count
            depends: clean
            arguments: {parameters: [{name: from, value: "{{tasks.clean.outputs.parameters.to}}"}]}
    - name: clean
      inputs: {parameters: [{name: from}, {name: to}]}
      outputs: {parameters: [{name: to, value: "{{inputs.parameters.to}}"}]}
      container: {image: "tool:1", command: [clean, "{{inputs.parameters.from}}", "{{inputs.parameters.to}}"]}
    - name: count
      inputs: {parameters: [{name: from}]}
      outputs: {parameters: [{name: rows, valueFrom: {path: /rows}}]}
      container: {image: "tool:1", command: [count, "{{inputs.parameters.from}}"]}
""",
    "tekton": """\
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {generateName: places-}
spec:
  params: [{name: raw, value: "s3://raw/a"}, {name: clean, value: "s3://clean/a"}]
  pipelineSpec:
    params: [{name: raw}, {name: clean}]
    tasks:
      - name: clean
        params: [{name: from, value: $(params.raw)}, {name: to, value: $(params.clean)}]
        taskSpec:
          params: [{name: from}, {name: to}]
          steps: [{name: clean, image: "tool:1", command: [clean, $(params.from), $(params.to)]}]
      - name: count
        runAfter: [clean]
        params: [{name: from, value: $(params.clean)}]
        taskSpec:
          params: [{name: from}]
          results: [{name: rows}]
          steps: [{name: count, image: "tool:1", command: [count, $(params.from)]}]
""",
}
"""A step that reads at one place and writes at another, and one that reads there."""
ROWS = (
    {"task": "clean", "pure": True, "places": {"from": "in", "to": "out"}},
    {"task": "count", "pure": True, "places": {"from": "in"}, "max-output-bytes": 64},
)


def judged_places(engine: str, broken: Callable[[str], str] = str) -> Iterator[tuple[str, Judged]]:
    """Yield what is seen of all changes of two steps with places."""

    def make(one: Case, engine: str, pipeline: str) -> tuple[Any, ...] | None:
        documents = optimizer()(one, engine, pipeline)
        return documents and tuple(json.loads(broken(json.dumps(documents))))

    wrapper = [pipeline for pipeline in PIPELINES[engine] if "via=wrapper" in pipeline]
    case = Case(list(yaml.safe_load_all(PLACES[engine])), ROWS)
    yield from judge("places", engine, case, make, Random(0), 1_000, wrapper)


@pytest.mark.parametrize("engine", PLACES)
def test_what_somebody_does_at_a_place_is_a_miss(engine: str) -> None:
    seen = list(judged_places(engine))
    assert not [text for _, one in seen for text in one.stale]
    assert next(one for kind, one in seen if kind == "unchanged").counts["steps"] == 2
    for how in TAMPERED:
        counts = next(one.counts for kind, one in seen if kind == how)
        assert counts["must_miss"] == counts["missed_of_must_miss"] == 1, how
    again = next(one.counts for kind, one in seen if kind == "another run")
    assert again["neutral"] == 1
    assert not again["needless_misses"]


@pytest.mark.parametrize("engine", PLACES)
@pytest.mark.parametrize("words", ["in", "out"])
def test_a_place_that_nobody_looks_at_is_seen(engine: str, words: str) -> None:
    broken = without(rf'"--place=[^"=]*={words}=[^"]*", ')
    assert any(one.stale for _, one in judged_places(engine, broken))


@cache
def optimizer() -> Optimizer:
    return Optimizer()


def kfp_case() -> Case:
    """Return two tasks one after another, and one that reads a secret."""
    data = small.pipeline()
    tasks = data["spec"]["root"]["dag"]["tasks"]
    for kind, label in (("components", "comp-secret"), ("deploymentSpec/executors", "exec-secret")):
        like = label.replace("secret", "make")
        small.change(data, f"spec/{kind}/{label}", small_part(data["spec"], kind)[like])
    small.change(data, "spec/components/comp-secret/executorLabel", "exec-secret")
    small.change(data, "spec/root/dag/tasks/secret", {**tasks["make"], "componentRef": {"name": "comp-secret"}})
    for executor in data["spec"]["deploymentSpec"]["executors"].values():
        executor["container"]["command"] = ["sh", "-c", "tool"]
    secret = [{"secretName": "s", "keyToEnv": [{"secretKey": "k", "envVar": "K"}]}]
    small.change(data, "platform/platforms/kubernetes/deploymentSpec/executors/exec-secret/secretAsEnv", secret)
    words = [word for word in EVERYTHING["allow"] if word != "secret"]
    return Case([data["spec"], data["platform"]], ({**EVERYTHING, "allow": words},))


def small_part(spec: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return a part of a pipeline by its path."""
    for key in kind.split("/"):
        spec = spec[key]
    return spec


def case(engine: str) -> Case:
    if engine == "kfp":
        return kfp_case()
    return Case(list(yaml.safe_load_all({"argo": ARGO, "tekton": TEKTON}[engine])), (EVERYTHING,))


def judged(engine: str, broken: Callable[[str], str] = str, pipeline: int = 0) -> Iterator[Judged]:
    """Yield what is seen of all changes of a small workflow; `broken` changes what comes out of the optimizer."""

    def make(one: Case, engine: str, pipeline: str) -> tuple[Any, ...] | None:
        documents = optimizer()(one, engine, pipeline)
        return documents and tuple(json.loads(broken(json.dumps(documents))))

    for _, one in judge("small", engine, case(engine), make, Random(0), 1_000, [PIPELINES[engine][pipeline]]):
        yield one


@pytest.mark.parametrize("engine", ["argo", "kfp", "tekton"])
def test_a_small_workflow_has_no_stale_results(engine: str) -> None:
    counts = Counter[str]()
    for one in judged(engine):
        assert not one.stale
        counts.update(one.counts)
    assert counts["steps"] >= 2
    assert counts["must_miss"] == counts["missed_of_must_miss"] > 10
    assert counts["neutral"] > 5
    assert counts["needless_misses"] == 0


def without(pattern: str, by: str = "") -> Callable[[str], str]:
    return lambda text: re.sub(pattern, by, text)


def swapped(pattern: str) -> Callable[[str], str]:
    """Return what swaps the first two of all different texts of a kind."""

    def swap(text: str) -> str:
        one, two, *_ = dict.fromkeys(re.findall(pattern, text))
        return re.sub(pattern, lambda match: {one: two, two: one}.get(match[0], match[0]), text)

    return swap


def turned_on(text: str) -> str:
    """Return a pipeline whose task with a secret is cached like the others."""
    documents = json.loads(text)
    tasks = documents[0]["root"]["dag"]["tasks"]
    assert not tasks["secret"]["cachingOptions"]
    tasks["secret"]["cachingOptions"] = {"enableCache": True}
    tasks["secret"]["inputs"]["parameters"]["couler-salt"] = {"runtimeValue": {"constant": "same"}}
    return json.dumps(documents)


def of_wrappers_alone(by: str, text: str) -> str:
    """Return a pipeline whose results only wrappers keep, with all hashes that their keys cover replaced."""
    text = re.sub(r'(?<="constant": ")[0-9a-f]{64}|(?<=--spec=v1:)[0-9a-f]{64}', by, text)
    return text.replace('"enableCache": true', '"enableCache": false')


HASH = "(?<=v1', ')[0-9a-f]{64}"
BROKEN: dict[str, tuple[str, Callable[[str], str]]] = {
    "a parameter left out": ("argo", without(r", inputs\.parameters\['rate'\]")),
    "a workflow's parameter left out": ("argo", without(r", workflow\.parameters\['seed'\]")),
    "one hash for all templates": ("argo", without(HASH, "0" * 64)),
    "the keys of two templates swapped in some runs": (
        "argo",
        lambda text: swapped(HASH)(text) if "tool:1-x" in text else text,
    ),
    "the namespace left out": ("argo", without(r", workflow\.namespace")),
    "the service account left out": ("argo", without(r", workflow\.serviceAccountName")),
    "no lineage": ("argo", without(r", inputs\.parameters\['couler-lineage(-\d+)?'\]")),
    "a lineage of constants": ("argo", without(r'(?<="name": "couler-lineage", "value": ")[^"]*', "same")),
    "a file left out": ("tekton", without(r'"--file=[^"]*", ')),
    "a parameter of a task left out": ("tekton", without(r', "\.day=\$\(params\.day\)"')),
    "a list left out": ("tekton", without(r', "\$\(params\.words\[\*\]\)"')),
    "one hash for all tasks": ("tekton", without(r"(?<=--spec=v1:)[0-9a-f]{64}|(?<=--end=)[0-9a-f]{64}", "0" * 64)),
    "a result from around a task left out": ("tekton", without(r', "tasks\.load\.results\.size=[^"]*"')),
    "a StepAction that may change": ("tekton", without(r'(?<="ref": {"name": "act)-[0-9a-f]{10}')),
    "a StepAction that is another one": ("tekton", without(r'(?<="command": \["act", )', '"-v", ')),
    "the namespace of a task left out": ("tekton", without(r', "namespace=[^"]*"')),
    "one salt for all": ("kfp", without(r'(?<="couler-salt": {"runtimeValue": {"constant": ")[0-9a-f]{64}', "0" * 64)),
    "a task with a secret left on": ("kfp", turned_on),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_by_hand_is_seen(name: str) -> None:
    engine, broken = BROKEN[name]
    assert any(one.stale for one in judged(engine, broken))


@pytest.mark.parametrize("hashes", ["as they are", "one for all"])
def test_the_keys_of_wrapped_components_are_judged_where_nothing_else_keeps_results(hashes: str) -> None:
    broken = partial(of_wrappers_alone, "0" * 64 if hashes == "one for all" else r"\g<0>")
    assert any(one.stale for one in judged("kfp", broken, 1)) is (hashes == "one for all")


def test_a_key_of_the_whole_file_misses_for_nothing() -> None:
    """Labels, resources and names are in it as well."""

    def broken(text: str) -> str:
        return re.sub(HASH, sha256(text.encode()).hexdigest(), text)

    seen = list(judged("argo", broken))
    assert sum(one.counts["needless_misses"] for one in seen) > 5
    assert any("a label" in text for one in seen for text in one.needless)


def test_own_workflows_have_no_stale_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    monkeypatch.setattr(sys, "argv", ["mutations", "--quick", "--json", str(out)])
    mutations.main()
    figures = json.loads(out.read_text())
    assert figures["stale"] == 0, figures["stale_results"]
    assert figures["must_miss"] == figures["missed_of_must_miss"] > 20
    assert figures["neutral"] > 20
    assert figures["engines"].keys() == {"argo", "kfp", "tekton"}
    assert out.read_text() == capsys.readouterr().out
    assert {kind.partition(": ")[2] for kind in figures["kinds"]} & NEUTRAL


def with_results(content: Any) -> Any:
    """Return documents in which each task has a plain result, without which none is cached."""
    if isinstance(content, list):
        return [with_results(item) for item in content]
    if not isinstance(content, dict):
        return content
    changed = {key: with_results(item) for key, item in content.items()}
    if not isinstance(changed.get("steps"), list):
        return changed
    kept = [item for item in changed.get("results", ()) if "value" not in item]
    return {**changed, "results": [*kept, {"name": "made"}]}


@pytest.mark.slow
def test_tasks_with_step_actions_have_no_stale_results() -> None:
    counts = Counter[str]()
    for path in corpus_paths("tekton"):
        if "kind: StepAction" not in path.read_text("utf-8"):
            continue
        documents = with_results(list(yaml.safe_load_all(path.read_text("utf-8"))))
        for rows in ([EVERYTHING], some(Random(0)), some(Random(1))):
            case = Case(documents, tuple(rows))
            for _, one in judge(path.name, "tekton", case, optimizer(), Random(0), 200):
                assert not one.stale
                counts.update(one.counts)
    assert counts["must_miss"] == counts["missed_of_must_miss"]
    assert counts["needless_misses"] == 0
    assert counts["mutations"] > at_least(50, 300), counts
