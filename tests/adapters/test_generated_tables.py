"""The tables of what Tekton and KFP carry of other engines' workflows say what is done, of every field of the IR."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from adapters.every_field import WHOLE, changed
from adapters.test_fields import every_feature
from couler_kfp.plugin import KfpAdapter
from couler_kfp.plugin import Options as KfpOptions
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs import Adapter
from couler_plugins.ir import Handler, Need, Node, Operation, Workflow, rebuild, replace
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Plan
from couler_plugins.testing.fields import FEATURES
from couler_tekton.plugin import Options as TektonOptions
from couler_tekton.plugin import TektonAdapter


@dataclass(frozen=True, eq=False)
class Table:
    """One adapter's table.

    Attributes:
        adapter: the adapter.
        options: what it writes with.
        fit: what the nodes of the workflow have to be for it.
        limited: what is carried in part, with the feature by which the rest, to which the values belong, is refused.
    """

    adapter: Adapter
    options: Any
    fit: Callable[[Node], Node]
    limited: dict[str, str]

    def written(self, workflow: Workflow) -> str:
        plan = Plan(bundle=Bundle.of(()), originals=(), workflows=(workflow,))
        return self.adapter.dump(self.adapter.lower(plan, self.options)).added


def after_success(node: Node) -> Node:
    """A need of success: neither starts anything after a failure."""
    return replace(node, outcomes=("succeeded",)) if isinstance(node, Need) else node


def alone(node: Node) -> Node:
    """An operation of one container: KFP has no others."""
    if isinstance(node, Operation):
        return replace(node, containers=tuple(item for item in node.containers if item.role == "main"))
    return after_success(node)


COMMON = {
    "Handler.event": "Workflow.handlers",
    "Workflow.native_extra": "Workflow.native_extra",
    "Graph.parallelism": "Graph.parallelism",
    "Step.condition": "Step.condition",
    "Retry.native_extra": "Retry.native_extra",
}
TEKTON = {
    "Port.kind": "Port.kind",
    "Output.kind": "Output.kind",
    "Argument.kind": "Port.kind",
    "Operation.native_extra": "Operation.native_extra",
    "Step.tolerates": "Step.needs",
    "Step.handlers": "Step.handlers",
    "Container.role": "Operation.containers",
    "Loop.includes": "Loop.includes",
}
KFP = {
    "Port.kind": "Port.value",
    "Graph.outputs": "Output.value",
    "Output.value": "Output.value",
    "Container.role": "Operation.containers",
}
TABLES = {
    "tekton": Table(TektonAdapter(), TektonOptions(), after_success, {**COMMON, **TEKTON}),
    "kfp": Table(KfpAdapter(), KfpOptions(), alone, {**COMMON, **KFP}),
}
each_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


@each_table
def test_the_table_names_every_field_once(table: Table) -> None:
    rows = table.adapter.generated
    assert sorted(row.feature for row in rows) == sorted(f"{kind.__name__}.{name}" for kind, name in FEATURES)
    assert {row.support for row in rows} == {"full", "refused"}


@each_table
@every_feature
def test_a_field_is_carried_or_refused_as_the_table_says(table: Table, node_type: type[Node], name: str) -> None:
    (row,) = (row for row in table.adapter.generated if row.feature == f"{node_type.__name__}.{name}")
    before = rebuild(WHOLE, table.fit)
    workflow = changed(row.feature, table.fit)
    if workflow == before:
        return  # nothing of the kind is in what this engine carries
    if row.support == "refused" or row.feature in table.limited:
        with pytest.raises(Unsupported) as caught:
            table.written(workflow)
        wanted = "Workflow.handlers" if node_type is Handler else table.limited.get(row.feature, row.feature)
        assert (caught.value.feature, bool(caught.value.hint), bool(caught.value.step)) == (wanted, True, True)
        return
    if row.feature == "Workflow.prefix":
        before = replace(before, name="", prefix="-")
    same = table.written(workflow) == table.written(before)
    assert same is row.note.startswith("not written"), row
