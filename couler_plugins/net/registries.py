"""Registries of images, asked for digests through a client that is installed: crane, oras or skopeo."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from couler_plugins.errors import InvalidInput
from couler_plugins.net.redacting import redact

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
SECONDS = 60
"""How long a client may take for one image."""
AT_A_TIME = 8
"""How many images are asked for at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryClient:
    """A program that knows the digest of an image; it finds credentials by itself, as Docker does.

    Attributes:
        command: its command line, in front of the image.
        login: the command that lets a user log in.
        prefix: what stands before the name of an image.
        prints_manifest: whether it prints the image's manifest, or its list of manifests, and not its digest.
    """

    command: tuple[str, ...]
    login: str
    prefix: str = ""
    prints_manifest: bool = False

    @property
    def name(self) -> str:
        """The name of the program."""
        return self.command[0]

    def digest(self, image: str) -> tuple[str, str]:
        """Return the digest of an image, or an empty text and the reason why there is none."""
        import subprocess  # `couler plugins` imports this module, and asks no registry

        try:
            done = subprocess.run(  # noqa: S603  # the program is one of ours, and no image begins with a dash
                [*self.command, self.prefix + full_name(image)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "", f"{self.name} does not answer within {SECONDS} seconds"
        except OSError as error:
            return "", f"{self.name} cannot be started: {error.strerror or error}"
        if done.returncode:
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {done.returncode}"]
            return "", f"{self.name} failed: {redact(lines[-1])[:300]}"
        if self.prints_manifest:
            digest = _manifest_digest(done.stdout)
            return digest, "" if digest else f"{self.name} printed something else than a manifest"
        digest = done.stdout.decode("utf-8", "replace").strip()
        return (digest, "") if DIGEST.fullmatch(digest) else ("", f"{self.name} printed something else than a digest")

    def digests(self, images: Iterable[str]) -> list[tuple[str, str]]:
        """Return what `digest` says of each image, in their order."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(AT_A_TIME) as threads:
            return list(threads.map(self.digest, images))


CLIENTS = (
    RegistryClient(command=("crane", "digest"), login="crane auth login"),
    RegistryClient(command=("oras", "resolve"), login="oras login"),
    RegistryClient(
        # It knows the digest, too, but then refuses a list of manifests without one for this machine's platform.
        command=("skopeo", "inspect", "--raw"),
        login="skopeo login",
        prefix="docker://",
        prints_manifest=True,
    ),
)


def registry_client(name: str = "auto") -> RegistryClient:
    """Return a client that is installed: the one of this name, or the first one.

    Raises:
        InvalidInput: it is not installed, or none is.
    """
    import shutil

    clients = [client for client in CLIENTS if name in ("auto", client.name)]
    names = " or ".join(client.name for client in clients)
    for client in clients:
        if shutil.which(client.name):
            return client
    raise InvalidInput(f"no registry can be asked: {names} is not installed", hint=f"install {names}")


def _manifest_digest(content: bytes) -> str:
    """Return the digest of a manifest; empty for anything else, and for version 1, which is digested otherwise."""
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    is_manifest = isinstance(manifest, dict) and manifest.get("schemaVersion") == 2
    return f"sha256:{hashlib.sha256(content).hexdigest()}" if is_manifest else ""


def full_name(image: str) -> str:
    """Return the name of an image with its registry and tag, as container runtimes complete it.

    >>> full_name("python"), full_name("localhost:5000/team/name:1")
    ('docker.io/library/python:latest', 'localhost:5000/team/name:1')
    """
    first, slash, _ = image.partition("/")
    if not slash or (first != "localhost" and not re.search(r"[.:A-Z]", first)):
        image = f"docker.io/{image}"
    image = re.sub(r"^docker\.io/(?=[^/]+$)", "docker.io/library/", image)
    return image if ":" in image.rpartition("/")[2] else f"{image}:latest"
