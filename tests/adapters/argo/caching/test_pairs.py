"""What a key covers: pairs of workflows that differ in one thing, whose keys are compared as Argo computes them."""

from __future__ import annotations

import json
from functools import cache
from random import Random
from typing import Any

import pytest

from adapters.argo.caching.pairs import IRRELEVANT, RELEVANT, Change, base
from adapters.argo.caching.wild import ALL, Choices, wild
from adapters.argo.caching.world import Ran, Submission, World
from couler_plugins.api import Text, optimize
from couler_plugins.documents import dump_yaml

STEPS = {"prepare": ("prepare", "getready"), "notify": ("notify",), "report": ("report", "summary")}


def changed(change: Change) -> dict[str, Any]:
    document = base()
    change(document)
    assert document != base() or change is IRRELEVANT["a default that is written as well"]
    return document


def keys(document: dict[str, Any]) -> dict[str, str]:
    """The run-time keys of the three steps."""
    (made,) = optimize(document, "cache{via=memoize}").documents
    account = made["spec"].get("serviceAccountName", "")
    found: dict[str, Ran] = {ran.path[0]: ran for ran in World(made, Submission(account=account)).run()}
    named = {step: found[name] for step, names in STEPS.items() for name in names if name in found}
    assert all(ran.key is not None for ran in named.values())
    return {step: str(ran.key) for step, ran in named.items()}


@cache
def original() -> dict[str, str]:
    return keys(base())


def test_the_steps_have_keys_of_their_own() -> None:
    assert len(original()) == len(set(original().values())) == 3
    assert keys(base()) == original()


@pytest.mark.parametrize("name", RELEVANT)
def test_what_matters_makes_another_key(name: str) -> None:
    assert keys(changed(RELEVANT[name]))["report"] != original()["report"]


@pytest.mark.parametrize("name", IRRELEVANT)
def test_what_does_not_matter_makes_the_same_key(name: str) -> None:
    assert keys(changed(IRRELEVANT[name])) == original()


def test_keys_of_different_changes_differ() -> None:
    found = [keys(changed(change))["report"] for change in RELEVANT.values()]
    assert len({*found, original()["report"]}) == len(RELEVANT) + 1


@pytest.mark.parametrize("name", ["argument of the producer", "source of the producer", "image of the producer"])
def test_a_change_of_one_producer_leaves_the_others_alone(name: str) -> None:
    after = keys(changed(RELEVANT[name]))
    assert {step for step in after if after[step] != original()[step]} == {"prepare", "report"}


def test_formatting() -> None:
    text = (
        dump_yaml(base()).replace("spec:", "# a comment\nspec:", 1).replace("name: prepare", "name:   'prepare' # so")
    )
    assert text.count("# ") == 3
    turned = json.dumps(json.loads(json.dumps(base(), sort_keys=True)), indent=7)
    for form in (text, turned):
        (made,) = optimize(Text(form, "w.yaml"), "cache{via=memoize}").documents
        ran = World(made, Submission(account="robot")).run()
        assert {item.path[0]: item.key for item in ran} == original()


@pytest.mark.slow
def test_changes_of_both_kinds_at_once() -> None:
    """Any number of irrelevant changes changes nothing, and hides no relevant one."""
    random = Random(7)
    for _ in range(40):
        document = base()
        chosen = random.sample(sorted(set(IRRELEVANT) - {"order of arguments", "producer name"}), 6)
        for name in chosen:
            if name not in ("template name", "graph name"):
                IRRELEVANT[name](document)
        assert keys(document) == original(), chosen
        relevant = random.choice(sorted(set(RELEVANT) - {"env value", "raw data", "git revision"}))
        RELEVANT[relevant](document)
        assert keys(document)["report"] != original()["report"], (chosen, relevant)


@pytest.mark.slow
def test_names_in_workflows_at_random() -> None:
    """New names for templates, and templates in another order, change no key."""
    checked = 0
    for seed in range(60):
        document = wild(Choices(Random(seed)), ALL - {"nesting"})
        other = json.loads(json.dumps(document).replace('"leaf-', '"another-'))
        other["spec"]["templates"].reverse()
        both = []
        for one in (document, other):
            (made,) = optimize(one, "cache{via=memoize}").documents
            both.append([(ran.path, ran.key) for ran in World(made, Submission()).run()])
        assert both[0] == both[1]
        checked += sum(key is not None for _, key in both[0])
    assert checked > 80
