"""Finds the workflow files of a folder, such as the root of somebody's repository."""

from __future__ import annotations

import os
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import msgspec

from couler_plugins.documents import Document, SourceFile, is_template, read
from couler_plugins.errors import CoulerError
from couler_plugins.hookspecs import Adapter, ApiGroup
from couler_plugins.inputs.rendering import HELM, KUSTOMIZE, Build, patches_of
from couler_plugins.inputs.sources import SUFFIXES, path_text
from couler_plugins.inputs.unknown_kinds import misnamed
from couler_plugins.inputs.walking import walk

PROGRAMS = (".py",)
"""What a program in a folder is called that may make workflows: it is counted, and never run unless it is named."""

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
EXAMPLES = 3
UTF16 = (BOM_UTF16_LE, BOM_UTF16_BE)
NOTHING = "(?!)"  # a pattern that nothing matches


class Skips(msgspec.Struct):
    """What a scan has not read, by reason: paths in order.

    Attributes:
        templated: text that Helm or Jinja has to fill in before it is YAML.
        patches: parts of objects that kustomize applies to others.
        programs: Python files that may make workflows.
        locked: files that the system does not let us open.
    """

    templated: list[str] = msgspec.field(default_factory=list)
    patches: list[str] = msgspec.field(default_factory=list)
    programs: list[str] = msgspec.field(default_factory=list)
    locked: list[str] = msgspec.field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield one line a reason, for people."""
        for paths, one, several, remedy in (
            (self.templated, "templated file", "templated files", "render them, or see --render"),
            (self.patches, "kustomize patch", "kustomize patches", "build the overlay, or see --render"),
            (self.programs, "Python file that uses Airflow", "Python files that use Airflow", "name a file to run it"),
            (self.locked, "file", "files", "no permission, or a link to nowhere"),
        ):
            if paths:
                more = f" and {len(paths) - EXAMPLES} more" if len(paths) > EXAMPLES else ""
                names = f"{', '.join(paths[:EXAMPLES])}{more}"
                yield f"{len(paths)} {one if len(paths) == 1 else several} skipped: {remedy} ({names})"


class Member(NamedTuple):
    """A file of a scan.

    Attributes:
        path: where it is; of what a tool rendered, the folder that it rendered.
        relative: its path relative to the folder that is scanned.
        file: what it holds; None where it cannot be read.
        error: why it cannot be read.
    """

    path: Path
    relative: str
    file: SourceFile | None = None
    error: CoulerError | None = None


class Scan:
    """What folders are searched for: files that an adapter, or a schema, may know.

    A file is looked at as text first. One that names no group and no kind of an engine is not read at all; one that
    does and still holds no workflow is left out without a word.

    Args:
        adapters: those of the engines that are asked for.
        exclude: patterns of files and folders that are left out, as in a .gitignore.
        kinds: other kinds that are looked for.
        render: whether charts and kustomizations are rendered by helm and kustomize.
        max_bytes: the largest file that is read.
    """

    def __init__(
        self,
        adapters: Iterable[Adapter],
        *,
        exclude: Sequence[str] = (),
        kinds: Iterable[str] = (),
        render: bool = False,
        max_bytes: int,
    ) -> None:
        self.skips = Skips()
        self._adapters = tuple(adapters)
        self._exclude = exclude
        self._kinds = frozenset(kinds)
        self._render = render
        self._max_bytes = max_bytes
        self._noted: set[str] = set()

    def members(self, folder: Path) -> Iterator[Member]:
        """Yield the files below a folder that hold workflows, in the order of their paths.

        Raises:
            InvalidInput: the folder cannot be read.
        """
        paths = sorted(walk(folder, self._exclude))
        charts = {path.parent for path in paths if path.name == "Chart.yaml"}
        patches: dict[Path, Path] = {}
        for path in paths:
            if path.name in KUSTOMIZATIONS:
                patches.update(dict.fromkeys(patches_of(path), path.parent))
        builds: dict[Path, Build] = {}
        for path in paths:
            relative = str(path.relative_to(folder))
            marks = self._marks if path.suffix in SUFFIXES else self._programs if path.suffix in PROGRAMS else None
            if marks is None or not marks.search(_utf8(content := self._content(path, relative))):
                continue
            if path.suffix in PROGRAMS:
                self._note(self.skips.programs, path, relative)
                continue
            text = _utf8(content).decode("utf-8", "replace")
            chart = next((parent.parent for parent in path.parents if parent.name == "templates"), None)
            if chart in charts and is_template(text):
                if self._is_meant(text):
                    self._skip(self.skips.templated, path, relative, builds, chart, HELM)
            elif (member := self._member(path, relative, content)) is not None:
                if path in patches:
                    self._skip(self.skips.patches, path, relative, builds, patches[path], KUSTOMIZE)
                else:
                    yield member
        for place, build in sorted(builds.items()):
            yield from self._rendered(place, folder, build)

    def _skip(
        self, skips: list[str], path: Path, relative: str, builds: dict[Path, Build], place: Path, build: Build
    ) -> None:
        if self._render:
            builds[place] = build
        else:
            self._note(skips, path, relative)

    def _note(self, skips: list[str], path: Path, relative: str) -> None:
        """Count a file that is skipped; one that is in two of the folders counts once."""
        if (key := os.path.abspath(path)) not in self._noted:  # noqa: PTH100  # resolve() would follow links
            self._noted.add(key)
            skips.append(relative)

    def _rendered(self, place: Path, folder: Path, build: Build) -> Iterator[Member]:
        relative = os.path.join(os.path.relpath(place, folder), f"{build.name}.yaml")  # noqa: PTH118  # it is text
        try:
            content = build.run(place)
            member = self._member(place, relative, content, name=f"{path_text(place)} ({build.name})")
        except CoulerError as error:
            error.file = error.file or path_text(place)
            member = Member(place, relative, error=error)
        if member is not None:
            yield member

    def _member(self, path: Path, relative: str, content: bytes, name: str = "") -> Member | None:
        """Return the file where it holds a workflow, or what was meant as one and cannot be read; None elsewhere."""
        try:
            file = read(content, name or path_text(path), max_bytes=self._max_bytes)
        except CoulerError as error:
            text = _utf8(content).decode("utf-8", "replace")
            if not self._is_meant(text):
                return None
            if is_template(text):
                self._note(self.skips.templated, path, relative)
                return None
            return Member(path, relative, error=error)
        is_known = any(self._knows(document) for document in file.documents)
        return Member(path, relative, file) if is_known else None

    def _knows(self, document: Document) -> bool:
        """Whether an adapter or a schema may have something to say of a document."""
        kind = document.data.get("kind") if isinstance(document.data, dict) else None
        if isinstance(kind, str) and kind in self._kinds:
            return True
        for adapter in self._adapters:
            try:
                if adapter.claims(document):
                    return True
            except (Exception, SystemExit):  # noqa: BLE001  # whoever sorts the files by engine says so, file by file
                return True
        return next(misnamed([document], self._groups), None) is not None

    def _content(self, path: Path, relative: str) -> bytes:
        """Return what a file holds, one byte more than allowed at most; nothing of what is no file (a pipe, a link)."""
        try:
            if path.is_fifo():
                return b""
            with path.open("rb") as stream:
                return stream.read(self._max_bytes + 1)
        except IsADirectoryError:  # a link to one
            return b""
        except OSError:
            self._note(self.skips.locked, path, relative)
            return b""

    def _is_meant(self, text: str) -> bool:
        """Whether a text that is not read names both a group of an engine and one of the group's kinds."""
        return any(
            re.search(rf"apiVersion[\"']?:\s*[\"']?{re.escape(group.name)}/", text)
            and re.search(rf"\bkind[\"']?:\s*[\"']?(?:{'|'.join(group.kinds)})\b", text)
            for group in self._groups
        )

    @cached_property
    def _groups(self) -> list[ApiGroup]:
        return [group for adapter in self._adapters for group in adapter.groups]

    @cached_property
    def _marks(self) -> re.Pattern[bytes]:
        """What occurs in the text of every file that an adapter for documents may know."""
        kinds = {*self._kinds, *(kind for group in self._groups for kind in group.kinds)}
        marks = [re.escape(group.name) + "/" for group in self._groups]
        marks += [rf"\bkind[\"']?:\s*[\"']?(?:{'|'.join(map(re.escape, sorted(kinds)))})\b"] if kinds else []
        marks += (re.escape(mark) for adapter in self._of(SUFFIXES) for mark in adapter.marks)
        unknown = any(not a.marks and not a.groups for a in self._of(SUFFIXES))
        return re.compile(("" if unknown else "|".join(marks) or NOTHING).encode())

    @cached_property
    def _programs(self) -> re.Pattern[bytes]:
        marks = [re.escape(mark) for adapter in self._of(PROGRAMS) for mark in adapter.marks]
        return re.compile(("|".join(marks) or NOTHING).encode())

    def _of(self, suffixes: Sequence[str]) -> list[Adapter]:
        return [adapter for adapter in self._adapters if adapter.suffix in suffixes]


def _utf8(content: bytes) -> bytes:
    """The content of a file as UTF-8, so that one in UTF-16 is searched as well: reading it says what is wrong."""
    return content.decode("utf-16", "replace").encode() if content.startswith(UTF16) else content
