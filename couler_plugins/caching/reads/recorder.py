"""The recorder: what one observation knows so far of the files, settings and effects of the code."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable
from types import FrameType

from couler_plugins.caching.reads.asking import Generators
from couler_plugins.caching.reads.callers import is_library, module_of, outer_frame, place_of
from couler_plugins.caching.reads.digests import Signature, Unusable, digest_file, is_pseudo, is_young, signature_of
from couler_plugins.caching.reads.facts import FactNotes
from couler_plugins.caching.reads.kinds import ABSENT, LIMIT, Kind
from couler_plugins.caching.reads.paths import PathRules, is_of_system, links_of
from couler_plugins.caching.reads.probes import (
    error_value,
    kind_of,
    listing_value,
    module_folder,
    module_value,
    readable,
    text_value,
    variable_value,
)

TEMPORARY = "TMPDIR"
"""The variable that says where `tempfile` makes files; it is asked once in a process, often before an observation."""


class Recorder:
    """What is known of one observation. All paths are absolute.

    Args:
        rules: which paths count.
        largest: how many bytes a file may have that is read.
    """

    def __init__(self, rules: PathRules, largest: int) -> None:
        self.notes = FactNotes()
        self.rules = rules
        self.generators = Generators()
        self._digest: Callable[[str], tuple[Signature, str]] = lambda path: digest_file(path, largest)
        self._values: dict[tuple[Kind, str], str] = {}
        self._files: dict[str, tuple[Signature, str]] = {}  # a digest where one has been taken already
        self._folders: set[str] = set()
        self._variables: dict[str, str | None] = {}  # as they were last: they are read often
        self._modules: set[str] = set()
        self._searches: dict[str, tuple[str, ...]] = {}  # where modules were looked for, by name
        self.opened: set[tuple[str, int]] = set()
        self.cleared: dict[str, tuple[str, str]] = {}  # where nothing is that would have been removed: name, and why
        self.changed_variables: set[str] = set()
        self.changed_directory = False
        self.reason = ""

    def fail(self, reason: str, frame: FrameType | None = None) -> None:
        """Make the observation unusable; the first reason stays."""
        place = place_of(frame or outer_frame())
        self.reason = self.reason or (f"{reason} ({place})" if place else reason)

    def note(self, kind: Kind, name: str, value: str) -> None:
        """Note what something is like. What is like that no more when it is read again, somebody else has changed."""
        value_before = self._values.setdefault((kind, name), value)
        if value_before != value and not (name.startswith("/") and self.rules.touches(name)):
            self.fail(f"{name or kind} was changed meanwhile")
        if len(self._values) + len(self._files) > LIMIT:
            self.fail(f"it reads more than {LIMIT} things")

    def status(self, kind: Kind, path: str, status: os.stat_result | None, value: str) -> None:
        """Note what the code has learnt of a path."""
        if self._values.get((kind, path)) == value or is_of_system(path):
            return
        if not self.rules.ignores(self.rules.real(path, follow=not kind.startswith("l")), status):
            self.note(kind, path, value)

    def probe(self, kind: Kind, path: str, value: str) -> None:
        """Note what the code has learnt of a path itself, be it a link."""
        try:
            status = os.lstat(path)
        except OSError:
            status = None
        if self._values.get((kind, path)) == value:
            return
        if not self.rules.ignores(self.rules.real(path, follow=False), status):
            self.note(kind, path, value)

    def variable(self, name: str, value: str | None) -> None:
        """Note the value of an environment variable, unless the code has set it."""
        if name not in self._variables or self._variables[name] != value:
            self._variables[name] = value
            if name not in self.changed_variables:
                self.note("variable", name, variable_value(name, value))

    def directory(self, path: str) -> None:
        """Note the working directory, unless the code has changed it."""
        if not self.changed_directory:
            self.note("directory", "", text_value(path))

    def look(self, path: str) -> None:
        """Note that the code is about to learn what a path leads to."""
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError as error:
            return self.status("kind", path, None, error_value(error))
        return self.status("kind", path, status, kind_of(status.st_mode))

    def follow(self, path: str) -> None:
        """Note where a folder is: what is read relative to it, or by a descriptor of it, is named by that place."""
        for link, target in links_of(path):
            self.probe("link", link, text_value(target))

    def read(self, path: str) -> None:
        """Note that the code is about to read a file."""
        if path in self._files or is_of_system(path):
            return
        try:
            real, status = self.rules.real_status(path)
        except OSError as error:
            self.status("kind", path, None, error_value(error))
            return
        if self.rules.ignores(real, status):
            return
        if stat.S_ISDIR(status.st_mode):
            self.note("kind", path, "folder")
            self.follow(path)
        elif not stat.S_ISREG(status.st_mode):
            self.fail(f"it reads {path}, which is no file")
        elif is_pseudo(real):
            self.note("file", path, self._digest(path)[1])
        else:
            signature = signature_of(status)
            # Of a young file, another content may have the same signature: what it holds is looked at right now.
            self._files[path] = self._digest(path) if is_young(signature) else (signature, "")
            if len(self._values) + len(self._files) > LIMIT:
                self.fail(f"it reads more than {LIMIT} things")

    def list(self, path: str) -> None:
        """Note that the code is about to list a folder."""
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError as error:
            return self.status("kind", path, None, error_value(error))
        if self.rules.ignores(real := self.rules.real(path), status):
            return None
        if not stat.S_ISDIR(status.st_mode):
            return self.note("kind", path, kind_of(status.st_mode))
        self._folders.add(path)
        return self.note("folder", path, listing_value(path, self.rules.owned_in(real)))

    def write(self, path: str, *, keeps: bool = False, folder: bool = False) -> None:
        """Note that the code is about to write, make, change or remove something.

        Args:
            path: what it writes.
            keeps: whether what is there already stays a part of it.
            folder: whether it makes a folder.
        """
        real = self.rules.real(path)
        if self.rules.ignores_writing(real):
            return None
        existed = os.path.lexists(real)
        if not self.rules.owns(real):
            if existed and folder:
                return self.look(path)  # making it fails
            if existed and keeps:
                self.read(path)
            elif not existed and keeps:
                self.note("kind", path, ABSENT)
            self._settle(path)
            self._tell_written(real, existed=existed)
        self.rules.own(real)
        return None

    def _tell_written(self, real: str, *, existed: bool) -> None:
        if not self.rules.may_write(real):
            self.notes.tell_effect(real, existed=existed)
        elif self.rules.is_temporary(real) and not self.rules.is_temporary_folder(real):
            frame = outer_frame()
            if self.rules.is_scratch(real, frame is not None and module_of(frame.f_code.co_filename) == "tempfile"):
                if os.path.dirname(real) == os.path.realpath(tempfile.gettempdir()):  # noqa: PTH120
                    self.variable(TEMPORARY, os.environ.get(TEMPORARY))  # its name begins with it
                self.notes.tell_left(real)
            else:
                self.notes.tell_effect(real, existed=existed)

    def alter(self, path: str) -> None:
        """Note that the code is about to change something that stays what it is: a mode, a time, a file's length."""
        real = self.rules.real(path)
        if not os.path.isdir(real):  # noqa: PTH112
            self.write(path, keeps=True) if os.path.lexists(real) else self.change(path)
        elif not self.rules.owns(real) and not self.rules.ignores_writing(real):
            self._tell_written(real, existed=True)  # what is in the folder stays what it was, and is read as before

    def change(self, path: str) -> None:
        """Note that the code is about to remove something, or to give it another name."""
        real = self.rules.real(path, follow=False)
        if os.path.lexists(real):
            self.write(path)
        elif not self.rules.ignores(real, None):
            self.note("lkind", path, ABSENT)

    def link(self, source: str, target: str) -> None:
        """Note that the code is about to give a file another name."""
        self.read(source)
        self._settle(source)
        self.write(target)

    def move(self, source: str, target: str) -> None:
        """Note that the code is about to rename something."""
        real = self.rules.real(source, follow=False)
        if not self.rules.owns(real) and os.path.isdir(real):  # noqa: PTH112
            self.fail(f"it moves the folder {source}")
        self.read(source)
        self.change(source)
        self.write(target)

    def _settle(self, path: str) -> None:
        """Digest a file that was read before it gets another content."""
        file = self._files.get(path)
        if file is not None and not file[1]:
            signature = self._digest(path)
            self._files[path] = signature
            if signature[0] != file[0]:
                self.fail(f"{path} was changed meanwhile")

    def lack(self, module: str, folders: Iterable[str] | None) -> None:
        """Note that a module was not found, in the folders of its package if it has one."""
        frame = outer_frame()
        while frame is not None and is_library(frame.f_code.co_filename) and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        if frame is None or is_library(frame.f_code.co_filename):
            return  # what libraries do without, their versions and the environment tell
        if folders is None:
            self._modules.add(module)
        name = module.rpartition(".")[2]
        for folder in sys.path if folders is None else folders:
            self._lack_in(folder, name)

    def _lack_in(self, folder: str, name: str) -> None:
        """Note that a module is not in a folder, unless that is of a library."""
        for path in (os.path.join(folder, name), os.path.join(folder, f"{name}.py")):  # noqa: PTH118
            if folder.startswith("/") and not self.rules.ignores(self.rules.real(path), None):
                self.note("kind", path, ABSENT)

    def find(self, module: str, folders: Iterable[str]) -> None:
        """Note where a module is looked for."""
        if "." not in module:
            self._searches.setdefault(module, tuple(folders))

    def _pass(self) -> None:
        """Note that modules that were found are in none of the folders before their own."""
        for name, folders in self._searches.items():
            place = module_folder(name)
            if place in folders and not is_library(f"{place}/"):
                for folder in folders[: folders.index(place)]:
                    self._lack_in(folder, name)

    def values(self) -> dict[tuple[Kind, str], str]:
        """Return what all that was read was like, by its kind and name.

        Raises:
            Unusable: nobody can tell what that was.
        """
        self._pass()
        for real, (path, value) in self.cleared.items():
            if not self.rules.ignores(real, None):  # what the code has made there since says it all
                self._values.setdefault(("lkind", path), value)
        for module in self._modules:
            if module_value(module) != ABSENT:
                raise Unusable(f"the module {module} was changed meanwhile")
            self._values["module", module] = ABSENT
        for path in sorted(self._folders):
            with readable(path):
                own = self.rules.owned_in(self.rules.real(path))
                if listing_value(path, own) != self._values["folder", path] and not own:
                    raise Unusable(f"{path} was changed meanwhile")
        for path, file in sorted(self._files.items()):
            if self.reason:
                break
            self._values["file", path] = self._content(path, *file)
        if self.reason:
            raise Unusable(self.reason)
        return self._values

    def _content(self, path: str, signature: Signature, value: str) -> str:
        if value and self.rules.owns(self.rules.real(path)):
            return value  # it was digested before the code wrote it
        with readable(path):
            # One that was young when it was digested is digested again: only those that are not are remembered.
            content = self._digest(path)
        # A new name or mode of a file changes its inode, but not what it held when it was digested.
        same = content == (content[0], value) and content[0][:-1] == signature[:-1]
        if not same and (content[0] != signature or value):
            raise Unusable(f"{path} was changed meanwhile")
        return content[1]
