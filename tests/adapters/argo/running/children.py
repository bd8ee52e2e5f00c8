"""`couler` in processes of their own, which can be killed; forked from one that has imported everything already."""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

__all__ = ["started"]

CONTEXT = multiprocessing.get_context("forkserver")
PRELOADED = [
    "pytest",
    "adapters.argo.running.children",
    "couler_argo.run.runner",
    "couler_plugins.cli.run",
    "couler_plugins.cli.running",
    "couler_plugins.cli.work",
    "kubernetes.client",
    "kubernetes.config",
]
CONTEXT.set_forkserver_preload(PRELOADED)


def started(folder: Path, *arguments: str, plugins: str = "argo") -> BaseProcess:
    """`couler` with these arguments and plugins, in a folder with a kubeconfig; what it prints goes to `out` there."""
    process = CONTEXT.Process(target=_couler, args=(str(folder), arguments, plugins))
    process.start()
    return process


def _couler(folder: str, arguments: tuple[str, ...], plugins: str) -> None:
    os.chdir(folder)
    os.environ |= {"KUBECONFIG": f"{folder}/kubeconfig", "COULER_LOAD_PLUGINS": plugins}
    out = os.open("out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    from couler_plugins.cli.group import couler
    from couler_plugins.running import driver

    driver.FIRST = driver.LONGEST = 0.001
    couler(arguments, prog_name="couler")
    sys.exit(0)
