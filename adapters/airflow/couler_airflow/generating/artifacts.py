"""Artifacts: files and folders that steps hand on, below the store; and the shell code that puts them there.

The store is a PersistentVolumeClaim, which is mounted into each pod that gives or takes artifacts. What a run makes is
below `runs`, and what has a key of its own (Argo's key-only artifacts) below `keys`, for all runs.
"""

from __future__ import annotations

from typing import Any

from couler_airflow.generating.texts import Jinja, Scope, Text, joined, resolve, resolve_data
from couler_airflow.legal import refusal
from couler_plugins.ir import Native, Output, Port, Reference, Value

MOUNT = "/couler-store"
VOLUME = "couler-store"
RAW = "\ue001"
"""What begins an artifact that is a text of the workflow itself."""
KEYED = ("s3", "gcs", "oss", "azure")
KEYS = ("key", "blob")
HARMLESS = ("archive", "archiveLogs", "artifactGC", "deleted")
"""What Argo says of how an artifact is kept elsewhere."""

FILES = r"""
run() { until [ "$1" = -- ]; do shift 4; done; shift; "$@"; }
put() {
  mkdir -p "$(dirname "$2")" || return
  if [ -d "$1" ]; then mkdir -p "$2" && cp -R "$1/." "$2"; else cp "$1" "$2"; fi
}
each() {
  now=$1; shift
  until [ "$1" = -- ]; do
    if [ "$now/$1" = in/raw ]; then mkdir -p "$(dirname "$3")" && printf %s "$2" > "$3" || exit
    elif [ "$now" != "$1" ]; then :
    elif [ -e "$2" ]; then
      [ "$1" = in ] || rm -rf "$3" || exit
      put "$2" "$3" || exit
    elif [ -z "$4" ]; then echo "the artifact $2 is missing" >&2; exit 1
    fi
    shift 4
  done
}
each in "$@"; run "$@" || exit; each out "$@"
"""
"""`sh -c FILES sh [in|raw|out FROM TO optional|'']… -- COMMAND…`: puts files in place, before and after a command."""


def folder_of(dag_id: str) -> Text:
    """Return where the files of a run are."""
    return (f"runs/{dag_id}/", Jinja("run_id"))


def input_of(port: Port, value: Value | None, scope: Scope, step: str) -> Text | None:
    """Return where an artifact is that a call passes, or that a port takes by itself; None where nothing is passed.

    Raises:
        Unsupported: it comes from outside of the store.
    """
    if value is None:
        return _located(port.origin, scope, step, port.name) if port.origin is not None else None
    return resolve(value, scope, step) if isinstance(value, Reference) else _located(value, scope, step, port.name)


def _located(value: Value, scope: Scope, step: str, name: str) -> Text:
    data = resolve_data(value, scope, step) if isinstance(value, Native) else {}
    data = {key: inner for key, inner in data.items() if key not in HARMLESS}
    if isinstance(data.get("from"), tuple) and not data.keys() - {"from", "subPath"}:
        path = data.get("subPath", ())
        return joined(data["from"], ("/",), path) if path else joined(data["from"])
    if data.keys() == {"raw"}:
        return joined((RAW,), data["raw"].get("data", ()))
    key = _key(data)
    if key is None:
        hint = "let the container fetch it, and pass its address as a parameter"
        places = ", ".join(sorted(data)) or "an expression"
        raise refusal("Port.origin", step, f"takes the artifact {name!r} from elsewhere ({places})", hint)
    return key


def _key(data: Any) -> Text | None:
    """Where something is that has nothing but a key; None for anything else."""
    (kind, place), *others = list(data.items()) or [("", None)]
    if others or kind not in KEYED or not isinstance(place, dict) or len(place) != 1 or not place.keys() & {*KEYS}:
        return None
    (key,) = place.values()
    return joined(("keys/",), key) if isinstance(key, tuple) else None


def kept(output: Output, place: Text, scope: Scope, step: str) -> tuple[Text, str]:
    """Return where an output artifact is kept, and where it would be kept elsewhere.

    Args:
        output: the artifact.
        place: where it is unless it has a key of its own.
        scope: what its references stand for.
        step: who gives it.
    """
    data = resolve_data(output.native_extra, scope, step)
    data = {key: inner for key, inner in data.items() if key not in HARMLESS}
    if data.pop("optional", False) or not data:
        return place, ", ".join(sorted(data))
    key = _key(data)
    return (place, ", ".join(sorted(data))) if key is None else (key, "")


def is_optional(output: Output) -> bool:
    """Return whether an output artifact may be missing."""
    native = output.native_extra
    is_plain = native is not None and all(isinstance(part, str) for part in native.parts)
    data = resolve_data(native, Scope({}), "") if is_plain else {}
    return bool(data.get("optional"))


def is_raw(place: Text) -> bool:
    """Return whether an artifact is a text of the workflow itself."""
    return bool(place) and isinstance(place[0], str) and place[0].startswith(RAW)


def raw_text(place: Text) -> Text:
    """Return the text of such an artifact."""
    first = str(place[0]).removeprefix(RAW)
    return joined((first,), place[1:])
