"""The launcher as a process."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from support import ROOT

__all__ = ["BUSYBOX", "LAUNCHER", "launch"]

LAUNCHER = ROOT / "couler_plugins" / "caching" / "dataplane" / "launch.sh"
BUSYBOX = os.environ.get("COULER_BUSYBOX") or shutil.which("busybox")


def launch(
    shared: Path,
    *arguments: str,
    umask: int = -1,
    limit: int = 5,
    cwd: Path | None = None,
    user: int | None = None,
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(shared / "busybox"), "sh", str(shared / "launch"), str(limit), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd or shared.parent,
        umask=umask,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
