"""Runs a Python program while it is observed, and writes down what was seen.

Called as `PYTHON entry.py SEEN FOLDER PROGRAM [ARGUMENT…]`, as if PROGRAM had been. SEEN is the file that is written,
as JSON; what is in FOLDER does not count. It runs in the interpreter of a step, whatever its version and libraries: the
program finds none of our modules. Where the observer fails, the program runs all the same.
"""

from __future__ import annotations

import atexit
import builtins
import dataclasses
import importlib.machinery
import json
import os
import sys
import types
from pathlib import Path
from typing import Any

OURS = "couler_plugins"
PACKAGES = (OURS, f"{OURS}.caching", f"{OURS}.caching.reads")
DATABASES = ("_dbm.", "_gdbm.")
READS = Path(__file__).absolute().parent


class Watch:
    """The observation of this process, from its making to the end of it.

    Args:
        seen: the file to write.
        folder: what is in it does not count.
    """

    def __init__(self, seen: str, folder: str) -> None:
        self._file, self._folder, self._process = seen, folder, os.getpid()
        self._reason = ""
        try:
            self._begin()
        except Exception as error:  # noqa: BLE001  # of whatever Python it is
            self._reason = f"it cannot be observed: {type(error).__name__}: {error}"
        # What is registered first is called last: what the program does when it exits is seen as well.
        atexit.register(self._end)

    def _begin(self) -> None:
        try:
            observer, callers = load("observer"), load("callers")
        finally:
            forget()
        self._callers = callers
        self._sight = observer.Sight()
        self._watch = observer.watch(self._sight, (), (), (self._folder,))
        self._watch.__enter__()

    def _end(self) -> None:
        if os.getpid() != self._process:  # a copy of the process: who has made it has told
            return
        try:
            answer = {"reason": self._reason} if self._reason else self._tell()
        except Exception as error:  # noqa: BLE001  # the program has ended well
            answer = {"reason": f"its reads cannot be determined: {type(error).__name__}: {error}"}
        Path(self._file).write_text(json.dumps(answer), encoding="utf-8")

    def _tell(self) -> dict[str, Any]:
        self._watch.__exit__(None, None, None)
        values = self._sight.values or {}
        return {
            "reason": self._sight.reason,
            "reads": [[*place, value] for place, value in values.items()],
            "facts": dataclasses.asdict(self._sight.facts),
            "extensions": sorted(filter(self._may_read, {*map(file_of, list(sys.modules.values())), *mapped()})),
            "libraries": sorted({*self._callers.STANDARD, *self._callers.SITES}),
            "path": sorted({os.path.realpath(path) for path in sys.path}),
        }

    def _may_read(self, path: str) -> bool:
        """Tell whether compiled code is of a distribution, or opens files of its own in Python's library."""
        return self._callers.SITE.search(path) is not None or os.path.basename(path).startswith(DATABASES)  # noqa: PTH119


def load(name: str) -> types.ModuleType:
    """Return a module of the observer, without what its packages would import."""
    folder = READS
    for package in reversed(PACKAGES):
        if package not in sys.modules:
            sys.modules[package] = types.ModuleType(package)
            sys.modules[package].__path__ = [str(folder)]
        folder = folder.parent
    return importlib.import_module(f"{PACKAGES[-1]}.{name}")


def forget() -> None:
    """Leave the program a Python that has imported nothing of ours."""
    for name in [name for name in sys.modules if name.partition(".")[0] == OURS]:
        del sys.modules[name]


def mapped() -> list[str]:
    """Return the shared libraries of this process, as far as the system tells: extensions, and what those load."""
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return []
    paths = [line.partition("/")[2] for line in maps.splitlines() if " /" in line]
    return [f"/{path}" for path in paths if ".so" in path.rpartition("/")[2]]


def file_of(module: types.ModuleType) -> str:
    """Return the file of a module if it is compiled; empty if not."""
    path = getattr(module, "__file__", None)
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    return path if isinstance(path, str) and path.endswith(suffixes) else ""


def main() -> None:
    """Run the program as the main module of this process."""
    _, seen, folder, program = sys.argv[:4]
    del sys.argv[:3]
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        sys.path[0] = str(Path(program).parent)  # Python has put our own folder there
    Watch(seen, folder)
    module = types.ModuleType("__main__")
    module.__file__ = program
    vars(module)["__builtins__"] = builtins
    module.__loader__ = importlib.machinery.SourceFileLoader("__main__", program)
    sys.modules["__main__"] = module
    try:
        code = compile(Path(program).read_bytes(), program, "exec", dont_inherit=True)
        exec(code, vars(module))  # noqa: S102  # it is what was asked for
    except Exception as error:  # noqa: BLE001  # as Python itself would
        trace = error.__traceback__.tb_next if error.__traceback__ is not None else None  # without this function
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        sys.exit(1)


if __name__ == "__main__":
    main()
