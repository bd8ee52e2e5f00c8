"""What a plan says of its parts, brought to the workflow that they are of."""

from __future__ import annotations

from couler_plugins.driver.results import WorkflowVersions
from couler_plugins.ir import Call, Graph, Operation, Step, Workflow
from couler_plugins.plan import Part
from couler_plugins.viz.page.parts import split_of


def workflow(*graphs: tuple[str, str], label: str = "w") -> Workflow:
    made = [
        Graph(name=name, steps=tuple(Step(name=step, call=Call(name="op")) for step in steps.split()))
        for name, steps in graphs
    ]
    entry = Step(name="go", call=Call(name=made[0].name))
    operations = (Operation(name="op", kind="container"),)
    return Workflow(name=label, engine="toy", kind="Toy", entry=entry, graphs=tuple(made), operations=operations)


def versions(*all_: Workflow | None) -> WorkflowVersions:
    return WorkflowVersions(file=0, document=0, versions=all_)


def part(name: str, steps: str, label: str = "w") -> Part:
    return Part(workflow=label, name=name, steps=tuple(steps.split()))


def test_it_is_the_version_before_the_split() -> None:
    read, deduped, after = workflow(("main", "a b c d")), workflow(("main", "a b c")), workflow(("main", "p1 p2"))
    parts = [part("p1", "a b"), part("p2", "c"), part("p1", "a b c", "other")]
    split = split_of(versions(read, deduped, after), parts)
    assert split is not None
    assert (split.workflow, split.after, split.parts, split.groups) == (deduped, after, tuple(parts[:2]), ())
    assert split.paths == {"a": ("p1",), "b": ("p1",), "c": ("p2",)}
    assert not split.into_graphs


def test_parts_that_are_graphs() -> None:
    after = workflow(("main", "p1 p2"), ("p1", "a b"), ("p2", "c"))
    split = split_of(versions(workflow(("main", "a b c")), after), [part("p1", "a b"), part("p2", "c")])
    assert split is not None
    assert split.into_graphs


def test_groups_of_groups() -> None:
    parts = [part("p1", "a"), part("p2", "b"), part("p3", "c"), part("g1", "p1 p2"), part("g2", "p3"), part("h1", "g1")]
    split = split_of(versions(workflow(("main", "a b c")), workflow(("main", "h1 g2"))), parts)
    assert split is not None
    assert split.paths == {"a": ("h1", "g1", "p1"), "b": ("h1", "g1", "p2"), "c": ("g2", "p3")}


def test_what_is_not_split() -> None:
    assert split_of(versions(workflow(("main", "a"))), []) is None
    assert split_of(versions(workflow(("main", "a"))), [part("p1", "a", "other")]) is None
    assert split_of(versions(None, workflow(("main", "x"))), [part("p1", "a")]) is None
