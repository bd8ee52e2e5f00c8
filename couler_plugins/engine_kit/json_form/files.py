"""Workflows in files of the IR's own JSON form."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from couler_plugins.engine_kit.json_form.checking import check
from couler_plugins.engine_kit.json_form.plugin import is_json_form
from couler_plugins.engine_kit.lowering import Lowering
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.hookspecs.adapters import NoOptions
from couler_plugins.ir import Bundle, Workflow, from_json, replace, to_json
from couler_plugins.plan import Lowered, Plan

ENGINE = "couler"


def lift(bundle: Bundle, refuse: Callable[[int, CoulerError], None]) -> Plan:
    """The workflows of the documents in this schema; what cannot be read refuses its file."""
    workflows: list[Workflow] = []
    for number, document in enumerate(bundle.documents):
        if not is_json_form(document):
            continue
        try:
            workflow = from_json(json.dumps(document.data))
            check(workflow)
            if workflow.engine != ENGINE:
                hint = "set its field engine to couler, or give that engine's own file"
                raise InvalidInput(f"it holds a workflow of {workflow.engine}", hint=hint)
            workflows.append(replace(workflow, source=(number,)))
        except CoulerError as error:
            error.file, error.line = document.file, document.line_of(error.path) or document.line
            refuse(bundle.file_numbers[number], error)
    return Plan(bundle=bundle, originals=tuple(workflows), workflows=tuple(workflows))


def lower(plan: Plan, options: NoOptions) -> Lowered:
    """The documents of a plan: those that changed, and those of workflows without an origin."""
    return _Lowering(plan).lowered()


class _Lowering(Lowering):
    """Lowers to documents of the JSON form."""

    def generate(self, workflow: Workflow) -> list[Any]:
        return [json.loads(to_json(workflow))]

    def patch(self, workflow: Workflow, original: Workflow, document: int) -> None:
        if workflow != original:
            decision = _behind(self.plan, document)
            self.record(document, json.loads(to_json(workflow)), {}, lambda edit: ("",), (), decision)


def _behind(plan: Plan, document: int) -> int | None:
    """The decision behind the edits of a document, where there is only one."""
    positions = [number for number, decision in enumerate(plan.decisions) if decision.document in (None, document)]
    return positions[0] if len(positions) == 1 else None
