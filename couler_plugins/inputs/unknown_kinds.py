"""Documents that no adapter understands because their kind or version is misspelt: an engine would never see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from couler_plugins.documents import Document, Path, Remark
from couler_plugins.hookspecs import ApiGroup

CLOSE = 0.8
"""How much alike two names of groups are of which one was meant: `operator.tekton.dev` is a group of its own."""


def misnamed(documents: Sequence[Document], groups: Sequence[ApiGroup]) -> Iterator[Remark]:
    """What no API server takes for the kind of an engine, and was meant to be.

    Args:
        documents: all of a call.
        groups: those that engines own.
    """
    for number, document in enumerate(documents):
        for path, data in _objects(document.data):
            remark = _remark(number, path, data["kind"], data["apiVersion"], groups)
            if remark is not None:
                yield remark


def _objects(data: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """What says of itself what it is, the items of a `kind: List` included."""
    match data:
        case {"kind": "List", "apiVersion": "v1", "items": list(items)}:
            for number, item in enumerate(items):
                yield from _objects(item, (*path, "items", number))
        case {"kind": str(), "apiVersion": str()}:
            yield path, data


def _remark(number: int, path: Path, kind: str, api: str, groups: Sequence[ApiGroup]) -> Remark | None:
    name, _, version = api.partition("/")
    group = next((group for group in groups if group.name == name), None)
    if group is None:
        return _of_other_group(number, path, kind, name, groups)
    if kind not in group.kinds:
        return _of_other_kind(number, path, kind, group)
    versions = group.kinds[kind]
    if version in versions:
        return None
    message = f"{kind} has no version {version!r}" if version else f"{api!r} names a group, and no version"
    hint = f"write {name}/{versions[0]}"
    return Remark(number, (*path, "apiVersion"), "error", "unknown-version", message, hint)


def _of_other_kind(number: int, path: Path, kind: str, group: ApiGroup) -> Remark | None:
    if kind.removesuffix("List") in (*group.others, *group.kinds):
        return None
    from difflib import get_close_matches

    spelt = {known.lower(): known for known in group.kinds}
    close = get_close_matches(kind.lower(), spelt, n=1)
    hint = f"did you mean {spelt[close[0]]!r}?" if close else f"its workflows are {', '.join(group.kinds)}"
    message = f"{group.name} has no kind {kind!r}: no engine would see this"
    return Remark(number, (*path, "kind"), "error" if close else "warning", "unknown-kind", message, hint)


def _of_other_group(number: int, path: Path, kind: str, name: str, groups: Sequence[ApiGroup]) -> Remark | None:
    """A kind of ours in a group whose name is nearly right."""
    names = [group.name for group in groups if kind in group.kinds]
    if not names:
        return None
    from difflib import get_close_matches

    if not (meant := get_close_matches(name, names, n=1, cutoff=CLOSE)):
        return None
    message = f"no engine has an API group {name!r}: none would see this"
    return Remark(number, (*path, "apiVersion"), "error", "unknown-group", message, f"did you mean {meant[0]!r}?")
