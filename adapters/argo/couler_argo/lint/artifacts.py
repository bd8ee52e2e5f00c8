"""Artifacts: where they come from, where they are stored, and the paths that they have in containers."""

from __future__ import annotations

import posixpath
from urllib.parse import urlsplit

from couler_argo.lint.report import Report
from couler_plugins.documents import Mapped, Path

ORDER = ("artifactory", "azure", "git", "gcs", "hdfs", "http", "oss", "raw", "s3", "plugin")
"""Argo takes the first of these that an artifact has."""

FULL = {
    "azure": ("endpoint", "container", "blob"),
    "git": ("repo",),
    "gcs": ("bucket", "key"),
    "hdfs": ("addresses",),
    "http": ("url",),
    "oss": ("bucket", "endpoint", "key"),
    "raw": (),
    "s3": ("endpoint", "bucket", "key"),
    "plugin": ("name", "configuration", "key"),
}
KEYS = {"azure": "blob", "gcs": "key", "hdfs": "path", "oss": "key", "s3": "key", "plugin": "key"}


def has_source(artifact: Mapped) -> bool:
    """Whether an artifact says where it is, or under which key of the usual place."""
    kind = next((kind for kind in ORDER if kind in artifact), None)
    if kind is None:
        return False
    location = artifact[kind]
    if kind == "artifactory":
        return bool(location.get("url") and "usernameSecret" in location) or _has_path(location.get("url", ""))
    if kind == "http":
        return bool(location.get("url"))
    return all(location.get(key) for key in FULL[kind]) or bool(location.get(KEYS.get(kind, "")))


def _has_path(url: str) -> bool:
    try:
        return bool(urlsplit(url).path)
    except ValueError:
        return False


def check_location(data: Mapped, path: Path, subject: str, report: Report) -> None:
    """What the locations of an artifact cannot do without."""
    if "git" in data and not data["git"].get("repo"):
        report.error("artifact-location", (*path, "git"), f"{subject} has no git.repo", "give the repository")
    if "hdfs" in data:
        _check_hdfs(data["hdfs"], (*path, "hdfs"), subject, report)


def _check_hdfs(hdfs: Mapped, path: Path, subject: str, report: Report) -> None:
    needed = [key for key in ("addresses", "path") if not hdfs.get(key)]
    cache, keytab = "krbCCacheSecret" in hdfs, "krbKeytabSecret" in hdfs
    if not (hdfs.get("hdfsUser") or cache or keytab):
        needed.append("hdfsUser, krbCCacheSecret or krbKeytabSecret")
    if cache or keytab:
        needed += [key for key in ("krbServicePrincipalName", "krbConfigConfigMap") if not _given(hdfs, key)]
    if keytab:
        needed += [key for key in ("krbUsername", "krbRealm") if not hdfs.get(key)]
    if needed:
        report.error("artifact-location", path, f"{subject} lacks hdfs {', '.join(needed)}", "add what is missing")
    if hdfs.get("path") and not hdfs["path"].startswith("/"):
        report.error("artifact-location", (*path, "path"), f"{subject} has a relative hdfs path", "begin it with /")


def _given(hdfs: Mapped, key: str) -> bool:
    return key in hdfs if key == "krbConfigConfigMap" else bool(hdfs.get(key))


def check_path(artifact: Mapped, path: Path, subject: str, leaf: bool, report: Report) -> None:
    """The path in a container: every artifact of a container has one, and nothing else has."""
    path_text = artifact.get("path", "")
    if not leaf:
        if path_text:
            hint = "remove it: a template of steps or tasks has no files"
            report.error("artifact-path", (*path, "path"), f"{subject} has a path", hint)
    elif not path_text:
        report.error("artifact-path", path, f"{subject} has no path", "say where it is in the container")
    elif _escapes(path_text):
        hint = "write the path without .."
        report.error("artifact-path", (*path, "path"), f"{subject} has a path that leads out of its folder", hint)


def _escapes(path: str) -> bool:
    """Whether the `..` in a path lead out of what stands before the first of them."""
    if "/../" in path:
        safe = path[: path.index("/../")]
    elif path.endswith("/.."):
        safe = path[:-3]
    else:
        return False
    cleaned = posixpath.normpath(path)
    return bool(safe) and not (cleaned.startswith(f"{safe}/") and len(cleaned) > len(safe) + 1)
