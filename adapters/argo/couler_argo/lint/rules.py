"""Fields that Argo does not have, and rules of the CRDs of Argo 4 that its own validation does not have.

`argo lint` and `argo submit` decode strictly and refuse them, and so does an API server with the full CRDs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise

from couler_argo.lint.holders import Holder
from couler_argo.lint.report import FULL_CRDS, Report
from couler_argo.lint.run import calls_of, named
from couler_argo.lint.shapes import LOCATION
from couler_argo.lower import SINGULAR
from couler_plugins.documents import Mapped, Path
from couler_plugins.engine_kit.crd.field_tables import Field, FieldTable, Misfit, kubernetes_fields

REQUIRED = {
    "memoize": ("key", "maxAge", "cache"),
    "http": ("url",),
    "data": ("source", "transformation"),
    "gauge": ("realtime",),
    "histogram": ("buckets",),
}
STRATEGIES = ("", "OnWorkflowCompletion", "OnWorkflowDeletion", "Never")
MERGES = ("strategic", "merge", "json")
OPERATIONS = ("Set", "Add", "Sub")
MINIMAL = "the minimal CRDs do not ask for it"


def check_rules(holder: Holder, report: Report) -> None:
    """What the API server refuses, besides what Argo does."""
    spec, path = holder.spec, holder.spec_path
    _check_word(spec.get("artifactGC", {}), "strategy", STRATEGIES, (*path, "artifactGC"), "artifactGC", report)
    _check_parallelism(spec, path, "the workflow", report)
    _check_artifacts(spec.get("arguments", {}), (*path, "arguments"), "", report)
    for number, template in enumerate(holder.templates):
        place, where = (*path, "templates", number), named(template)
        for key in ("memoize", "http", "data"):
            _check_required(template, key, place, f"{where}: ", report)
        _check_word(template.get("resource", {}), "mergeStrategy", MERGES, (*place, "resource"), where, report)
        _check_parallelism(template, place, where, report)
        for index, metric in enumerate(template.get("metrics", {}).get("prometheus", ())):
            at = (*place, "metrics", "prometheus", index)
            for key in ("gauge", "histogram"):
                _check_required(metric, key, at, f"{where}: ", report)
            _check_word(metric.get("gauge", {}), "operation", OPERATIONS, (*at, "gauge"), where, report)
        for ports, at in _ports(template, place):
            _check_artifacts(ports, at, f"{where}: ", report)
        _check_location(template.get("archiveLocation", {}), (*place, "archiveLocation"), where, report)


def _ports(template: Mapped, path: Path) -> Iterator[tuple[Mapped, Path]]:
    """All inputs, outputs and arguments of a template."""
    for side in ("inputs", "outputs"):
        yield template.get(side, {}), (*path, side)
    for call, place in calls_of(template, path):
        yield call.get("arguments", {}), (*place, "arguments")


def _check_artifacts(ports: Mapped, path: Path, where: str, report: Report) -> None:
    for number, item in enumerate(ports.get("artifacts", ())):
        place, subject = (*path, "artifacts", number), f"{where}artifact {item.get('name', '')!r}"
        _check_location(item, place, subject, report)
        _check_word(item.get("artifactGC", {}), "strategy", STRATEGIES, (*place, "artifactGC"), subject, report)


def _check_location(item: Mapped, path: Path, subject: str, report: Report) -> None:
    kinds = [kind for kind in LOCATION if kind in item]
    if len(kinds) > 1:
        message = f"{subject} has several locations: {', '.join(kinds)}"
        report.since(FULL_CRDS, "crd-rule", path, message, "keep one of them", before="warning")


def _check_required(holder: Mapped, key: str, path: Path, where: str, report: Report) -> None:
    missing = [name for name in REQUIRED[key] if key in holder and name not in holder[key]]
    if missing:
        message = f"{where}{key} has no {' and no '.join(missing)}, which the default CRDs of Argo 4 ask for"
        report.since(FULL_CRDS, "crd-rule", (*path, key), message, f"add it; {MINIMAL}")


def _check_word(holder: Mapped, key: str, allowed: tuple[str, ...], path: Path, where: str, report: Report) -> None:
    word = holder.get(key)
    if word is not None and word not in allowed:
        message = f"{where}: {key} is {word!r}, which does not exist"
        hint = report.meant(word, allowed, f"use one of {', '.join(filter(None, allowed))}")
        report.since(FULL_CRDS, "crd-rule", (*path, key), message, hint, before="warning")


def _check_parallelism(holder: Mapped, path: Path, where: str, report: Report) -> None:
    if holder.get("parallelism", 1) < 1:
        message = f"{where} has a parallelism of {holder['parallelism']}"
        hint = "give a number above zero, or remove it"
        report.since(FULL_CRDS, "crd-rule", (*path, "parallelism"), message, hint, before="warning")


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
