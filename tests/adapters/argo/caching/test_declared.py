"""What owners say, where they say it, and what they are told."""

from __future__ import annotations

import pytest

from adapters.argo.caching.corpus import ASSUMED
from adapters.argo.caching.small import LEAVES, made, workflow

TASK = "- {name: a, template: load}\n"
STEP = "couler.io/cache.main.a"


def said(
    step: str = "", template: str = "", graph: str = "", everywhere: str = "", pipeline: str = "cache{via=memoize}"
) -> tuple[str, str]:
    """The rule for a step, and where it is declared, for what is said in four places."""
    annotations = {STEP: step, "couler.io/cache": everywhere}
    metadata = ", ".join(f"{key}: {text}" for key, text in annotations.items() if text)
    document = workflow(TASK, metadata=f"generateName: w-, annotations: {{{metadata}}}")
    templates = {item["name"]: item for item in document["spec"]["templates"]}
    bound = {"couler.io/max-output-bytes": "64", "couler.io/cache-version": "1"}
    templates["load"]["metadata"] = {"annotations": bound | ({"couler.io/cache": template} if template else {})}
    templates["main"]["metadata"] = {"annotations": {"couler.io/cache": graph} if graph else {}}
    found = made(document, pipeline=pipeline)
    return found.rules["main/a"], found.decision("main/a").reason


@pytest.mark.parametrize(
    ("places", "where"),
    [
        ({"step": "pure"}, "the workflow's annotation for main/a"),
        ({"template": "pure"}, "the template 'load'"),
        ({"graph": "pure"}, "the template 'main'"),
        ({"everywhere": "pure"}, "the workflow says"),
        ({"step": "pure", "template": "always"}, "the workflow's annotation for main/a"),
        ({"template": "pure", "everywhere": "always"}, "the template 'load'"),
        ({"template": "pure", "graph": "gibberish"}, "the template 'load'"),
        ({"graph": "pure", "everywhere": "always"}, "the template 'main'"),
    ],
)
def test_the_nearest_place_counts(places: dict[str, str], where: str) -> None:
    rule, reason = said(**places)
    assert rule == ""
    assert reason.startswith(where)


@pytest.mark.parametrize("place", ["step", "template", "graph", "everywhere"])
@pytest.mark.parametrize("other", ["step", "template", "graph", "everywhere"])
def test_never_always_wins(place: str, other: str) -> None:
    assert said(**{other: "pure", place: "never"})[0] == "never"
    assert said(**{place: "never"}, pipeline=ASSUMED)[0] == "never"


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        ("always", "always"),
        ("never", "never"),
        ("Pure", "unknown-declaration"),
        ("yes", "unknown-declaration"),
        ("ttl=", "unknown-declaration"),
        ("ttl=1", "unknown-declaration"),
        ("ttl=1w", "unknown-declaration"),
        ("ttl=-1h", "unknown-declaration"),
        ("ttl=999999999d", "unknown-declaration"),
        ("ttl=1h", ""),
        ("pure", ""),
        ("", "not-declared"),
    ],
)
def test_words(word: str, rule: str) -> None:
    assert said(template=word)[0] == rule
    if rule != "not-declared":
        assert said(template=word, pipeline=ASSUMED)[0] == rule


@pytest.mark.parametrize(
    ("ttl", "age"),
    [("ttl=1h", "3600s"), ("ttl=90s", "90s"), ("ttl=1d12h30m", "131400s"), ("ttl=36500d", "3153600000s")],
)
def test_a_time_to_live_becomes_a_maximal_age(ttl: str, age: str) -> None:
    document = workflow("- {name: a, template: pure}", "")
    document["spec"]["templates"][1]["metadata"]["annotations"]["couler.io/cache"] = ttl
    found = made(document)
    assert found.memoized["pure"]["maxAge"] == age


def test_what_is_made_anew_after_a_time_has_no_key_for_others() -> None:
    document = workflow("- {name: a, template: pure}\n- {name: b, template: pure, depends: a}")
    document["spec"]["templates"][1]["metadata"]["annotations"]["couler.io/cache"] = "ttl=1h"
    found = made(document)
    assert found.rules == {"main/a": "", "main/b": "unknown-producer"}


def test_what_would_be_worth_it_is_told() -> None:
    document = workflow("- {name: a, template: pure}")
    del document["spec"]["templates"][1]["metadata"]["annotations"]["couler.io/cache"]
    decision = made(document).decision("main/a")
    assert decision.reason == (
        "worth caching if it is pure: add metadata: {annotations: {couler.io/cache: pure}}, in the template 'pure'"
    )
    assert dict(decision.figures) == {"rule": "not-declared"}
    assert not decision.action


def test_what_is_forbidden_is_not_asked_for() -> None:
    """Who would paste the annotation would get nothing for it."""
    rules = made(workflow("- {name: a, template: load}\n- {name: b, template: pure}")).rules
    assert rules["main/a"] == "no-inputs"


def test_decisions_have_figures() -> None:
    tasks = "- {name: a, template: pure, withItems: [1, 2, 3]}\n- {name: b, template: pure, depends: a}\n"
    found = made(workflow(tasks))
    assert dict(found.decision("main/a").figures) == {"results per run": 3}
    assert dict(found.decision("main/b").figures) == {"results per run": 1, "values from earlier steps": 1}
    whole = next(item for item in found.decisions if not item.subject)
    assert dict(whole.figures) == {"steps cached": 2, "steps": 2}
    assert all(item.optimizer == "cache" for item in found.decisions)
    assert LEAVES.count("pure") > 1
