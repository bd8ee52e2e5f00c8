"""What steps leave and take: parameters, which are texts in files, and artifacts, which are files in a store.

Where an artifact lies is said in the words of Argo's manifests; engines without artifacts refuse it by step.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Literal

from couler_plugins.authoring.checks import (
    checked_flag,
    checked_key,
    checked_object,
    checked_port,
    checked_text,
    checked_texts,
    checked_whole,
)
from couler_plugins.authoring.places import said_where, shown
from couler_plugins.authoring.values import RunValue
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Reference

OTHER = re.compile(r"[^A-Za-z0-9]+")
SecretKey = tuple[str, str]
"""The name of a Secret, and a key in it."""


@dataclass(frozen=True)
class Artifact:
    """A declared output (`output=`) or input (`input=`) of a step.

    Attributes:
        name: what the step calls it.
        path: the file (or folder) in the container.
        kind: `parameter`, a text of at most some kilobytes, or `artifact`.
        location: where it lies outside of the workflow; None where the engine decides that.
        is_global: whether the whole run sees it under its name.
        is_input: whether it can only be taken.
    """

    name: str
    path: str
    kind: Literal["parameter", "artifact"] = "artifact"
    location: tuple[tuple[str, Any], ...] | None = None
    is_global: bool = False
    is_input: bool = False


class ArtifactValue(RunValue):
    """An artifact that a step gives; `path` is where the next one finds it, too."""

    def __init__(self, reference: Reference, path: str) -> None:
        super().__init__(reference)
        self.path = path


@said_where
def create_parameter_artifact(path: str, is_global: bool = False, name: str = "") -> Artifact:
    """A text that a step leaves in a file, and that other steps are given as a text.

    Args:
        path: the file in the container.
        is_global: whether the whole run sees it; a step that reads it by value does not need that.
        name: what the step calls it; made of the file's name unless given.
    """
    return Artifact(artifact_name(name, path), path, kind="parameter", is_global=checked_flag(is_global, "is_global"))


@said_where
def create_local_artifact(path: str, is_global: bool = False, name: str = "") -> Artifact:
    """A file that the engine keeps where it keeps artifacts."""
    return Artifact(artifact_name(name, path), path, is_global=checked_flag(is_global, "is_global"))


@said_where
def create_s3_artifact(
    path: str,
    bucket: str,
    key: str,
    accesskey: SecretKey | None = None,
    secretkey: SecretKey | None = None,
    endpoint: str = "s3.amazonaws.com",
    is_global: bool = False,
    insecure: bool = False,
    name: str = "",
) -> Artifact:
    """A file in S3, or in a store that speaks its protocol.

    Args:
        path: the file in the container.
        bucket, key: where it lies.
        accesskey, secretkey: which Secret, and which key of it, holds the access key and the secret key.
        endpoint: the host.
        is_global: whether the whole run sees it.
        insecure: whether it is fetched without TLS.
        name: what the step calls it; made of the file's name unless given.
    """
    content = {
        "bucket": bucket,
        "key": key,
        "endpoint": endpoint,
        **({"insecure": True} if checked_flag(insecure, "insecure") else {}),
    }
    return _stored(
        "s3", path, {**content, **_keys(accessKeySecret=accesskey, secretKeySecret=secretkey)}, is_global, name
    )


@said_where
def create_oss_artifact(
    path: str,
    bucket: str,
    key: str,
    endpoint: str,
    accesskey: SecretKey | None = None,
    secretkey: SecretKey | None = None,
    is_global: bool = False,
    name: str = "",
) -> Artifact:
    """A file in Alibaba Cloud OSS; the arguments are those of `create_s3_artifact`."""
    content = {"bucket": bucket, "key": key, "endpoint": endpoint}
    keys = _keys(accessKeySecret=accesskey, secretKeySecret=secretkey)
    return _stored("oss", path, {**content, **keys}, is_global, name)


@said_where
def create_gcs_artifact(
    path: str,
    bucket: str,
    key: str,
    service_account_key: SecretKey | None = None,
    is_global: bool = False,
    name: str = "",
) -> Artifact:
    """A file in Google Cloud Storage; `service_account_key` says which Secret, and which key of it, holds the key."""
    account = _keys(serviceAccountKeySecret=service_account_key)
    return _stored("gcs", path, {"bucket": bucket, "key": key, **account}, is_global, name)


@said_where
def create_hdfs_artifact(
    path: str,
    addresses: list[str],
    hdfs_path: str,
    user: str = "",
    is_global: bool = False,
    name: str = "",
) -> Artifact:
    """A file in HDFS: `addresses` are those of name nodes (`host:port`), `hdfs_path` is where it lies there."""
    nodes = checked_texts(addresses, "addresses", 'addresses=["namenode:8020"]')
    content = {"addresses": nodes, "path": hdfs_path, **({"hdfsUser": user} if user else {})}
    return _stored("hdfs", path, content, is_global, name)


@said_where
def create_git_artifact(path: str, repo: str, revision: str = "", depth: int = 0, name: str = "") -> Artifact:
    """A Git repository that is checked out for a step: only an input.

    Args:
        path: the folder in the container.
        repo: its address.
        revision: the branch, tag or commit; the usual branch unless given.
        depth: how many commits are fetched; all of them unless given.
        name: what the step calls it; made of the folder's name unless given.
    """
    commits = checked_whole(depth, "depth", least=0)
    content = {"repo": repo, **({"revision": revision} if revision else {}), **({"depth": commits} if commits else {})}
    return replace(_stored("git", path, content, False, name), is_input=True)


def _stored(store: str, path: str, content: dict[str, Any], is_global: bool, name: str) -> Artifact:
    for said, value in content.items():
        if not isinstance(value, (bool, int, list, dict)):
            checked_text(value, f"the {said} of {shown(path)}", "give a text")
    location = ((store, content),)
    return Artifact(artifact_name(name, path), path, location=location, is_global=checked_flag(is_global, "is_global"))


def _keys(**keys: SecretKey | None) -> dict[str, Any]:
    return {said: _secret(said, key) for said, key in keys.items() if key is not None}


def _secret(said: str, key: Any) -> dict[str, str]:
    if not isinstance(key, tuple) or len(key) != 2:
        hint = '("name of the Secret", "key in it")'
        raise InvalidInput(f"{said} is {shown(key)}, not a pair of a Secret and a key", hint=hint)
    return {"name": checked_object(key[0], said), "key": checked_key(key[1], f"the key of {said}")}


def artifact_name(name: str, path: Any) -> str:
    """What an artifact is called: as it was said, or after its file."""
    if not isinstance(path, str) or not path.startswith("/"):
        raise InvalidInput(f"{shown(path)} is no absolute path", hint="give the place of the file in the container")
    result = OTHER.sub("-", PurePosixPath(path).stem).strip("-") if name == "" else name
    if result == "":
        raise InvalidInput(f"{shown(path)} gives no name", hint="give the artifact a name")
    return checked_port(result, "the name of an artifact")
