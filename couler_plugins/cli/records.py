"""What the commands print with `--format json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from couler_plugins.caching import artifacts
from couler_plugins.cli.messages import write_bytes
from couler_plugins.documents import Finding
from couler_plugins.driver.pipeline import Pass
from couler_plugins.driver.results import FileResult
from couler_plugins.errors import CoulerError
from couler_plugins.hookspecs.caching import Objection, SourcePlace
from couler_plugins.plan import Decision, TracedEdit


def print_json(schema: str, content: dict[str, Any]) -> None:
    """Prints a JSON object that says which schema it follows."""
    text = msgspec.json.format(msgspec.json.encode({"schema": schema, **content}), indent=2)
    write_bytes(f"{text.decode()}\n")


def file_record(file: FileResult, fields: Sequence[str]) -> dict[str, Any]:
    """One file: its path and status, the fields asked for, and the error if it is refused."""
    makers: dict[str, Any] = {
        "workflows": lambda: file.workflows,
        "decisions": lambda: [decision_record(decision) for decision in file.decisions],
        "passes": lambda: [pass_record(item) for item in file.passes],
        "edits": lambda: [edit_record(edit) for edit in file.edits],
    }
    record: dict[str, Any] = {"path": file.name, "status": file.status}
    record.update({field: makers[field]() for field in fields})
    if file.error is not None:
        record["error"] = error_record(file.error)
    return record


def pass_record(item: Pass) -> dict[str, Any]:
    """One optimizer (or adapter), and what it decided."""
    return {"optimizer": item.optimizer, "decisions": [decision_record(decision) for decision in item.decisions]}


def decision_record(decision: Decision) -> dict[str, Any]:
    """One decision; an empty action means that it was decided to leave something alone."""
    return {
        "optimizer": decision.optimizer,
        "workflow": decision.workflow,
        "subject": decision.subject,
        "action": decision.action,
        "reason": decision.reason,
        "figures": dict(decision.figures),
        "affects": list(decision.affects),
        **({"verdict": decision.verdict, **_place_record(decision.place)} if decision.verdict else {}),
        **({"calls": decision.calls} if decision.calls else {}),
        **({"loss": decision.loss} if decision.loss else {}),
        **({"waived": list(decision.waived)} if decision.waived else {}),
        **{
            name: [_objection_record(item) for item in items]
            for name, items in (("objections", decision.objections), ("warnings", decision.warnings))
            if items
        },
    }


def _objection_record(objection: Objection) -> dict[str, Any]:
    """One rule against caching, without what is not known of it."""
    remedy = {"remedy": objection.remedy} if objection.remedy else {}
    return {"rule": objection.rule, "reason": objection.reason, **_place_record(objection.place), **remedy}


def _place_record(place: SourcePlace | None) -> dict[str, Any]:
    if place is None:
        return {}
    return {"file": place.file} if place.line is None else {"file": place.file, "line": place.line}


def edit_record(edit: TracedEdit) -> dict[str, Any]:
    """One edit: document counted from 0 within the file, decision by its position in the file's decisions."""
    return {
        "op": edit.edit.op,
        "document": edit.document,
        "before": edit.edit.before,
        "after": edit.edit.after,
        "old": edit.edit.old,
        "new": edit.edit.new,
        "subject": edit.subject,
        "decision": edit.decision,
    }


def error_record(error: CoulerError) -> dict[str, Any]:
    """An error, without what is not known of it."""
    names = ("message", "file", "line", "engine", "step", "feature", "hint")
    return {name: getattr(error, name) for name in names if getattr(error, name) is not None}


def finding_record(finding: Finding) -> dict[str, Any]:
    """A remark of lint, without what is not known of it."""
    record: dict[str, Any] = msgspec.to_builtins(finding)
    return {name: value for name, value in record.items() if value or name in ("severity", "message", "file")}


def entry_record(entry: artifacts.Entry) -> dict[str, Any]:
    """A result as JSON; what is not known is null."""
    return {
        "key": entry.key,
        "bytes": entry.bytes,
        "created": entry.created,
        "seconds": entry.meta.seconds,
        **{name: getattr(entry.meta, name) for name in ("family", "step", "type", "run", "spec", "made_by")},
        "parents": list(entry.meta.parents),
        "outputs": [
            {
                "name": item.name,
                **({"path": path} if (path := entry.path(item)) else {}),
                "codec": item.codec,
                "bytes": item.bytes,
                "sha256": item.sha256,
            }
            for item in entry.outputs
        ],
    }
