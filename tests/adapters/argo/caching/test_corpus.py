"""`cache` over real workflows: nothing changes without a declaration, and what is forbidden stays uncached with one."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from typing import Any

import pytest

from adapters.argo.caching.corpus import ASSUMED, declared, files, optimized, texts
from adapters.argo.caching.judge import Judge, complaints, is_ours
from adapters.argo.crd import violations
from couler_plugins.api import Text, lift, optimize
from couler_plugins.documents import dump_yaml
from couler_plugins.driver.results import Result
from couler_plugins.ir import Call, Operation, callables, verify
from oracles.argo_oracle import Oracle, build
from support import at_least, first_of

pytestmark = pytest.mark.sampled

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
SPEC = re.compile(r"v1:[0-9a-f]{64}")


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


@cache
def assumed(name: str, *, easy: bool) -> tuple[list[Any], Result]:
    """The documents of a file, as they are or made easy to cache, and what becomes of them."""
    documents = [declared(document) for document in files()[name]] if easy else files()[name]
    return documents, optimized(documents)


def workflows() -> list[str]:
    """The files that hold workflows."""
    return [
        name
        for name, text in texts().items()
        if re.search(r"^kind: \w*(Workflow|WorkflowTemplate)$", text, re.MULTILINE)
    ]


def memoized(documents: list[Any]) -> list[tuple[Any, dict[str, Any]]]:
    """What we memoize: documents and templates."""
    return [
        (documents[number], template)
        for (number, _), template in Judge(documents).templates.items()
        if is_ours(template)
    ]


def test_nothing_changes_without_a_declaration() -> None:
    for name, text in texts().items():
        (file,) = optimize(Text(text, name), "cache{via=memoize}").files
        assert file.text == text, name
        assert file.status == "ok"


def test_every_call_of_an_operation_is_decided_on() -> None:
    rules: Counter[str] = Counter()
    for name in workflows():
        text = texts()[name]
        result = optimize(Text(text, name), "cache{via=memoize}")
        decided = Counter((int(decision.document or 0), decision.subject) for decision in result.decisions)
        for workflow in lift(Text(text, name)).workflows:
            named = callables(workflow)
            assert workflow.source is not None
            number = int(workflow.source[0])
            for graph in workflow.graphs:
                for step in graph.steps:
                    if isinstance(step.call, Call) and isinstance(named.get(step.call.name), Operation):
                        assert decided[number, f"{graph.name}/{step.name}"] == 1, (name, step.name)
            entry = workflow.entry.call if workflow.entry is not None else None
            if isinstance(entry, Call) and isinstance(named.get(entry.name), Operation):
                assert decided[number, entry.name] == 1, name
        for decision in result.decisions:
            assert not decision.action
            rules[str(dict(decision.figures)["rule"])] += 1
    assert sum(rules.values()) > at_least(80, 430)
    assert len(rules) > 12, rules


@pytest.mark.parametrize("easy", first_of([True, False]))
def test_nothing_forbidden_is_cached(easy: bool) -> None:
    count = 0
    for name in files():
        documents, result = assumed(name, easy=easy)
        made = list(result.documents)
        assert not complaints(documents, made), name
        count += len(memoized(made))
    assert not easy or count > at_least(30, 130)


def test_what_is_written() -> None:
    for name in files():
        _, result = assumed(name, easy=True)
        made = list(result.documents)
        for document in made:
            text = ((document or {}).get("metadata", {}).get("annotations") or {}).get("couler.io/key-spec")
            ours = [template for holder, template in memoized(made) if holder is document]
            assert (text is not None) == bool(ours), name
            specs = json.loads(text) if text is not None else {}
            assert specs.keys() == {template["name"] for template in ours}
            assert all(SPEC.fullmatch(spec) for spec in specs.values())
            for template in ours:
                memoize = template["memoize"]
                assert memoize.keys() == {"key", "maxAge", "cache"}
                assert memoize["maxAge"] == ""
                key = memoize["key"].removeprefix("{{=").removesuffix("}}")
                place = memoize["cache"]["configMap"]["name"].replace(f"{{{{=sprig.trunc(2, {key})}}}}", "ab")
                assert DNS_LABEL.fullmatch(place)
                for artifact in (template.get("outputs") or {}).get("artifacts", ()):
                    assert artifact["artifactGC"]["strategy"] == "Never"
                assert specs[template["name"]].removeprefix("v1:") in memoize["key"]


def test_the_crds_say_nothing_new() -> None:
    for name in files():
        documents, result = assumed(name, easy=True)
        for before, after in zip(documents, result.documents, strict=True):
            assert not violations(after) - violations(before), name


@pytest.mark.oracle
def test_argo_says_nothing_new(oracle: Oracle) -> None:
    pairs = [(documents, list(result.documents)) for documents, result in (assumed(n, easy=True) for n in files())]
    before = [*(old for old, _ in pairs), [document for old, _ in pairs for document in old]]
    after = [*(new for _, new in pairs), [document for _, new in pairs for document in new]]
    verdicts = 0
    for olds, news in zip(oracle.judge(before), oracle.judge(after), strict=True):
        for old, new in zip(olds, news, strict=True):
            assert new.complaint == old.complaint or (new.accepted and old.accepted)
            verdicts += 1
    assert verdicts > 400


def test_the_ir_stays_in_order() -> None:
    for name in files():
        _, result = assumed(name, easy=True)
        for item in result.workflow_versions:
            last = item.versions[-1]
            assert last is not None
            assert not list(verify(last)) or list(verify(last)) == list(verify(item.versions[0] or last)), name


def test_doing_it_again_changes_nothing() -> None:
    for name in workflows():
        _, result = assumed(name, easy=True)
        text = "---\n".join(dump_yaml(document) for document in result.documents)
        again = optimize(Text(text, name), ASSUMED)
        assert not again.changed, name
        cached = {item.subject for item in result.decisions if item.action == "cache" and item.subject}
        assert not [item for item in again.decisions if item.action]
        assert len(cached) <= len([item for item in again.decisions if "rule" not in dict(item.figures)])


@pytest.mark.slow
def test_taking_the_declaration_back_takes_all_of_it_back() -> None:
    stopped = 0
    for name in workflows():
        documents, result = assumed(name, easy=True)
        back = optimized(list(result.documents), "cache{via=memoize}")
        assert not memoized(list(back.documents)), name
        assert "couler-lineage" not in str(back.documents)
        assert "couler.io/key-spec" not in str(back.documents)
        if "-cache" not in str(result.documents):  # private copies stay; they are templates like any other
            assert list(back.documents) == documents, name
        found = [item for item in back.decisions if item.action == "stop caching"]
        assert all("rule" in dict(item.figures) for item in found)
        stopped += len(found)
    assert stopped > at_least(30, 130)
