"""A pod as processes: init containers, then the main one with its sidecars, as Argo runs a template.

Source: Argo's `workflow/executor/emissary.go`: a command is run as it stands, and sidecars are ended once it has.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Ran", "pod"]

KEY = "{{=sprig"


class Ran(NamedTuple):
    """How the main container ended, and what it and those around it have said."""

    code: int
    stderr: str
    around: str
    stdout: str


def pod(template: dict[str, Any], folder: Path, key: str, store: str, *, kill_sidecar: bool = False) -> Ran:
    """Runs a template whose paths are in `folder`.

    Args:
        template: as in a manifest.
        folder: the file system of the pod.
        key: what Argo makes of the key.
        store: the store that is meant, whatever the manifest says.
        kill_sidecar: whether the sidecar ends before the command does.
    """
    around = ""
    for one in template.get("initContainers", ()):
        done = subprocess.run(_command(one, folder, key, store), **_settings(folder), check=False)
        around += done.stderr
        assert done.returncode == 0, around
    sidecars = [
        subprocess.Popen(_command(one, folder, key, store), **_settings(folder)) for one in template["sidecars"]
    ]
    if kill_sidecar:
        for one in sidecars:
            one.kill()
    main = subprocess.run(_command(template["container"], folder, key, store), **_settings(folder), check=False)
    for one in sidecars:
        one.send_signal(signal.SIGTERM)
        around += one.communicate(timeout=60)[1]
    return Ran(main.returncode, main.stderr, around, main.stdout)


def _command(container: dict[str, Any], folder: Path, key: str, store: str) -> list[str]:
    texts = [*container["command"], *container.get("args", ())]
    texts = [f"--key={key}" if KEY in text else text for text in texts]
    texts = [f"--store={store}" if text.startswith("--store=") else text for text in texts]
    texts = [text.replace("/couler", f"{folder}/couler").replace("/out/", f"{folder}/out/") for text in texts]
    texts = [text.replace("/in/", f"{folder}/in/") for text in texts]
    if texts[0] == "couler":
        texts[:1] = [sys.executable, "-c", "from couler_plugins.cli import main; main()"]
    return texts


def _settings(folder: Path) -> dict[str, Any]:
    busybox = folder / "busybox-in-image"
    busybox.write_text(f'#!/bin/sh\nPATH={shlex.quote(os.environ["PATH"])} exec "$@"\n')
    busybox.chmod(0o755)
    kept = {name: text for name, text in os.environ.items() if not name.startswith("COULER_")}
    environment = {**kept, "COULER_BUSYBOX": os.environ.get("COULER_BUSYBOX", str(busybox)), "COULER_LOAD_PLUGINS": ""}
    return {
        "env": environment,
        "cwd": folder,
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
