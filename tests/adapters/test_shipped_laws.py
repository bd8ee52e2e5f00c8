"""The laws that ship find what is wrong with an adapter: each is broken by hand here, and fails."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from couler_github_actions import CAPABILITIES, GithubActionsAdapter

from couler_plugins import ir
from couler_plugins.hookspecs import Adapter, Capability
from couler_plugins.plan import Lowered, Plan
from couler_plugins.testing import laws
from couler_plugins.testing.fields import carries_what_is_set
from couler_plugins.testing.subject import Subject
from support import ROOT

NAMES = {"env", "inputs", "jobs", "matrix", "outputs", "secrets", "services", "with"}
FOLDER = ROOT / "examples" / "couler-github-actions" / "workflows"
BUILD = FOLDER / "build.yml"


@dataclass(frozen=True)
class AnotherStep:
    """Adds one more script to each job, each time that it runs."""

    name: ClassVar[str] = "another-step"

    def run(self, plan: Plan, ctx: object) -> Plan:
        def longer(operation: ir.Operation) -> ir.Operation:
            more = ir.Container(script=ir.Literal(value="echo more"))
            return ir.replace(operation, containers=(*operation.containers, more))

        return plan.map_operations(self.name, longer, action="add a step", reason="it is one more")


def subject(adapter: Adapter | None = None, **fields: Any) -> Subject:
    fields = {
        "normal": lambda document: {"on" if key == "true" else key: content for key, content in document.items()},
        "has_fields": lambda path: not path or path[-1] not in NAMES,
        **fields,
    }
    return Subject(adapter=adapter or GithubActionsAdapter(), folder=FOLDER, **fields)


class Lowering(GithubActionsAdapter):
    """Changes what lowering gives."""

    def __init__(self, change: Callable[[Plan, Lowered], Lowered]) -> None:
        self.change = change

    def lower(self, plan: Plan, options: Any) -> Lowered:
        return self.change(plan, super().lower(plan, options))


class Lifting(GithubActionsAdapter):
    """Changes what is lifted."""

    def __init__(self, change: Callable[[ir.Workflow], ir.Workflow]) -> None:
        self.change = change

    def lift(self, bundle: Any, refuse: Any) -> Plan:
        lifted = super().lift(bundle, refuse)
        workflows = tuple(map(self.change, lifted.workflows))
        return Plan(bundle=bundle, originals=workflows, workflows=workflows)


def without_unknown(workflow: ir.Workflow) -> ir.Workflow:
    """A workflow without the operations' unknown fields."""

    def change(node: ir.Node) -> ir.Node:
        if not isinstance(node, ir.Container) or node.native_extra is None or "x-unknown" not in str(node.native_extra):
            return node
        return ir.replace(node, native_extra=None)

    return ir.rebuild(workflow, change)


def untraced(plan: Plan, lowered: Lowered) -> Lowered:
    """What leaves out the decisions behind edits."""
    return replace(lowered, edits=tuple(msgspec.structs.replace(edit, decision=None) for edit in lowered.edits))


BROKEN: dict[str, tuple[Callable[[Subject, Path], None], Callable[[], Subject]]] = {
    "a document is added": (
        laws.changes_nothing,
        lambda: subject(Lowering(lambda plan, lowered: replace(lowered, added=({"more": 1},)))),
    ),
    "a workflow is not lifted": (laws.lifts_everything, lambda: subject(counted=lambda document: (1, 1, 1))),
    "the name is not generated": (
        laws.generates_the_same,
        lambda: subject(Lifting(lambda workflow: ir.replace(workflow, name=""))),
    ),
    "unknown fields are lost": (laws.keeps_unknown_fields, lambda: subject(Lifting(without_unknown))),
    "an edit is not told": (
        laws.edits_are_all_that_changes,
        lambda: subject(Lowering(lambda plan, lowered: replace(lowered, edits=lowered.edits[1:]))),
    ),
    "an edit is told that was not made": (
        laws.edits_are_all_that_changes,
        lambda: subject(Lowering(lambda plan, lowered: replace(lowered, changed={}))),
    ),
    "a workflow without an origin is lost": (
        laws.writes_anew_or_refuses,
        lambda: subject(Lowering(lambda plan, lowered: replace(lowered, added=()))),
    ),
    "it refuses nothing that it cannot generate": (
        laws.writes_anew_or_refuses,
        lambda: subject(generates=False),
    ),
    "twice is more than once": (laws.twice_is_once, lambda: subject(pipeline=(AnotherStep(),))),
    "a change has no decision": (
        laws.every_change_has_a_decision,
        lambda: subject(Lowering(untraced), pipeline=(AnotherStep(),)),
    ),
}


@pytest.mark.parametrize(("law", "broken"), BROKEN.values(), ids=BROKEN)
def test_a_law_finds_what_is_broken(law: Callable[[Subject, Path], None], broken: Callable[[], Subject]) -> None:
    with pytest.raises(AssertionError):
        law(broken(), BUILD)


def with_row(feature: str, row: Capability | None) -> Subject:
    """The adapter with another row of its table."""
    adapter = GithubActionsAdapter()
    rows = tuple(item for item in CAPABILITIES if item.feature != feature)
    adapter.capabilities = rows if row is None else (*rows, row)  # type: ignore[misc]  # of this one only
    return subject(adapter)


@pytest.mark.parametrize(
    ("kind", "name", "row"),
    [
        pytest.param(ir.Step, "timeout", None, id="a field that is carried has no row"),
        pytest.param(ir.Container, "env", Capability("Container.env", "kept"), id="a field that is kept changes"),
        pytest.param(ir.Step, "retry", Capability("Step.retry", "full"), id="a field is refused that is full"),
        pytest.param(ir.Step, "condition", Capability("Step.condition", "full", "if"), id="a limit has no note"),
        pytest.param(ir.Port, "path", Capability("Port.path", "full"), id="a field is claimed that no document shows"),
    ],
)
def test_the_table_has_to_be_true(kind: type[ir.Node], name: str, row: Capability | None) -> None:
    with pytest.raises(AssertionError):
        carries_what_is_set(with_row(f"{kind.__name__}.{name}", row), kind, name)


SEEDED = """
from pathlib import Path
from couler_github_actions import GithubActionsAdapter
from couler_plugins.testing.subject import Subject

class Seeded(GithubActionsAdapter):
    def lower(self, plan, options):
        from dataclasses import replace
        lowered = super().lower(plan, options)
        return replace(lowered, added=tuple({**item, "x": hash("x")} for item in lowered.added))

SUBJECT = Subject(adapter=Seeded(), folder=Path(FOLDER))
"""


def test_another_seed_has_to_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "seeded.py"
    path.write_text(SEEDED.replace("FOLDER", repr(str(FOLDER))))
    spec = importlib.util.spec_from_file_location("seeded", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "seeded", module)
    with pytest.raises(AssertionError):
        laws.is_deterministic(module.SUBJECT)


def test_the_laws_need_no_pytest_to_be_imported() -> None:
    program = "import sys; sys.modules['pytest'] = None; import couler_plugins.testing.laws"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_starting_imports_no_law() -> None:
    program = "import sys, couler_plugins.cli.group; assert 'couler_plugins.testing' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
