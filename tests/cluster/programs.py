"""The programs of the cluster, built from Go modules and kept under the digest of what they are built from."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from oracles.building import required
from support import GO, ROOT

__all__ = [
    "ARGO",
    "ETCD",
    "GITOPS",
    "HELM3",
    "HELM4",
    "KEPT",
    "KUBERNETES",
    "KUEUE",
    "KUSTOMIZE",
    "KWOK",
    "MODULES",
    "TEKTON",
    "TEKTON_IN_PODS",
    "Built",
    "Module",
    "build",
    "folder_of",
    "sources",
]

KEPT = (ROOT / ".tools").resolve() / "cluster"
"""What is built once and stays."""


class Module(NamedTuple):
    """A Go module with programs.

    Attributes:
        folder: of a `go.mod` below `tests/oracles` that requires it.
        path: of the module.
        programs: packages of the module; none where the program is the one in our folder.
        flags: of the linker.
        links: symbolic links that the module's archive lacks, and their targets: archives of modules have no links.
    """

    folder: str
    path: str
    programs: tuple[str, ...] = ()
    flags: str = ""
    links: tuple[tuple[str, str], ...] = ()


class Built(NamedTuple):
    """Where programs are, and the sources of their module, which hold manifests as well."""

    programs: Path
    module: Path


TEKTON_IN_PODS = ("entrypoint", "nop", "sidecarlogresults", "workingdirinit")
"""Programs of Tekton that run in pods, from an image each."""
VERSION = {"Version": "v1.34.4", "Major": "1", "Minor": "34", "TreeState": "clean"}
SIGNALS = "workflow/executor/osspecific/signal_{}.go"
ETCD = Module("etcd", "go.etcd.io/etcd/server/v3")
KUBERNETES = Module(
    "kubernetes",
    "k8s.io/kubernetes",
    flags=" ".join(f"-X k8s.io/component-base/version.git{name}={value}" for name, value in VERSION.items()),
)
ARGO = Module(
    "argo",
    "github.com/argoproj/argo-workflows/v4",
    ("./cmd/argoexec", "./cmd/workflow-controller"),
    links=((SIGNALS.format("linux"), SIGNALS.format("darwin")),),
)
TEKTON = Module(
    "tekton",
    "github.com/tektoncd/pipeline",
    tuple(
        f"./cmd/{name}"
        for name in ("controller", "entrypoint", "nop", "sidecarlogresults", "webhook", "workingdirinit")
    ),
)
KUEUE = Module("kueue", "sigs.k8s.io/kueue")
"""For pods alone, with the versions of modules that Tekton is built from: much of what is compiled is the same."""
KWOK = Module("kwok", "sigs.k8s.io/kwok", ("./cmd/kwok",))
"""Plays nodes, and pods on them that run nothing; only tests of scale build it."""
KUSTOMIZE = Module("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", (".",))
HELM3 = Module("helm3", "helm.sh/helm/v3", ("./cmd/helm",))
HELM4 = Module("helm4", "helm.sh/helm/v4", ("./cmd/helm",))
GITOPS = (KUSTOMIZE, HELM3, HELM4)
"""No part of the cluster: what runs couler on manifests before they get there."""
MODULES = (ETCD, KUBERNETES, ARGO, TEKTON, KUEUE)


def build(module: Module) -> Built:
    """Build the programs of a module where they are not there yet; processes wait for each other.

    Raises:
        RuntimeError: there is no Go toolchain, a module is not to be had, or it does not compile.
    """
    if GO is None:
        raise RuntimeError("the cluster is built from Go modules: it needs a Go toolchain")
    origin, version, folder = folder_of(module)
    folder.mkdir(parents=True, exist_ok=True)
    built = Built(folder / "bin", folder / "source" if module.programs else origin)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.programs.exists():
            print(f"building {module.path} {version}: minutes, once", file=sys.stderr, flush=True)
            _go(origin, "mod", "download", module.path)
            if module.programs:
                _copy(sources(module), built.module, module)
            # The names of the programs are those of their folders, or of our module.
            part = folder / "part"
            options = ["-buildvcs=false", "-trimpath", f"-ldflags=-s -w {module.flags}", "-o", f"{part}/"]
            _go(built.module, "build", *options, *(module.programs or (".",)))
            part.rename(built.programs)
    return built


def folder_of(module: Module) -> tuple[Path, str, Path]:
    """Return the folder with the `go.mod` of a module, the version in it, and where its programs are kept."""
    origin = ROOT / "tests" / "oracles" / module.folder
    version = required(origin, module.path)
    parts = [repr(module), version, *(path.read_text() for path in sorted(origin.iterdir()) if not module.programs)]
    return origin, version, KEPT / f"{module.folder}-{hashlib.sha256(''.join(parts).encode()).hexdigest()[:12]}"


def sources(module: Module) -> Path:
    """Return where Go keeps a module that it has: with the manifests that the module ships."""
    return Path(_go(ROOT / "tests" / "oracles" / module.folder, "list", "-m", "-f", "{{.Dir}}", module.path))


def _copy(origin: Path, copy: Path, module: Module) -> None:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(origin, copy, copy_function=shutil.copyfile)
    for folder, _, _ in os.walk(copy):
        Path(folder).chmod(0o755)  # modules are kept read-only
    for link, target in module.links:
        shutil.copyfile(origin / target, copy / link)


def _go(folder: Path, *arguments: str) -> str:
    """Run Go; programs are linked statically, as they run in images that hold nothing else."""
    assert GO is not None
    settings = os.environ | {"CGO_ENABLED": "0"}
    ran = subprocess.run([GO, *arguments], cwd=folder, env=settings, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"go {' '.join(arguments)} in {folder}: {ran.stderr.strip()[-2000:]}")
    return ran.stdout.strip()
