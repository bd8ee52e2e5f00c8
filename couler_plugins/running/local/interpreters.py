"""What an interpreter is on this machine, as one text: what a result depends on beside a program and its inputs."""

from __future__ import annotations

import functools
import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from couler_plugins.caching.code import installation
from couler_plugins.caching.dataplane.contents import sha256_of
from couler_plugins.hookspecs.local import NotThere

PATIENCE = 60.0  # seconds that an interpreter may take to say what is installed beside it


def identity_of(command: str, environment: Mapping[str, str]) -> str:
    """Return what a command is in an environment; asked once in a process.

    It is the sha256 of its bytes, and for Python of what it would import as well.

    Raises:
        NotThere: there is no such command, or it does not say what it is.
    """
    return _identity(command, tuple(sorted(environment.items())))


@functools.cache
def _identity(command: str, environment: tuple[tuple[str, str], ...]) -> str:
    path = shutil.which(command, path=dict(environment).get("PATH"))
    if path is None:
        raise NotThere(f"there is no {command!r}")
    try:
        content = sha256_of(Path(path).resolve())
        if not Path(command).name.startswith("python"):
            return content
        version = subprocess.run(  # noqa: S603  # the interpreter of the step
            [path, installation.__file__],
            capture_output=True,
            timeout=PATIENCE,
            check=True,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
        )
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").splitlines()
        raise NotThere(f"{path} does not say what is installed: {lines[-1] if lines else error.returncode}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotThere(f"{path} does not say what is installed: {error}") from None
    return hashlib.sha256(content.encode() + version.stdout).hexdigest()
