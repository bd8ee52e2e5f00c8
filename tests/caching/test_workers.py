"""Engines whose workers make their own keys: which steps are asked, and what is said of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from couler_plugins.caching.optimizer import Cache
from couler_plugins.caching.workers import ASKED, ask_workers
from couler_plugins.context import RunContext
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs import Adapter
from couler_plugins.hookspecs.caching import Objection, Request, SourcePlace
from couler_plugins.ir import Directive, Workflow, replace_steps, with_directive
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Plan
from couler_plugins.plugins import Plugins
from ir.small import graph, step, workflow

CONTEXT = RunContext(Plugins(()))
OTHER = Directive(kind="other")


class Workers:
    """Asks all but what is objected to; what has a remedy would be cached after it."""

    def __init__(self, *, settings: Objection | None = None, **objections: Objection) -> None:
        self.objections = objections
        self.settings_objection = settings

    def requests(self, *, assume_pure: bool, explains: bool) -> Mapping[tuple[str, str], Request]:
        assert explains

        def request(name: str) -> Request:
            if name in self.objections and not assume_pure:
                return Request(objections=(self.objections[name], Objection("other", "and so", remedy="that")))
            doubts = (Objection("producer", "'b' has to return something"),) if name == "c" else ()
            return Request(declared="the test", asked=True, note="slowly" if name == "c" else "", doubts=doubts)

        return {("g", name): request(name) for name in ("a", "b", "c")}


NO = Objection("a-rule", "no", place=SourcePlace(0, file="dag.py", line=3))
PERHAPS = Objection("a-rule", "perhaps", remedy="this")


def three() -> Workflow:
    return workflow(graph(step("a"), step("b", "a"), step("c", "b", directives=(OTHER,))))


def test_steps_are_asked_or_told_all_that_is_against_it() -> None:
    new, decisions = ask_workers(three(), Workers(b=NO), CONTEXT, assume_pure=False)
    assert [item.directives for item in new.graphs[0].steps] == [(ASKED,), (), (ASKED, OTHER)]
    assert [(item.subject, item.action, item.reason, item.verdict) for item in decisions] == [
        ("g/a", "cache", "the test says that it is pure", "cached"),
        ("g/b", "", "no; and so", "never"),
        (
            "g/c",
            "cache",
            "the test says that it is pure; decided when it runs: 'b' has to return something; slowly",
            "run-time",
        ),
    ]
    assert [item.rule for item in decisions[1].objections] == ["a-rule", "other"]
    assert decisions[1].objections[0].place == SourcePlace(0, file="dag.py", line=3)
    assert dict(decisions[1].figures) == {"rule": "a-rule"}


def test_workers_that_cache_nothing_are_told_first_and_once() -> None:
    missing = Objection("no-store", "no store is set", remedy="one")
    new, (first, *others) = ask_workers(three(), Workers(settings=missing), CONTEXT, assume_pure=False)
    assert (first.subject, first.verdict, first.objections) == ("", "", (missing,))
    assert first.reason == "no store is set: add one"
    assert (new, others) == ask_workers(three(), Workers(), CONTEXT, assume_pure=False)


def test_a_second_time_changes_nothing_and_says_so() -> None:
    once, _ = ask_workers(three(), Workers(b=PERHAPS), CONTEXT, assume_pure=False)
    again, decisions = ask_workers(once, Workers(b=PERHAPS), CONTEXT, assume_pure=False)
    assert again is once
    assert [(item.action, item.reason) for item in decisions] == [
        ("", "its worker looks already"),
        ("", "perhaps: add this; and so: add that"),
        ("", "its worker looks already; decided when it runs: 'b' has to return something; slowly"),
    ]


def test_what_was_asked_before_stays() -> None:
    flow = three()
    asked = replace_steps(flow, {("g", "b"): with_directive(flow.graphs[0].steps[1], ASKED)})
    new, _ = ask_workers(asked, Workers(b=NO), CONTEXT, assume_pure=False)
    assert all(ASKED in item.directives for item in new.graphs[0].steps)


def test_assuming_purity_is_handed_on() -> None:
    new, _ = ask_workers(three(), Workers(a=NO, b=NO), CONTEXT, assume_pure=True)
    assert all(ASKED in item.directives for item in new.graphs[0].steps)


class Engine(Adapter):
    """An adapter with nothing but workers."""

    engine: ClassVar[str] = "workers"

    def worker_caching(self, workflow: Workflow, bundle: Bundle) -> Workers:
        del workflow, bundle
        return Workers()


class Context(RunContext):
    def adapter(self, engine: str) -> Any:
        del engine
        return Engine()

    def policy(self, text: str) -> Any:
        return text


@pytest.mark.parametrize(
    "options", [{"capacity": 5}, {"via": "wrapper", "image": "i", "store": "s3://b"}, {"store": "x"}]
)
def test_what_workers_share_is_no_matter_of_a_workflow(options: dict[str, object]) -> None:
    flow = three()
    plan = Plan(bundle=Bundle.of(()), originals=(flow,), workflows=(flow,))
    context = Context(Plugins(()))
    assert len(Cache().run(plan, context).decisions) == 3
    with pytest.raises(Unsupported, match="share one store") as caught:
        Cache(**options).run(plan, context)  # type: ignore[arg-type]  # options of several types in one mapping
    assert caught.value.hint
