"""Engines whose workers make their own keys: which steps are asked, and what is said of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from couler_plugins.caching.key_models.worker import ASKED, WorkerKeys
from couler_plugins.caching.optimizer import Cache
from couler_plugins.caching.settings import CacheSettings
from couler_plugins.driver.context import RunContext
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.caching import Objection, Request, SourcePlace
from couler_plugins.ir import Directive, Workflow, replace_steps, with_directive
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Decision, Plan
from couler_plugins.plugins import Plugins
from ir.small import graph, step, workflow

CONTEXT = RunContext(Plugins(()))
OTHER = Directive(kind="other")


class Workers(WorkerKeys):
    """Asks all but what is objected to; what has a remedy would be cached after it."""

    def __init__(self, workflow: Workflow, *, settings: Objection | None = None, **objections: Objection) -> None:
        super().__init__(workflow)
        self.objections = objections
        self.settings = settings

    @property
    def settings_objection(self) -> Objection | None:
        return self.settings

    def requests(self, *, assume_pure: bool, explains: bool) -> Mapping[tuple[str, str], Request]:
        assert explains

        def request(name: str) -> Request:
            if name in self.objections and not assume_pure:
                return Request(objections=(self.objections[name], Objection("other", "and so", remedy="that")))
            doubts = (Objection("producer", "'b' has to return something"),) if name == "c" else ()
            return Request(declared="the test", is_asked=True, note="slowly" if name == "c" else "", doubts=doubts)

        return {("g", name): request(name) for name in ("a", "b", "c")}


NO = Objection("a-rule", "no", place=SourcePlace(0, file="dag.py", line=3))
PERHAPS = Objection("a-rule", "perhaps", remedy="this")


def asked(cache: Workers, *, assume_pure: bool = False) -> tuple[Workflow, list[Decision]]:
    settings = CacheSettings(ctx=CONTEXT, assume_pure=assume_pure)
    change = cache.apply(cache.verdicts(settings), settings)
    return change.workflow, list(change.decisions)


def three() -> Workflow:
    return workflow(graph(step("a"), step("b", "a"), step("c", "b", directives=(OTHER,))))


def test_steps_are_asked_or_told_all_that_is_against_it() -> None:
    new, decisions = asked(Workers(three(), b=NO))
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
    new, (first, *others) = asked(Workers(three(), settings=missing))
    assert (first.subject, first.verdict, first.objections) == ("", "", (missing,))
    assert first.reason == "no store is set: add one"
    assert (new, others) == asked(Workers(three()))


def test_a_second_time_changes_nothing_and_says_so() -> None:
    once, _ = asked(Workers(three(), b=PERHAPS))
    again, decisions = asked(Workers(once, b=PERHAPS))
    assert again is once
    assert [(item.action, item.reason) for item in decisions] == [
        ("", "its worker looks up its result already"),
        ("", "perhaps: add this; and so: add that"),
        ("", "its worker looks up its result already; decided when it runs: 'b' has to return something; slowly"),
    ]


def test_what_was_asked_before_stays() -> None:
    flow = three()
    before = replace_steps(flow, {("g", "b"): with_directive(flow.graphs[0].steps[1], ASKED)})
    cache = Workers(before, b=NO)
    new, _ = asked(cache)
    assert not any(ASKED in item.directives for item in cache.bare.graphs[0].steps)
    assert all(ASKED in item.directives for item in new.graphs[0].steps)


def test_assuming_purity_is_handed_on() -> None:
    new, _ = asked(Workers(three(), a=NO, b=NO), assume_pure=True)
    assert all(ASKED in item.directives for item in new.graphs[0].steps)


class Engine:
    """An adapter with nothing but workers."""

    def cache(self, plan: Plan) -> type[Workers]:
        del plan
        return Workers


class Context(RunContext):
    def adapter(self, engine: str) -> Any:
        del engine
        return Engine()

    def policy(self, text: str) -> Any:
        return text


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"capacity": 5}, "capacity"),
        ({"via": "wrapper", "image": "i", "store": "s3://b/c"}, "via"),
        ({"store": "x"}, "store"),
        ({"min_seconds": 5.0}, "min-seconds"),
        ({"strict": True}, "strict"),
        ({"policy": "lru"}, "policy"),
    ],
)
def test_options_that_an_engine_does_not_take_are_refused(options: dict[str, object], name: str) -> None:
    flow = three()
    plan = Plan(bundle=Bundle.of(()), originals=(flow,), workflows=(flow,))
    context = Context(Plugins(()))
    assert len(Cache(via="memoize").run(plan, context).decisions) == 3
    with pytest.raises(Unsupported, match=f"option `{name}` is not supported by {flow.engine}") as caught:
        Cache(**options).run(plan, context)  # type: ignore[arg-type]  # options of several types in one mapping
    assert caught.value.hint
