"""Images of the cluster, made from packages and from what was built here: OCI archives, which containerd imports."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cluster.programs import ARGO, KEPT, TEKTON, TEKTON_IN_PODS, Built
from support import ROOT

__all__ = ["Image", "image_on_demand", "images"]

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Image(NamedTuple):
    """An image by what is in it.

    Attributes:
        names: that it goes by.
        fill: puts its files into a folder.
        command: that runs where a pod names none.
        version: of what is in it; another one makes the image anew.
    """

    names: tuple[str, ...]
    fill: Callable[[Path], None]
    command: tuple[str, ...] = ()
    version: str = "1"


def images(built: Mapping[str, Built]) -> list[Path]:
    """Return the archives of all images, those made that are not there yet.

    Args:
        built: what was built, by module.
    """
    programs = {name: place.programs for name, place in built.items()}
    wanted = {
        # Busybox stands for Alpine's as well: what the examples call of it is in both.
        "busybox": Image(("docker.io/library/busybox:1", "docker.io/library/alpine:3"), _busybox, ("sh",)),
        "pause": Image(("registry.local/pause:1",), _busybox, ("sleep", str(2**31 - 1))),
        "python": Image(("docker.io/library/python:3",), _python, ("python3",)),
        "argoexec": _with_program("registry.local/argoexec:v4.0.5", programs[ARGO.path] / "argoexec", "bin"),
        **{
            f"tekton-{name}": _with_program(f"registry.local/tekton-{name}:1", programs[TEKTON.path] / name, "ko-app")
            for name in TEKTON_IN_PODS
        },
    }
    return [_archived(name, image) for name, image in wanted.items()]


def image_on_demand(name: str) -> tuple[str, Path]:
    """Return the name of an image that only some tests need, and its archive, made where it is not there yet.

    Args:
        name: `debian`, with what scripts for Debian's and Ubuntu's images call, or `couler`: what
            `release/Containerfile` builds, from this tree.
    """
    if name == "debian":
        image = Image(("docker.io/library/debian:12",), _debian, ("bash",))
        return image.names[0], _archived(name, image)
    version = _digest_of_sources()
    archive = KEPT / "images" / f"{name}-{version}.tar"
    name = f"registry.local/couler:{version}"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        _built_by_buildah(name, archive)
    return name, archive


def _with_program(name: str, program: Path, folder: str) -> Image:
    def fill(root: Path) -> None:
        (root / folder).mkdir()
        shutil.copy(program, root / folder)
        _add_tmp(root)

    # Its folder is called after what it is built from.
    return Image((name,), fill, (f"/{folder}/{program.name}",), version=program.parents[1].name)


def _add_tmp(root: Path) -> None:
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)  # which `mkdir` takes from nobody


def _busybox(root: Path) -> None:
    program = shutil.which("busybox")
    if program is None:
        raise RuntimeError("the cluster's images need busybox: install Debian's busybox-static")
    for folder in ("bin", "etc", "root"):
        (root / folder).mkdir()
    _add_tmp(root)
    shutil.copy(program, root / "bin" / "busybox")
    for applet in subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\n")


def _python(root: Path) -> None:
    """Debian's own, with nothing but what it needs."""
    _bootstrap(root, "python3,dash,coreutils,libc-bin")


def _debian(root: Path) -> None:
    programs = "bash,dash,coreutils,diffutils,findutils,grep,sed,mawk,hostname,python3,python-is-python3,perl-base"
    _bootstrap(root, f"base-files,base-passwd,libc-bin,{programs}")


def _built_by_buildah(name: str, archive: Path) -> None:
    """Build the image of a release on Debian's packages, as nobody here has an image of Debian."""
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        context, root = Path(folder, "context"), Path(folder, "root")
        root.mkdir(mode=0o755)
        _bootstrap(root, "python3,dash,coreutils,libc-bin,busybox-static")
        # As Debian's own scripts do, which have not run here: without it, each start takes seconds more.
        _run("chroot", root, "python3", "-m", "compileall", "-q", "/usr/lib")
        _run(sys.executable, "release/build.py", "--wheels", context / "wheels")
        buildah = ("buildah", "--root", Path(folder, "store"), "--runroot", Path(folder, "run"))
        base = _run(*buildah, "from", "scratch")
        _run(*buildah, "add", base, root, "/")
        _run(*buildah, "commit", "--quiet", "--rm", base, "localhost/debian:12")
        options = ("--isolation", "chroot", "--build-arg", "BASE=localhost/debian:12", "--tag", "localhost/couler")
        _run(*buildah, "build", "--quiet", *options, "--file", "release/Containerfile", context)
        _run(*buildah, "push", "--quiet", "localhost/couler", f"docker-archive:{folder}/made.tar:{name}")
        Path(folder, "made.tar").rename(archive)


def _run(*command: object) -> str:
    environment = {**os.environ, "STORAGE_DRIVER": "vfs"}
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout.strip()


PACKAGES = ("couler_plugins", "adapters")
"""Folders of the project that are installed."""


def _digest_of_sources() -> str:
    several = (path for name in PACKAGES for path in sorted((ROOT / name).rglob("*")))
    files = [path for path in several if "__pycache__" not in path.parts and path.is_file()]
    made_by = (
        Path(__file__),
        *(ROOT / name for name in ("pyproject.toml", "release/build.py", "release/Containerfile")),
    )
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in made_by))
    for path in files:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _bootstrap(root: Path, packages: str) -> None:
    """Unpack packages of Debian; as root, as packages want to own their files."""
    command = ["mmdebstrap", "--quiet", "--variant=extract", f"--include={packages}", "--mode=root"]
    subprocess.run([*command, "bookworm", str(root)], check=True, capture_output=True, text=True)
    for name in ("var/cache", "var/lib/apt", "usr/share/doc", "usr/share/locale", "usr/share/man"):
        shutil.rmtree(root / name, ignore_errors=True)
    if not (root / "bin" / "sh").exists():
        (root / "bin" / "sh").symlink_to("dash")


def _archived(name: str, image: Image) -> Path:
    archive = KEPT / "images" / f"{name}-{image.version}.tar"
    if archive.exists():
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        root, made = Path(folder, "root"), Path(folder, "made.tar")
        root.mkdir(mode=0o755)
        image.fill(root)
        layer = Path(folder, "layer.tar")
        with tarfile.open(layer, "w") as tar:
            for entry in sorted(root.iterdir()):
                tar.add(entry, entry.name)
        _write(made, image, layer)
        made.rename(archive)
    return archive


def _write(archive: Path, image: Image, layer: Path) -> None:
    """Write an archive of one layer, as the OCI image layout has it (https://github.com/opencontainers/image-spec)."""
    with layer.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    blobs: dict[str, bytes] = {}

    def blob(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
        text = json.dumps(data).encode()
        blobs[hashlib.sha256(text).hexdigest()] = text
        return {"mediaType": kind, "digest": f"sha256:{hashlib.sha256(text).hexdigest()}", "size": len(text)}

    config = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"],
            "Cmd": list(image.command),
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    layers = [
        {
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": f"sha256:{digest}",
            "size": layer.stat().st_size,
        }
    ]
    manifest = blob(
        "application/vnd.oci.image.manifest.v1+json",
        {"schemaVersion": 2, "config": blob("application/vnd.oci.image.config.v1+json", config), "layers": layers},
    )
    entries = [{**manifest, "annotations": {"io.containerd.image.name": name}} for name in image.names]
    with tarfile.open(archive, "w") as tar:
        _add(tar, "oci-layout", {"imageLayoutVersion": "1.0.0"})
        _add(tar, "index.json", {"schemaVersion": 2, "manifests": entries})
        for name, text in blobs.items():
            _add(tar, f"blobs/sha256/{name}", text)
        tar.add(layer, f"blobs/sha256/{digest}")


def _add(tar: tarfile.TarFile, name: str, data: Mapping[str, Any] | bytes) -> None:
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    entry = tarfile.TarInfo(name)
    entry.size = len(text)
    tar.addfile(entry, io.BytesIO(text))
