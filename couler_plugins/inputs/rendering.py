"""Renders charts and kustomizations with helm and kustomize, where somebody asked for it and they are installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from couler_plugins.documents import read
from couler_plugins.errors import CoulerError, EngineError

TIMEOUT = 120
"""Seconds that a tool may take for one folder."""


class Build(NamedTuple):
    """How a folder is rendered.

    Attributes:
        name: the command, for people.
        commands: the command lines that do it; the first whose program is installed is run.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]

    def run(self, folder: Path) -> bytes:
        """Return the manifests that a folder makes.

        Raises:
            EngineError: no such program is installed, or it fails.
        """
        import shutil  # these take longer to import than all else that reads a folder
        import subprocess

        command = next((item for item in self.commands if shutil.which(item[0])), None)
        if command is None:
            programs = " or ".join(item[0] for item in self.commands)
            raise EngineError(f"it is not rendered: {programs} is not installed", hint="install it, or omit --render")
        try:
            done = subprocess.run(  # noqa: S603  # the program is one of ours, and the folder one argument
                [*command, str(folder.absolute())],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EngineError(f"{self.name} failed: {error}", hint="run it by hand to see why") from error
        if done.returncode:
            reason = " ".join(done.stderr.decode("utf-8", "replace").split())[-300:]
            raise EngineError(f"{self.name} failed: {reason}", hint="run it by hand to see why")
        return done.stdout


HELM = Build("helm template", (("helm", "template"),))
KUSTOMIZE = Build("kustomize build", (("kustomize", "build"), ("kubectl", "kustomize")))


def patches_of(kustomization: Path) -> Iterator[Path]:
    """Yield the files that a kustomization applies to others; none where it cannot be read."""
    try:
        documents = read(kustomization.read_bytes(), str(kustomization)).documents
    except (CoulerError, OSError):
        return
    for document in documents:
        data = document.data if isinstance(document.data, dict) else {}
        for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
            patches = data.get(key)
            for patch in patches if isinstance(patches, list) else ():
                place = patch.get("path") if isinstance(patch, dict) else patch
                if isinstance(place, str) and "\n" not in place:
                    yield Path(_normal(kustomization.parent / place))


def _normal(path: Path) -> str:
    import os.path

    return os.path.normpath(path)  # unlike resolve(), it follows no links: paths are compared as they were walked
