"""The table of what a generated DAG carries says what the generator does, of every field of the IR.

One workflow has a place for each field. A refused one, set there, is refused by its name; one that is carried is seen
in the DAG, unless the table says that it is not written.
"""

from __future__ import annotations

import pytest

from adapters.airflow.generated.corpus import written
from adapters.every_field import WHOLE, changed
from adapters.test_fields import every_feature
from couler_airflow.capabilities_generated import GENERATED
from couler_airflow.plugin import Options
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Handler, Node, Workflow, replace
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Plan
from couler_plugins.testing.fields import FEATURES

ROWS = {row.feature: row for row in GENERATED}
LIMITED = {
    "Container.role": "Operation.containers",
    "Operation.locks": "Operation.locks",
    "Output.exported": "Output.exported",
    "Graph.finalizers": "Graph.finalizers",
    "Port.kind": "Port.kind",
}
LIMITED |= {"Handler.event": "Workflow.handlers", "Output.kind": "Output.kind", "Argument.kind": "Argument.kind"}
LIMITED |= {"Retry.native_extra": "Retry.native_extra"}
"""What is carried in part, with the feature by which the rest, to which these values belong, is refused."""


def source(workflow: Workflow) -> str:
    return written(workflow, Plan(bundle=Bundle.of(()), originals=(), workflows=(workflow,)), Options())


def test_the_table_names_every_field_once() -> None:
    assert sorted(row.feature for row in GENERATED) == sorted(f"{kind.__name__}.{name}" for kind, name in FEATURES)
    assert {row.support for row in GENERATED} == {"full", "refused"}


def test_the_workflow_is_carried_as_it_is() -> None:
    compile(source(WHOLE), "whole", "exec")


@every_feature
def test_a_field_is_carried_or_refused_as_the_table_says(node_type: type[Node], name: str) -> None:
    row = ROWS[f"{node_type.__name__}.{name}"]
    workflow = changed(row.feature)
    assert workflow != WHOLE
    if row.support == "refused" or row.feature in LIMITED:
        with pytest.raises(Unsupported) as caught:
            source(workflow)
        wanted = "Workflow.handlers" if node_type is Handler else LIMITED.get(row.feature, row.feature)
        assert caught.value.feature == wanted
        return
    same = source(workflow) == source(
        WHOLE if row.feature != "Workflow.prefix" else replace(WHOLE, name="", prefix="-")
    )
    assert same is row.note.startswith("not written"), row
