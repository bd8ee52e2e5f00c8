"""What Argo does otherwise than all other engines."""

from __future__ import annotations

import re

from couler_plugins.engine_kit.legalize.legality import Legality, Rule, Site
from couler_plugins.ir import Graph, Native, Operation, Step, nodes, references

ESCAPED = re.compile(r"\\\\")
"""A backslash in JSON: there is something that was escaped."""


def _loops_over_escapes(site: Site) -> bool:
    """Return whether items of a step stand there otherwise than Argo passes them on."""
    structures = (node for node in nodes(site.node.loop) if isinstance(node, Native))
    return any(ESCAPED.search("".join(part for part in node.parts if isinstance(part, str))) for node in structures)


def _read_at_once(site: Site) -> str:
    """Return what is read as one text of JSON: Argo gives inputs and parameters so, and nobody else does."""
    own = {port.name for port in site.workflow.parameters}
    for item in references(site.node):
        whole = item.to == "parameter" and item.name == "json" and "json" not in own
        if whole or (item.to == "input" and not item.name):
            return item.native
    return ""


AT_ONCE = Rule("Reference", "reads {}: all of them at once", _read_at_once, "read them one by one")
OF_ARGO = Legality(
    engine="argo",
    rules={
        Step: (
            Rule(
                "Loop.axes",
                "loops over texts that Argo passes on with escapes",
                _loops_over_escapes,
                "leave quotes, backslashes and newlines out of the items",
            ),
        ),
        Graph: (AT_ONCE,),
        Operation: (AT_ONCE,),
    },
    hints={},
    usual="leave this to an engine that has it",
)
refuse = OF_ARGO.refusal
