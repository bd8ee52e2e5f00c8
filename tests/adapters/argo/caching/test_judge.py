"""The judge of what may not be cached sees every rule in real workflows, and each of them broken."""

from __future__ import annotations

import copy
from collections import Counter
from functools import cache
from typing import Any

import pytest

from adapters.argo.caching.corpus import declared, files
from adapters.argo.caching.judge import RULES, Judge, Place, complaints
from support import at_least

MEMOIZE = {"key": "{{=sprig.sha256sum('x')}}", "maxAge": "", "cache": {"configMap": {"name": "couler-cache-x-00"}}}


@cache
def forbidden() -> dict[str, list[tuple[str, Place]]]:
    """The calls in the corpus that each rule speaks against."""
    found: dict[str, list[tuple[str, Place]]] = {}
    for name, documents in files().items():
        for place, rules in Judge(documents).objections().items():
            for rule in sorted(rules):
                found.setdefault(rule, []).append((name, place))
    return found


def broken(documents: list[Any], place: Place) -> list[Any]:
    """The documents with what is called at a place memoized, as if we had done it."""
    made = copy.deepcopy(documents)
    judge = Judge(made)
    site = next(site for site in judge.sites if site.place == place)
    callee = judge.callee(site)
    target = site.step["inline"] if callee is None else judge.templates[callee]
    target["memoize"] = MEMOIZE
    return made


def there(documents: list[Any], place: Place) -> bool:
    """Whether what is called is in these documents."""
    judge = Judge(documents)
    site = next(site for site in judge.sites if site.place == place)
    return "inline" in site.step or judge.callee(site) is not None


def test_every_rule_has_a_step_in_the_corpus() -> None:
    assert forbidden().keys() == RULES
    counts = Counter({rule: len(places) for rule, places in forbidden().items()})
    assert counts["no inputs"] > at_least(20, 220)
    assert counts["poisoned by order"] > at_least(10, 110)
    assert sum(counts.values()) > at_least(100, 800)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_broken_rule_is_seen(rule: str) -> None:
    for name, place in forbidden()[rule][:5]:
        documents = files()[name]
        if not there(documents, place):
            continue
        assert not complaints(documents, documents)
        assert (place, rule) in complaints(documents, broken(documents, place)), name


def test_a_private_copy_is_seen_as_well() -> None:
    documents = files()["own/recursion.yaml"]
    made = copy.deepcopy(documents)
    (spec,) = (document["spec"] for document in made)
    flip = next(template for template in spec["templates"] if template["name"] == "coin")
    spec["templates"].append({**copy.deepcopy(flip), "name": "coin-cache-2", "memoize": MEMOIZE})
    steps = next(template["steps"] for template in spec["templates"] if template["name"] == "toss")
    steps[0][0]["template"] = "coin-cache-2"
    found = {rule for _, rule in complaints(documents, made)}
    assert {"recursion", "chance"} <= found


def test_what_makes_steps_easy_to_cache_takes_rules_away() -> None:
    left = Counter(
        rule
        for documents in files().values()
        for rules in Judge([declared(document) for document in documents]).objections().values()
        for rule in rules
    )
    assert left["no inputs"] == left["unbounded"] == 0
    assert left["recursion"] == len(forbidden()["recursion"])
