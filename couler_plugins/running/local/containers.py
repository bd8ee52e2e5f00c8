"""Programs in containers of their images, by podman or docker.

A container sees its image, and folders of its attempt or run; nothing else of this machine. What it leaves at the paths
of its outputs is copied out of it, wherever that is, and then it is removed.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.local import Contained, File, NotThere, Program
from couler_plugins.net.registries import full_name
from couler_plugins.running.local.attempts import Attempt, put, run_watched
from couler_plugins.running.local.observing import SCRIPT
from couler_plugins.running.local.roots import Root

ContainerEngine = Literal["podman", "docker"]
COMMANDS, COPIES, MOUNTS = "container", "copies", "mounts"
"""In the folder of an attempt: the commands that run its container, what went wrong with copies, what is mounted."""
VOLUMES = "volumes"
"""In the folder of a run: the folders that its steps share."""
WRITABLE, READABLE = "z", "ro,z"
"""Options of mounts: `z` lets the container at it where SELinux would not."""
VOLUME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
PATIENCE = 60.0  # seconds for the engine to say that it works


class Containers(NamedTuple):
    """What runs containers on this machine.

    Attributes:
        engine: its command.
        cpus, memory: whether it keeps containers within limits of these.
    """

    engine: ContainerEngine
    cpus: bool = False
    memory: bool = False

    @classmethod
    def ask(cls, engine: ContainerEngine) -> Containers:
        """Asks an engine what it can do here.

        Raises:
            InvalidInput: it is not installed.
            EngineError: it does not work here.
        """
        try:
            done = subprocess.run(  # noqa: S603  # one of two programs
                [engine, "info", "--format", "{{json .}}"],
                capture_output=True,
                check=False,
                timeout=PATIENCE,
                stdin=subprocess.DEVNULL,
            )
            info = msgspec.json.decode(done.stdout, type=dict[str, Any]) if done.returncode == 0 else {}
        except FileNotFoundError:
            hint = f"install {engine}, or leave --containers out to run scripts as processes"
            raise InvalidInput(f"{engine} is not installed", hint=hint) from None
        except (OSError, subprocess.TimeoutExpired, msgspec.DecodeError) as error:
            raise EngineError(f"{engine} does not work here: {error}", hint=f"try `{engine} info`") from error
        if done.returncode != 0 or info.get("ServerErrors"):
            lines = [*done.stderr.decode(errors="replace").split("\n"), *(info.get("ServerErrors") or ())]
            said = next((line for line in lines if line.strip()), f"exit code {done.returncode}")
            raise EngineError(f"{engine} does not work here: {said.strip()}", hint=f"try `{engine} info`")
        groups = (info.get("host") or {}).get("cgroupControllers") or ()  # podman's; docker says it by two facts
        return cls(
            engine,
            cpus="cpu" in groups or info.get("CpuCfsQuota") is True,
            memory="memory" in groups or info.get("MemoryLimit") is True,
        )

    async def attempt(self, program: Program, artifacts: Mapping[str, File | bytes], folder: Path) -> Attempt:
        """Runs a program in its container; when this is cancelled, the container is removed.

        Args:
            program: what to run.
            artifacts: its input artifacts, by name.
            folder: where its outputs and its log are to be, `steps/STEP/N` of its run; it must not be there.

        Raises:
            NotThere: something cannot be put in place.
            OSError: the disk or the machine failed.
        """
        folder.mkdir(parents=True)
        container = program.container
        if container is None or container.image.startswith("-"):
            raise NotThere("it has no image that can be run")
        outputs = OutputRoot(folder / "root", (place.path for place in program.outputs))
        mounts = dict(_mounted(program, container, artifacts, folder))
        name = f"couler-{folder.parent.name}-{folder.name}-{secrets.token_hex(4)}"
        words = [*program.command[1:], *container.args, *filter(None, [container.script])]
        removal = f"{shlex.join([self.engine, 'rm', '--force', '--volumes', name])} >/dev/null 2>&1"
        lines = [
            *self._image(container.image),
            f'{shlex.join(self._run(name, program, container, mounts))} "$image" {shlex.join(words)}',
            "code=$?",
            *(f"[ $code != 0 ] || {copy}" for copy in self._copies(name, mounts, outputs)),
            removal,
            "exit $code",
        ]
        (folder / COMMANDS).write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
        started = time.monotonic()
        command, ending = ("sh", str(folder / COMMANDS)), ("sh", "-c", removal)
        code = await run_watched(command, folder, os.environ, outputs.folder, program.seconds, ending)
        return Attempt(code, time.monotonic() - started, outputs, folder)

    def _image(self, image: str) -> Iterator[str]:
        """Sets the image: as it is named, where that is one of this machine, else as Kubernetes completes its name."""
        yield f"image={shlex.quote(image)}"
        if self.engine == "podman" and full_name(image).removesuffix(":latest") != image.removesuffix(":latest"):
            yield f'podman image inspect "$image" >/dev/null 2>&1 || image={shlex.quote(full_name(image))}'

    def _run(self, name: str, program: Program, container: Contained, mounts: Mapping[str, Mount]) -> Iterator[str]:
        yield from (self.engine, "run", "--name", name, "--pull", "missing", "--log-driver", "none")
        yield from ("--stop-timeout", "0")  # who removes it kills it at once
        for path, mount in mounts.items():
            yield from ("--volume", f"{mount.source}:{path}:{mount.options}")
        for variable, value in program.env:
            yield from ("--env", f"{variable}={value}")
        yield from ("--workdir", container.workdir) if container.workdir else ()
        yield from ("--user", container.user) if container.user else ()
        if self.cpus and container.cpus:
            yield from ("--cpus", f"{min(container.cpus, os.cpu_count() or container.cpus):.3f}")
        if self.memory and container.memory:
            yield from ("--memory", f"{container.memory:.0f}")
        yield from ("--entrypoint", program.command[0]) if program.command else ()

    def _copies(self, name: str, mounts: Mapping[str, Mount], outputs: OutputRoot) -> Iterator[str]:
        """Copies outputs out of the container: the engine follows links as the container would see them."""
        log = shlex.quote(str(outputs.folder.parent / COPIES))
        for path, target in outputs.targets.items():
            if path in mounts:  # no engine copies a file that is mounted
                copy = ["cp", "-RP", str(mounts[path].source), str(target)]
            else:
                follow = ["--follow-link"] if self.engine == "docker" else []  # as podman does
                copy = [self.engine, "cp", *follow, f"{name}:{path}", str(target)]
            yield f"{shlex.join(copy)} >/dev/null 2>>{log}"


class OutputRoot(Root):
    """The copies of outputs, each by its number: none is put where a link in another one leads.

    Args:
        folder: where copies of outputs are to be.
        paths: of the outputs.
    """

    def __init__(self, folder: Path, paths: Iterable[str]) -> None:
        super().__init__(folder, ())
        self.targets = {path: folder / str(number) for number, path in enumerate(paths)}

    def inside(self, path: str) -> Path:
        """Where the copy of an output is."""
        super().inside(path)
        return self.targets[path]


class Mount(NamedTuple):
    """What a container sees at a path."""

    source: Path
    options: str


def _mounted(
    program: Program, container: Contained, artifacts: Mapping[str, File | bytes], folder: Path
) -> Iterator[tuple[str, Mount]]:
    """Puts in place what a container sees beside its image."""
    outside = Root(folder / MOUNTS, ())
    for number, (name, path) in enumerate(program.inputs.items()):
        if name in artifacts:
            put(artifacts[name], outside.folder / str(number))
            yield _path(outside, path), Mount(outside.folder / str(number), WRITABLE)
    for item in container.folders:
        if not VOLUME.fullmatch(item.name):
            raise NotThere(f"{item.name!r:.80} is no name of a volume")
        source = (folder.parents[2] / VOLUMES if item.shared else outside.folder) / f"volume-{item.name}"
        source.mkdir(parents=True, exist_ok=True)
        source.chmod(0o777)  # whoever the container runs as
        yield _path(outside, item.path), Mount(source, READABLE if item.read_only else WRITABLE)
    if container.script:
        (folder / SCRIPT).write_text(program.source, encoding="utf-8", errors="surrogateescape")
        (folder / SCRIPT).chmod(0o755)
        yield container.script, Mount(folder / SCRIPT, READABLE)


def _path(root: Root, path: str) -> str:
    if ":" in path:
        raise NotThere(f"its path {path!r:.80} has a colon, and cannot be mounted")
    try:
        root.inside(path)
    except ValueError as error:
        raise NotThere(str(error)) from None
    return path.rstrip("/")
