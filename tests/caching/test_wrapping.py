"""Which steps are wrapped: those that only the engine's own cache stands against, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from caching.toy import Toy, makes
from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.calls import directive_of
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.caching.wrapping import Wrapper, wrapped
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Call, Graph, Operation, Step, Workflow

WRAPPER = Wrapper(store="s3://bucket/cache", image="i", secret="s")
FULL = Objection("unbounded-output", "its output has no bound", "storage")


def verdict(toy: Toy, operation: Operation | None = None) -> Verdict:
    operation = operation or makes("op", "x")
    graph = Graph(name="main", steps=(Step(name="a", call=Call(name=operation.name)),))
    workflow = Workflow(
        engine="toy",
        kind="Toy",
        name="w",
        entry=Step(name="e", call=Call(name="main")),
        graphs=(graph,),
        operations=(operation,),
    )
    found = Analysis(workflow, toy).verdicts
    return wrapped(found, toy.wrapper_objection, WRAPPER)["main", "a"]


def test_what_the_engine_cannot_keep_is_wrapped() -> None:
    found = verdict(Toy(objections={"op": FULL}, said={"op": "ttl=1h"}))
    assert found.objection is None
    options = dict(directive_of(found).options)
    assert {name: options[name] for name in ("via", "store", "image", "secret", "namespace", "timeout", "max-age")} == {
        "via": "wrapper",
        "store": "s3://bucket/cache",
        "image": "i",
        "secret": "s",
        "namespace": "default",
        "timeout": "600",
        "max-age": "3600s",
    }


def test_the_key_is_the_same_without_it() -> None:
    wrapped_one = dict(directive_of(verdict(Toy(objections={"op": FULL}))).options)
    memoized = dict(directive_of(verdict(Toy())).options)
    assert "via" not in memoized
    assert wrapped_one["spec"] == memoized["spec"]


@pytest.mark.parametrize(
    ("toy", "rule"),
    [
        (Toy(objections={"op": Objection("secret", "it reads a secret")}), "secret"),
        (Toy(objections={"op": FULL}, said={"op": "never"}), "never"),
        (Toy(objections={"op": FULL}, said={"op": "always"}), "always"),
        (Toy(objections={"op": FULL}, impure=["op"]), "not-declared"),
        (Toy(objections={"op": FULL}, unwrappable=["op"]), "unbounded-output"),
    ],
)
def test_nothing_else_is(toy: Toy, rule: str) -> None:
    found = verdict(toy)
    assert found.objection is not None
    assert found.objection.rule == rule
    assert found.wrapper == ()


def test_the_reason_says_why_it_cannot_be_wrapped() -> None:
    found = verdict(Toy(objections={"op": FULL}, unwrappable=["op"]))
    assert found.objection is not None
    assert found.objection.reason == "its output has no bound; it has no command"


def test_an_input_of_a_name_of_ours_is_not_overruled() -> None:
    found = verdict(Toy(objections={"op": FULL}), makes("op", "couler-lineage"))
    assert found.objection is not None
    assert found.wrapper == ()


@pytest.mark.parametrize("missing", ["store", "image"])
def test_it_has_to_know_where(missing: str) -> None:
    given: dict[str, Any] = {"store": "s3://b/c", "image": "i", missing: ""}
    with pytest.raises(InvalidInput, match=f"needs the option {missing}"):
        Wrapper(**given)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("timeout", 0),
        ("timeout", 86_401),
        ("namespace", "Bad/NS"),
        ("namespace", ""),
        ("secret", "Bad_Name!"),
        ("secret", "a" * 254),
        ("store", "/data/cache"),
        ("store", "cache"),
        ("store", "file:///data/cache"),
        ("store", "FILE:///data/cache"),
        ("store", "memory://x"),
        ("store", "s3://"),
        ("store", "s3://bucket/{{workflow.name}}"),
        ("store", "s3://bucket/a b"),
        ("image", "a b"),
        ("image", "{{inputs.parameters.x}}"),
        ("cpu", "0"),
        ("cpu", "much"),
        ("cpu", "1e3"),
        ("memory", "64Mi"),
        ("memory", "-1Gi"),
        ("memory", ""),
    ],
)
def test_what_would_harm_every_step_is_refused(option: str, said: object) -> None:
    given: dict[str, Any] = {"store": "s3://b/c", "image": "i", option: said}
    with pytest.raises(InvalidInput):
        Wrapper(**given)


@pytest.mark.parametrize(
    "said",
    [
        {"timeout": 1},
        {"timeout": 86_400},
        {"secret": "a.b-c"},
        {"cpu": "0.5", "memory": "none"},
        {"cpu": "none", "memory": "128Mi"},
        {"store": "mine://x"},
    ],
)
def test_what_does_not_is_taken(said: dict[str, Any]) -> None:
    options = dict(Wrapper(**{"store": "s3://b/c", "image": "i", **said}).options(None))
    assert {name: str(value) for name, value in said.items()}.items() <= options.items()
