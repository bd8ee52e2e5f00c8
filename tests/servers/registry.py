"""A real registry of images (Debian: `docker-registry`) on loopback, and images that are pushed to it by its API."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from servers.processes import free_port, until, when_stopped

__all__ = ["PROGRAM", "push_image", "push_index", "registry"]

PROGRAM = shutil.which("docker-registry")
OCI = "application/vnd.oci.image"


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """A running registry that keeps its data in a folder, as `localhost:PORT`."""
    assert PROGRAM is not None
    port = free_port()
    config = folder / "registry.json"  # JSON is YAML
    storage = {"filesystem": {"rootdirectory": str(folder / "data")}}
    http = {"addr": f"127.0.0.1:{port}"}
    config.write_text(json.dumps({"version": 0.1, "storage": storage, "http": http, "log": {"level": "error"}}))
    command = [PROGRAM, "serve", str(config)]
    with when_stopped(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)) as process:
        until(lambda: process.poll() is not None or _answers(port), 20, "the start of the registry")
        assert process.poll() is None, "the registry has ended"
        yield f"localhost:{port}"


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/"):
            return True
    except OSError:
        return False


def push_image(host: str, name: str, reference: str, architecture: str = "amd64") -> dict[str, Any]:
    """Push an image without layers under a tag; return its descriptor."""
    config = {"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": _push_blob(host, name, json.dumps(config).encode()),
        "layers": [],
    }
    pushed = _push_manifest(host, name, reference, manifest)
    return {**pushed, "platform": {"architecture": architecture, "os": "linux"}}


def push_index(host: str, name: str, tag: str, *architectures: str) -> str:
    """Push an image of several platforms under a tag; return the digest of the list."""
    manifests = [push_image(host, name, f"{tag}-{item}", item) for item in architectures]
    index = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": manifests}
    return str(_push_manifest(host, name, tag, index)["digest"])


def _push_blob(host: str, name: str, content: bytes) -> dict[str, Any]:
    digest = _digest(content)
    with _request("POST", f"http://{host}/v2/{name}/blobs/uploads/") as answer:
        place = str(answer.headers["Location"])
    with _request("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", content, "application/octet-stream"):
        return {"mediaType": f"{OCI}.config.v1+json", "digest": digest, "size": len(content)}


def _push_manifest(host: str, name: str, reference: str, manifest: dict[str, Any]) -> dict[str, Any]:
    content, kind = json.dumps(manifest).encode(), str(manifest["mediaType"])
    with _request("PUT", f"http://{host}/v2/{name}/manifests/{reference}", content, kind):
        return {"mediaType": kind, "digest": _digest(content), "size": len(content)}


def _request(method: str, url: str, content: bytes = b"", kind: str = "") -> Any:
    headers = {"Content-Type": kind} if kind else {}
    return urllib.request.urlopen(urllib.request.Request(url, data=content, method=method, headers=headers))


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
