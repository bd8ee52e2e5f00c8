"""The engines' own CRDs over real workflows, good and spoilt, beside the independent judge of Argo's documents."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path as FilePath
from typing import Any

import pytest

from adapters.argo.crd import violations
from couler_plugins.documents import Path, Remark, read
from couler_plugins.engine_kit.crd import Schemas, load_schemas
from engine_kit.crd.small import MEGABYTE, codes, remarks
from support import CORPUS, corpus_files, shared, where_shared

pytestmark = pytest.mark.sampled

MISTAKES = {
    "fun-with-gifs.yaml": [("metadata", "required"), ("metadata.labels.generateName", "pattern")],
    "k8s-jobs.yaml": [("metadata", "required")],
    # Tekton's webhook gives steps a name before the API server looks at them.
    "pipelineruns/optional-workspaces.yaml": [("spec.steps.0", "required")],
}
"""What is wrong with a few documents of the corpora, by file."""

OWN = {"duplicate", "rule", "failed-rule", "name"}
"""What the judge, which looks at shapes only, does not look for."""

BLIND = {"pattern", "unknown-field"}
"""What it does not see: the pattern of an integer or a text, and fields in a mapping that has none at all."""

WORKFLOW: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"generateName": "a-"},
    "spec": {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "busybox"}}]},
}
TASK = {"name": "a", "template": "main"}
RULES: list[tuple[str, dict[str, Any]]] = [
    ("template must have at most one template type", {"container": {"image": "a"}, "suspend": {}}),
    ("timeout cannot be applied to steps or dag templates", {"timeout": "5s", "dag": {"tasks": [TASK]}}),
    (
        "activeDeadlineSeconds is only valid for leaf templates",
        {"activeDeadlineSeconds": 5, "steps": [[TASK]]},
    ),
    (
        "at most one artifact location can be specified",
        {"inputs": {"artifacts": [{"name": "a", "raw": {"data": "x"}, "http": {"url": "http://a.test"}}]}},
    ),
    ("only one of count or end can be defined", {"steps": [[TASK | {"withSequence": {"count": 1, "end": 2}}]]}),
    (
        "cannot use both 'depends' and 'dependencies'",
        {"dag": {"tasks": [TASK, TASK | {"name": "b", "depends": "a", "dependencies": ["a"]}]}},
    ),
    (
        "cannot use 'continueOn' when using 'depends'",
        {"dag": {"tasks": [TASK, TASK | {"name": "b", "depends": "a", "continueOn": {"failed": True}}]}},
    ),
    (
        "task name cannot begin with a digit when using 'depends' or 'dependencies'",
        {"dag": {"tasks": [TASK, TASK | {"name": "2b", "depends": "a"}]}},
    ),
    (
        "only one of manifest or manifestFrom can be specified",
        {"resource": {"action": "get", "manifest": "a", "manifestFrom": {"artifact": {"name": "m"}}}},
    ),
    (
        "'resourcesDuration.*' metrics cannot be used in real-time gauges",
        {
            "metrics": {
                "prometheus": [
                    {"name": "a", "help": "b", "gauge": {"realtime": True, "value": "{{resourcesDuration.cpu}}"}}
                ]
            }
        },
    ),
]

ARGO = [item for item in corpus_files("argo") if item.id not in ("own/list.yaml", "own/refused-by-argo.yaml")]
"""All but what is no object of its own, and what Argo refuses."""


@cache
def engine_schemas(engine: str) -> Schemas:
    return load_schemas(shared("schemas", engine), 64 * MEGABYTE)


@cache
def documents(path: FilePath) -> list[Any]:
    return [document.data for document in read(path.read_bytes(), path.name).documents]


def mistakes(path: FilePath, engine: str) -> list[tuple[str, str]]:
    own = path.is_relative_to(CORPUS)
    return MISTAKES.get(f"own/{path.name}" if own else path.relative_to(shared("corpus", engine)).as_posix(), [])


def errors(data: Any, engine: str = "argo") -> list[Remark]:
    return [remark for remark in remarks(data, engine_schemas(engine)) if remark.severity == "error"]


@pytest.mark.parametrize("path", where_shared("schemas/argo", ARGO))
def test_argos_examples_are_good(path: FilePath) -> None:
    found = [place for data in documents(path) for place in codes(errors(data))]
    assert found == mistakes(path, "argo")
    assert not any(violations(data) for data in documents(path)) or ("owner", "unknown-field") in found


@pytest.mark.parametrize("path", where_shared("schemas/tekton", corpus_files("tekton")))
def test_tektons_examples_are_good(path: FilePath) -> None:
    found = [place for data in documents(path) for place in codes(errors(data, "tekton"))]
    assert list(dict.fromkeys(found)) == mistakes(path, "tekton")


@pytest.mark.parametrize("path", where_shared("schemas/argo", ARGO))
def test_unknown_fields_are_found_where_the_judge_finds_them(path: FilePath) -> None:
    dice = random.Random(path.name)
    for original in documents(path):
        for place in dice.sample(spots := list(collections(original, dict)), min(3, len(spots))):
            data = copy.deepcopy(original)
            at(data, place)["unheardOf"] = "1"
            named = [remark for remark in errors(data) if remark.path == (*place, "unheardOf")]
            if any("unheardOf" in violation for violation in violations(data)):
                # A mapping with any keys, such as labels, takes the key, and at most not the value.
                assert [remark.code for remark in named] in (["unknown-field"], ["wrong-type"]), place
            elif named:
                assert is_metadata_or_empty(original, place), place


@pytest.mark.parametrize("path", where_shared("schemas/argo", ARGO))
def test_wrong_types_are_found_where_the_judge_finds_them(path: FilePath) -> None:
    dice = random.Random(path.name)
    for original in documents(path):
        before = codes(errors(original))
        for place in dice.sample(spots := [path for path in values(original) if len(path) > 1], min(6, len(spots))):
            data = copy.deepcopy(original)
            at(data, place[:-1])[place[-1]] = dice.choice([1.5, 3, "text", True, [1], [[]], {"z": {}}])
            found = [pair for pair in codes(errors(data)) if pair[1] not in OWN and pair not in before]
            if violations(data):
                assert found, place
            elif place[0] == "spec":  # of the rest, Argo's schemas say nothing, and so does the judge
                assert {code for _, code in found} <= BLIND, (place, found)


@pytest.mark.parametrize("count", where_shared("schemas/argo", [200, 201]))
def test_a_dag_holds_two_hundred_tasks(count: int) -> None:
    data = copy.deepcopy(WORKFLOW)
    data["spec"]["templates"].append({"name": "b", "dag": {"tasks": [TASK | {"name": f"t{n}"} for n in range(count)]}})
    found = errors(data)
    assert bool(found) == bool(violations(data)) == (count > 200)
    assert codes(found) == [("spec.templates.1.dag.tasks", "too-many-items")][: len(found)]
    assert all("has 201 items, at most 200" in remark.message for remark in found)


@pytest.mark.parametrize(("message", "template"), where_shared("schemas/argo", RULES))
def test_argos_rules_are_kept(message: str, template: dict[str, Any]) -> None:
    data = copy.deepcopy(WORKFLOW)
    data["spec"]["templates"].append({"name": "b"} | template)
    (remark,) = errors(data)
    assert (remark.code, remark.message) == ("rule", message)


def test_no_rule_of_the_engines_is_missing_here() -> None:
    found = {
        rule["message"]
        for engine in ("argo", "tekton")
        for versions in engine_schemas(engine).kinds.values()
        for version in versions.values()
        for rule in rules_in(version.definition)
    }
    assert found == {message for message, _ in RULES}


def test_a_misspelt_field_of_a_tekton_task_is_found() -> None:
    spec = {"steps": [{"name": "a", "image": "busybox", "workingDirectory": "/"}]}
    data = {"apiVersion": "tekton.dev/v1", "kind": "Task", "metadata": {"name": "a"}, "spec": spec}
    (remark,) = errors(data, "tekton")
    assert (remark.code, remark.hint) == ("unknown-field", "did you mean 'workingDir'?")


def rules_in(schema: Any) -> Iterator[dict[str, str]]:
    if isinstance(schema, dict):
        yield from schema.get("x-kubernetes-validations", ())
        for inner in schema.values():
            yield from rules_in(inner)


def values(data: Any, path: Path = ()) -> Iterator[Path]:
    """The places of all values inside."""
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in pairs:
        yield (*path, key)
        yield from values(value, (*path, key))


def collections(data: Any, kind: type) -> Iterator[Path]:
    yield from (path for path in [(), *values(data)] if isinstance(at(data, path), kind))


def at(data: Any, path: Path) -> Any:
    for key in path:
        data = data[key]
    return data


def is_metadata_or_empty(data: Any, place: Path) -> bool:
    """Whether the judge cannot know the fields of this mapping: Argo's schemas do not say them."""
    return place[0] == "metadata" or not at(data, place)
