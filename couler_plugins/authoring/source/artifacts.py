"""Declared outputs and inputs as calls of `create_…_artifact`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_plugins.authoring.artifacts import artifact_name
from couler_plugins.authoring.source.texts import constant, refused
from couler_plugins.ir import Literal, Output, Port

KEYS = {
    "s3": {"bucket": "bucket", "key": "key", "endpoint": "endpoint", "insecure": "insecure"},
    "oss": {"bucket": "bucket", "key": "key", "endpoint": "endpoint"},
    "gcs": {"bucket": "bucket", "key": "key"},
    "hdfs": {"addresses": "addresses", "path": "hdfs_path", "hdfsUser": "user"},
    "git": {"repo": "repo", "revision": "revision", "depth": "depth"},
}
SECRETS = {
    "accessKeySecret": "accesskey",
    "secretKeySecret": "secretkey",
    "serviceAccountKeySecret": "service_account_key",
}


def declared(item: Output | Port, subject: str) -> str:
    """The call that declares it.

    Raises:
        Unsupported: it is found otherwise than in a file, or lies where the interface knows no store.
    """
    path = item.path.value if isinstance(item.path, Literal) else None
    if not isinstance(path, str) or item.value is not None or item.default is not None:
        raise refused(subject, f"has {item.name!r}, which is no file with a place")
    native = item.native_extra if isinstance(item, Output) else item.origin
    content: Mapping[str, Any] = {} if native is None else native.data
    options = {"path": path}
    store = "parameter" if item.kind == "parameter" else "local"
    if content:
        store, options = _stored(content, path, subject)
    texts = [f"{key}={constant(value)}" for key, value in options.items()]
    if item.name != artifact_name("", path):
        texts.append(f"name={constant(item.name)}")
    if isinstance(item, Output) and item.exported is not None:
        texts.append("is_global=True")
    return f"couler.create_{store}_artifact({', '.join(texts)})"


def _stored(content: Mapping[str, Any], path: str, subject: str) -> tuple[str, dict[str, Any]]:
    """The store, and the arguments that say where in it."""
    (store, place), *others = content.items()
    if others or store not in KEYS:
        raise refused(subject, f"keeps a file in {store}")
    options: dict[str, Any] = {"path": path}
    for key, value in place.items():
        if key in SECRETS:
            options[SECRETS[key]] = (value["name"], value["key"])
        elif key in KEYS[store]:
            options[KEYS[store][key]] = value
        else:
            raise refused(subject, f"says {key} of a file in {store}")
    return store, options
