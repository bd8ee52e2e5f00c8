"""One run of a KFP component as its wrapper sees it: what its result depends on, and where its outputs belong.

Paths and addresses of artifacts differ from run to run. They are in no key, and no result that names one is kept.
Sources: `ExecutorInput` in `pipeline_spec.proto`; `backend/src/v2/component/launcher_v2.go` (what is read afterwards).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from couler_plugins.caching.artifacts import ArtifactCache, Meta
from couler_plugins.caching.dataplane.contents import WatchedInputs, content_of, is_executable, state_of
from couler_plugins.caching.dataplane.outputs import place, save
from couler_plugins.caching.keys import SALT, digest
from couler_plugins.errors import EngineError, restating

VALUES, ARTIFACT = "values", "artifact-"
"""The output of a result that holds parameters and metadata, and how the names of its artifacts begin."""
DEEP = 3
"""How many folders are above an artifact at least where the one that it is in belongs to its run."""
METRICS = "Metrics"
"""What the types of artifacts have in their names that are nothing but metadata."""
OF_THE_STORE = "store_session_info"
"""Metadata that the backend writes itself, of a run's own access to its store."""
NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
SECRET = "COULER_SECRET_"  # noqa: S105  # how the names of variables begin that no command of an owner is to see
LOADING = ("bz2", "ctypes", "lzma", "s3fs", "socket", "sqlite3", "ssl", "zlib")
"""Modules whose libraries are needed, and are loaded with them."""
LIBRARY = re.compile(r"/(?!.*-packages/)[^ ]*/(?:lib|ld-)[^/ ]*\.so[.\d]*$")
UNNEEDED = shutil.ignore_patterns("*-packages", "__pycache__", "test", "tests", "*.pth", "config-*")
LAUNCHER = """#!/bin/sh
d=${0%/*}
exec "$d/lib/ld.so" --library-path "$d/lib" "$d/python/bin/python" -I -c "
from couler_plugins.cli import main
main()" "$@"
"""


class ComponentRun:
    """One run of a component.

    Args:
        text: the ExecutorInput, as the launcher puts it into commands.
        inputs: the paths of input artifacts, by name; those that are not passed count for nothing.
        outputs: the paths of output artifacts, by name.

    Raises:
        EngineError: the text is no ExecutorInput with single artifacts.

    Attributes:
        is_cached: whether its task has a salt; others may share its component.
    """

    def __init__(self, text: str, inputs: Mapping[str, Path], outputs: Mapping[str, Path]) -> None:
        self._text = text
        with restating(
            (msgspec.DecodeError, LookupError, TypeError, ValueError, AttributeError),
            "what the launcher says of its inputs and outputs is not understood",
            EngineError,
        ):
            content = msgspec.json.decode(text)
            read, written = content.get("inputs", {}), content["outputs"]
            self._values: dict[str, Any] = read.get("parameterValues", {})
            self._read = {name: _single(item) for name, item in read.get("artifacts", {}).items()}
            self._written = {name: _single(written["artifacts"][name]) for name in outputs}
            parameters = written.get("parameters", {})
            self._parameters = {name: Path(item["outputFile"]) for name, item in parameters.items()}
            self._file = Path(written["outputFile"])
            self._inputs = {name: inputs[name] for name in self._read}
        self._outputs = outputs
        self.is_cached = SALT in self._values

    def key(self, spec: str, command: Sequence[str], *, identity: bool) -> str:
        """Return the key of the result, and watch what it covers from now on.

        Args:
            spec: the hash of what the component is.
            command: the command line, placeholders filled in.
            identity: whether the command may read the names and addresses of its input artifacts.

        Raises:
            InvalidInput: an input artifact is neither a file nor a folder.
            EngineError: there is something at the place of an output.
            OSError: something cannot be read.
        """
        for path in self._places_of_outputs():
            if os.path.lexists(path):
                raise EngineError(f"there is something at the place of an output: {path}")
        self._watched = WatchedInputs({name: partial(state_of, path) for name, path in self._inputs.items()})
        read = {}
        for name, artifact in self._read.items():
            path = self._inputs[name]
            content = f"{content_of(path)}{':executable' if is_executable(path) else ''}"
            metadata = {key: text for key, text in (artifact.get("metadata") or {}).items() if key != OF_THE_STORE}
            read[name] = [artifact.get("type"), metadata, path.name, content]
            read[name] += [artifact.get("name"), artifact.get("uri")] if identity else []
        namespace = NAMESPACE.read_text() if NAMESPACE.is_file() else ""
        said = [self._values, read, sorted(self._outputs), list(self._outline(command))]
        return digest(["component", spec, namespace, *said])

    def restore(self, cache: ArtifactCache, key: str) -> bool:
        """Put a result into place; False where there is none that can be used.

        Raises:
            Lost, Damaged: what is stored cannot be used.
            OSError: the files cannot be written.
        """
        hit = cache.get(key)
        if hit is None:
            return False
        with hit, tempfile.TemporaryDirectory() as folder:
            names = {output.name for output in hit.entry.outputs} - {VALUES}
            artifacts = {name: path for name, path in self._outputs.items() if ARTIFACT + name in names}
            place(hit, {VALUES: Path(folder, VALUES)})
            values, metadata = msgspec.json.decode(Path(folder, VALUES).read_bytes(), type=tuple[dict[str, str], Any])
            if len(artifacts) < len(names) or not values.keys() <= self._parameters.keys():
                return False
            try:
                for path in self._places_of_outputs():
                    path.parent.mkdir(parents=True, exist_ok=True)
                place(hit, {ARTIFACT + name: path for name, path in artifacts.items()})
                for name, text in values.items():
                    self._parameters[name].write_text(text, "utf-8")
                if metadata is not None:
                    self._file.write_bytes(msgspec.json.encode(self._with_places(metadata)))
            except BaseException:
                self._clear()  # nothing was there before, and the command is to find it so
                raise
        return True

    def keep(self, cache: ArtifactCache, key: str, meta: Meta) -> str:
        """Keep what the command has made; return why not, where it cannot.

        Raises:
            InvalidInput, EngineError, OSError: something in it is not to be kept, or cannot be read.
        """
        if changed := self._watched.changed():
            return f"its input {changed!r} was changed while it ran"
        for name, artifact in self._written.items():
            if not os.path.lexists(self._outputs[name]) and METRICS not in str(artifact.get("type")):
                return f"it has made no file for its output {name!r}, and may have written to its address"
        values = {name: path.read_text("utf-8") for name, path in self._parameters.items() if path.exists()}
        metadata = self._without_places(msgspec.json.decode(self._file.read_bytes())) if self._file.exists() else None
        said = [*values.values(), msgspec.json.encode(metadata).decode()]
        if any(text in one for text in self._texts() for one in said):
            return "its outputs name a place of this run"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, VALUES)
            path.write_bytes(msgspec.json.encode((values, metadata)))
            artifacts = {ARTIFACT + name: place for name, place in self._outputs.items() if os.path.lexists(place)}
            return save(cache, key, {VALUES: path, **artifacts}, meta)

    def _places_of_outputs(self) -> list[Path]:
        return [*self._outputs.values(), *self._parameters.values(), self._file]

    def _clear(self) -> None:
        for path in self._places_of_outputs():
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _texts(self) -> dict[str, str]:
        """What is another text in each run, and what stands for it: of the longest first."""
        named = {"metadata": str(self._file)}
        named |= {f"parameter {name}": str(path) for name, path in self._parameters.items()}
        for kind, paths, artifacts in (("in", self._inputs, self._read), ("out", self._outputs, self._written)):
            named |= {f"{kind} {name}": str(path) for name, path in paths.items()}
            named |= {f"{kind} root": str(path.parent) for path in paths.values() if len(path.parents) > DEEP}
            named |= {f"{kind} uri {name}": artifact.get("uri", "") for name, artifact in artifacts.items()}
        return {text: name for name, text in sorted(named.items(), key=lambda item: -len(item[1])) if text}

    def _outline(self, command: Sequence[str]) -> Iterator[str]:
        """Return the words of a command with names in the place of what differs from run to run."""
        texts = {self._text: "", **self._texts()}
        for word in command:
            for text, name in texts.items():
                word = word.replace(text, f"\0{name}\0")  # noqa: PLW2901  # no argument has such a character in it
            yield word

    def _without_places(self, metadata: Any) -> Any:
        """Return what the SDK's executor has written, without names and addresses of this run.

        Raises:
            EngineError: an artifact of it is somewhere else.
        """
        listed = metadata.get("artifacts", {})  # of the launcher's own log as well
        metadata["artifacts"] = {name: artifact for name, artifact in listed.items() if name in self._written}
        for name, artifact in _artifacts(metadata):
            own = self._written[name]
            custom = artifact.get("customPath") or artifact.get("custom_path")
            if custom or artifact.pop("uri", None) != own.get("uri"):
                raise EngineError(f"its output {name!r} is at a place of its own")
            if artifact.get("name") == own.get("name"):
                artifact.pop("name", None)
        return metadata

    def _with_places(self, metadata: Any) -> Any:
        for name, artifact in _artifacts(metadata):
            own = self._written[name]
            artifact.update({key: own[key] for key in ("name", "uri") if key in own and key not in artifact})
        return metadata


def child_environment() -> dict[str, str]:
    """Return what a command is to have as its environment, and take our secrets into our own."""
    secrets = {name: text for name, text in os.environ.items() if name.startswith(SECRET)}
    rest = {name: text for name, text in os.environ.items() if name not in secrets}
    os.environ.update({name.removeprefix(SECRET): text for name, text in secrets.items()})
    return rest


def provide_program(folder: Path, packages: Sequence[Path]) -> None:
    """Write this program into a folder: Python, its libraries down to the loader, and packages.

    It runs in any image with a shell and the same processor, and needs nothing else of the image.

    Raises:
        OSError: it cannot be written.
    """
    for module in LOADING:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    python = folder / "python"
    library = python / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (Path(sysconfig.get_path("stdlib")), *packages):
        target = library if path.name == library.name else library / "site-packages"
        shutil.copytree(path, target, ignore=UNNEEDED, dirs_exist_ok=True)
    (folder / "lib").mkdir(exist_ok=True)
    (python / "bin").mkdir(exist_ok=True)
    shutil.copy(os.path.realpath(sys.executable), python / "bin" / "python")
    for path in {Path(word) for word in Path("/proc/self/maps").read_text().split() if LIBRARY.search(word)}:
        name = "ld.so" if path.name.startswith("ld-") else path.name
        shutil.copy(path, folder / "lib" / name)
        while (name := name.rpartition(".")[0]).count(".so."):  # programs ask for a library by its first numbers
            (folder / "lib" / name).symlink_to(path.name)
    (folder / "couler").write_text(LAUNCHER)
    (folder / "couler").chmod(0o755)


def _single(item: Any) -> dict[str, Any]:
    (artifact,) = item["artifacts"]
    return dict(artifact)


def _artifacts(metadata: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the artifacts that the SDK's executor tells of.

    Raises:
        EngineError: it tells of them in another form.
    """
    with restating(
        (LookupError, TypeError, ValueError, AttributeError),
        "what it says of its outputs is not understood",
        EngineError,
    ):
        for name, item in metadata.get("artifacts", {}).items():
            (artifact,) = item["artifacts"]
            yield name, artifact
