"""Keys of results are those of the whole workflow, wherever its steps are: what was split gets no others."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest

from adapters.argo.caching.corpus import files, texts
from adapters.argo.split.chains import Chain
from adapters.argo.split.generating import layered, workflow
from adapters.argo.split.test_split import STORED, differences, loaded
from adapters.argo.split.test_steps import stepped
from couler_plugins.api import lint, optimize
from couler_plugins.errors import CoulerError, InvalidInput

HALVES = "split{into=workflows,max-steps=2}"
PURE = {"couler.io/cache": "pure", "couler.io/cache-version": "1", "couler.io/max-output-bytes": "100"}


def optimized(documents: list[Any], pipeline: str) -> list[Any]:
    return list(optimize(copy.deepcopy(documents), pipeline, plugins=loaded()).documents)


def calls(template: Any) -> list[Any]:
    return [
        *(template.get("dag") or {}).get("tasks", ()),
        *(step for group in template.get("steps", ()) for step in group),
    ]


def keys(documents: list[Any]) -> set[tuple[str, ...]]:
    """What finds each step's result: the key, where it is looked up, and the lineages that it covers."""
    found = set()
    for document in documents:
        spec = document.get("spec") or {}
        templates = {item["name"]: item for item in (spec.get("workflowSpec") or spec).get("templates", ())}
        for call in (call for item in templates.values() for call in calls(item)):
            if memoize := templates.get(call.get("template", ""), {}).get("memoize"):
                given = (call.get("arguments") or {}).get("parameters") or ()
                lineages = [item["value"] for item in given if item["name"].startswith("couler-lineage")]
                found.add((memoize["key"], memoize["cache"]["configMap"]["name"], *map(str, lineages)))
    return found


def places(documents: list[Any]) -> set[tuple[str, ...]]:
    """The keys as they are written, and where they are looked up."""
    return {key[:2] for key in keys(documents)}


def stored(documents: list[Any]) -> list[Any]:
    return [document for document in documents if document["kind"] in STORED]


def pure(data: Any) -> Any:
    """The workflow, all templates of whose steps are declared pure."""
    data["metadata"] = {"generateName": "gen-"}
    for template in data["spec"]["templates"][1:]:
        template["inputs"].pop("artifacts", None)
        template["metadata"] = {"annotations": PURE}
        for call in calls(data["spec"]["templates"][0]):
            call["arguments"].pop("artifacts", None)
            for item in call["arguments"]["parameters"]:
                item["value"] = item["value"].replace("{{workflow.name}}", "")  # the same in no two runs
    return data


WHOLE: dict[str, tuple[Any, int]] = {
    "a chain": (pure(Chain().data), 3),
    "an order alone": (pure(Chain().task(2, arguments={"parameters": [{"name": "x", "value": "2"}]})), 3),
    "layers": (pure(workflow(layered(30, 5), 3)), 7),
    "steps": (pure(stepped([2, 3, 1, 2])), 4),
}
"""Workflows, and how many different keys there are at least."""


@pytest.mark.parametrize("what", WHOLE)
def test_keys_stay_where_a_cached_workflow_is_split(what: str) -> None:
    data, least = WHOLE[what]
    whole, after = optimized([data], "cache{via=memoize}"), optimized([data], f"cache{{via=memoize}},{HALVES}")
    assert len(keys(whole)) >= least
    assert len(after) > 3
    # What a leaf is includes the text of its key, and what it is given the lineages.
    assert differences(whole[0], stored(after)) == []
    assert places(after) == places(whole)


@pytest.mark.parametrize("what", WHOLE)
@pytest.mark.parametrize(
    "pipeline",
    [
        "cache{via=memoize}",
        *(
            pytest.param(text, marks=pytest.mark.slow)
            for text in ("dedupe,cache{via=memoize}", "cache{assume-pure=yes,via=memoize}")
        ),
    ],
)
def test_what_was_split_keeps_its_keys(what: str, pipeline: str) -> None:
    after = optimized([WHOLE[what][0]], f"cache{{via=memoize}},{HALVES}")
    assert keys(optimized(after, pipeline)) == keys(after)
    assert optimized(after, "cache{via=memoize}") == after


@pytest.mark.parametrize("what", WHOLE)
def test_what_was_split_first_gets_none_and_says_why(what: str) -> None:
    result = optimize([copy.deepcopy(WHOLE[what][0])], f"{HALVES},cache{{via=memoize}}", plugins=loaded())
    assert keys(list(result.documents)) == set()
    told = [str(decision) for decision in result.decisions if decision.optimizer == "cache"]
    parts = [document for document in result.documents if document["kind"] == "WorkflowTemplate"]
    assert sum("put cache before split" in text for text in told) == len(parts) > 1


@cache
def cached() -> dict[str, tuple[list[Any], list[Any]]]:
    """Documents of the corpus, cached, and cached and split."""
    found = {}
    for name, documents in files().items():
        if "dag:" not in texts()[name] and "steps:" not in texts()[name]:
            continue
        declared = copy.deepcopy(documents)
        for template in (item for document in declared for item in document.get("spec", {}).get("templates", ())):
            if "container" in template or "script" in template:
                template["metadata"] = {**template.get("metadata", {}), "annotations": PURE}
        try:
            whole = optimized(declared, "cache{via=memoize}")
            after = optimized(declared, f"cache{{via=memoize}},{HALVES}") if keys(whole) else whole
        except CoulerError:
            continue  # `test_corpus` looks at what is refused
        if len(after) > len(whole):
            found[name] = whole, after
    return found


@pytest.mark.slow
def test_keys_of_the_corpus_stay() -> None:
    assert len(cached()) >= 3
    for name, (whole, after) in cached().items():
        (before,) = [document for document in whole if document["kind"] == "Workflow"]
        assert differences(before, stored(after)) == [], name
        assert places(after) == places(whole), name
        assert optimized(after, "cache{via=memoize}") == after, name


@pytest.mark.parametrize("what", WHOLE)
@pytest.mark.parametrize("pipeline", ["cache{via=memoize},split{max-steps=2}", "split{max-steps=2},cache{via=memoize}"])
def test_cache_and_split_in_one_call_leave_no_stale_keys(what: str, pipeline: str) -> None:
    """Parts that are graphs would change what runs before their steps, and so their keys."""
    once = optimize([copy.deepcopy(WHOLE[what][0])], pipeline, plugins=loaded())
    assert len(once.documents) > 1 or max(map(len, map(calls, once.documents[0]["spec"]["templates"]))) <= 2
    assert not [item for item in lint(list(once.documents), plugins=loaded()).findings if item.code == "stale-key"]
    assert optimized(list(once.documents), pipeline) == list(once.documents)


def test_keys_that_graphs_would_change_are_told_with_the_right_order() -> None:
    chain = [copy.deepcopy(WHOLE["an order alone"][0])]
    with pytest.raises(InvalidInput, match="covers what runs before it, which would be a whole graph") as error:
        optimized(chain, "cache{via=memoize},split{into=graphs,max-steps=2}")
    assert "put cache after split" in str(error.value.hint)
    assert keys(optimized(chain, "split{into=graphs,max-steps=2},cache{via=memoize}"))
