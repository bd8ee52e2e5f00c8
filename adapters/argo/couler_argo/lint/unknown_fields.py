"""Fields that Argo does not have, or not in the releases that a document may be for.

`argo lint` and `argo submit` decode strictly and refuse them, and so does an API server with the full CRDs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise

from couler_argo.lint.holders import Holder
from couler_argo.lint.releases import FULL_CRDS
from couler_argo.lint.report import Report
from couler_argo.versions import SINGULAR
from couler_plugins.documents import Path
from couler_plugins.engine_kit.crd.field_tables import Field, FieldTable, Misfit, kubernetes_fields

__all__ = ["check_fields", "field_table"]

REPLACED = {"schedule": "schedules", **{one: many for many, one in SINGULAR.items()}}
STEP = "WorkflowStep"
FEW = 12
"""How many names a hint lists."""


@cache
def field_table() -> FieldTable:
    """The fields of Argo's structures, by release."""
    text = files("couler_argo").joinpath("fields.txt").read_text(encoding="utf-8")
    return FieldTable(text, {"kubernetes": kubernetes_fields()})


def check_fields(holder: Holder, report: Report) -> None:
    """All fields of an object, but those of steps themselves, which are checked where steps are."""
    for misfit in field_table().misfits(holder.manifest.data, holder.kind):
        if misfit.field is not None:
            _check_release(misfit, misfit.field, report)
        elif misfit.structure != STEP:
            _say_unknown(misfit, report)


def _say_unknown(misfit: Misfit, report: Report) -> None:
    name = str(misfit.path[-1])
    fields = [key for key, field in misfit.fields.items() if _is_there(field, report)]
    same = next((key for key in fields if key.lower() == name.lower()), "")
    hint = f"did you mean {same!r}?" if same else report.meant(name, fields, _other_hint(name, fields, misfit))
    message = f"{misfit.structure} has no field {name!r}"
    if _is_dropped(misfit.path, report):
        report.warning("unknown-field", misfit.path, f"{message}, and Argo drops it", hint)
    else:
        report.error("unknown-field", misfit.path, message, hint)


def _other_hint(name: str, fields: Sequence[str], misfit: Misfit) -> str:
    """What to do about a field that is like no other: it may belong one level deeper."""
    table = field_table()
    inner = {key: misfit.fields[key].structure for key in fields} if misfit.structure in table.structures else {}
    if deeper := [key for key, structure in inner.items() if structure and name in table.fields(structure)]:
        return f"it belongs in {', '.join(deeper)}"
    return f"the fields here are {', '.join(fields)}" if len(fields) <= FEW else "remove it, or correct its name"


def _check_release(misfit: Misfit, field: Field, report: Report) -> None:
    """A field that only some releases have."""
    name, releases = str(misfit.path[-1]), report.releases
    if field.until is not None and releases.last >= field.until:
        release = ".".join(map(str, field.until))
        message = f"{misfit.structure} has no field {name!r} since Argo {release}"
        new = REPLACED.get(name)
        hint = f"put it into a list {new}" if new in misfit.fields else "remove it"
        report.since(field.until, "old-spelling", misfit.path, message, hint)
    elif field.since is not None and releases.last < field.since:
        release = ".".join(map(str, field.since))
        message = f"{misfit.structure} has no field {name!r} in {releases}: it came with {release}"
        old = next((one for one, many in REPLACED.items() if many == name), "")
        hint = f"write {old}" if old in misfit.fields else "remove it, or use a later release"
        report.error("unknown-field", misfit.path, message, hint)


def _is_there(field: Field, report: Report) -> bool:
    """Whether some of the releases have a field."""
    releases = report.releases
    return (field.since or releases.last) <= releases.last and (field.until is None or releases.first < field.until)


def _is_dropped(path: Path, report: Report) -> bool:
    """Whether nobody refuses it: Argo decodes what is inside steps loosely, and only full CRDs look into that."""
    in_step = any(key == "steps" and isinstance(inner, int) for key, inner in pairwise(path))
    return in_step and (report.releases.first < FULL_CRDS or "inline" in path)
