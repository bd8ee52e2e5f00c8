"""Callers: which code touches something, and what it takes of that."""

from __future__ import annotations

import functools
import os
import re
import site
import sys
import sysconfig
from types import FrameType
from typing import Final, Literal, TypeAlias

Level: TypeAlias = Literal["kind", "mode", "size", "stat", "lack", ""]
"""What a caller takes of a status: `lack` only that there is nothing; empty: nothing that could reach a result."""

IMPORTS = "<frozen importlib"
HERE = os.path.dirname(__file__) + os.sep  # noqa: PTH120
STANDARD = tuple(
    folder + os.sep
    for name in ("stdlib", "platstdlib")
    for folder in {sysconfig.get_path(name), os.path.realpath(sysconfig.get_path(name))}
)
SITES = tuple(
    os.path.realpath(folder) + os.sep
    for folder in {*site.getsitepackages(), site.getusersitepackages(), sysconfig.get_path("purelib")}
)
SITE = re.compile(r"/(?:site|dist)-packages/|/__pycache__/")
METADATA = re.compile(r"\.(?:dist|egg)-info/(?:METADATA|PKG-INFO)$")  # the version of a distribution is a value
LOGS = re.compile(r"/(?:structlog|airflow/(?:.+/)?(?:log|logging\w*))(?:/|\.py$)")
FROZEN = "<frozen "
COPIERS = ("copy", "_samefile", "_rmtree")  # how the names of such functions start

PASSED: Final = {("pathlib", "stat"), ("pathlib", "lstat"), ("os", "getenv"), ("os", "getenvb")}
"""What hands on all that it gets: its own caller counts."""

LEVELS: Final[dict[tuple[str, str], Level]] = {
    ("genericpath", "getsize"): "size",
    ("genericpath", "getmtime"): "stat",
    ("genericpath", "getatime"): "stat",
    ("genericpath", "getctime"): "stat",
    ("pathlib", "owner"): "stat",
    ("pathlib", "group"): "stat",
    ("pathlib", "read_file_metadata"): "mode",
    ("shutil", "_stat"): "",
    ("shutil", "rmtree"): "lack",
    ("shutil", "disk_usage"): "",
    ("urllib", "getproxies_environment"): "",  # it looks at each variable; its use is told as a connection
    ("urllib", "proxy_bypass_environment"): "",
    ("os", "get_exec_path"): "",  # its use is told as a program
}
MODULES: Final[dict[str, Level]] = {
    "genericpath": "kind",
    "posixpath": "kind",
    "pathlib": "kind",
    "glob": "kind",
    "os": "kind",
    "inspect": "kind",
    "shutil": "mode",  # times are copied as well; no result tells them
    "_colorize": "",
    "asyncio": "",
    "importlib": "",
    "logging": "",
    "multiprocessing": "",
    "subprocess": "",
    "tempfile": "",
    "traceback": "",
    "zipimport": "",
}
"""What the modules of the standard library take, where `LEVELS` says nothing of the function; all others: `stat`."""


def is_library(path: str) -> bool:
    """Tell whether a file is of Python or of an installed distribution, whose version stands for it."""
    if path.startswith(FROZEN):
        return True
    return _is_library_folder(path.rpartition("/")[0]) and METADATA.search(path) is None


@functools.lru_cache(1 << 14)
def _is_library_folder(folder: str) -> bool:
    path = f"{folder}/"
    return path.startswith((*STANDARD, *SITES)) or SITE.search(path) is not None


@functools.lru_cache(1 << 12)
def module_of(file: str) -> str:
    """Return the module of the standard library, or its outermost package, that a file is of; else nothing."""
    if file.startswith(FROZEN):
        return file[len(FROZEN) : -1].partition(".")[0]
    for folder in STANDARD:
        if file.startswith(folder) and not SITE.search(file):
            return file[len(folder) :].partition("/")[0].removesuffix(".py")
    return ""


def is_standard(frame: FrameType) -> bool:
    """Tell whether code is of the standard library."""
    return module_of(frame.f_code.co_filename) != ""


def level_of(frame: FrameType | None) -> Level:
    """Return what the code takes that a frame runs: what Python's own does with a status is known."""
    while frame is not None:
        code = frame.f_code
        module = module_of(code.co_filename)
        if module == "_collections_abc" or (module, code.co_name) in PASSED:  # `get`, `items`, … of a mapping
            frame = frame.f_back
            continue
        if not module:
            return "stat"
        if _copies(module, frame):
            return ""
        if module == "linecache":
            return "" if shows_source(frame) else "lack"
        return LEVELS.get((module, code.co_name), MODULES.get(module, "stat"))
    return "stat"


def _copies(module: str, frame: FrameType) -> bool:
    """Tell whether files are copied or removed, or folders made: what is read and written then is seen by itself."""
    if module == "genericpath" and frame.f_back is not None:
        frame = frame.f_back
        module = module_of(frame.f_code.co_filename)
    name = frame.f_code.co_name
    if (module, name) == ("os", "makedirs"):
        return True  # each folder that it makes, or finds there, has an event of its own
    return module == "shutil" and name not in ("copymode", "copystat") and name.startswith(COPIERS)


def outer_frame() -> FrameType | None:
    """Return the frame of the code that called us."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(HERE):
        frame = frame.f_back
    return frame


def place_of(frame: FrameType | None) -> str:
    """Return the innermost place that is not in a library, as `FILE:LINE`; empty where there is none."""
    while frame is not None:
        file = frame.f_code.co_filename
        if not is_library(file) and not file.startswith(HERE):
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def is_loading(frame: FrameType | None) -> bool:
    """Tell whether a module of a library is being loaded: it may try what the system has, and tells nobody."""
    while frame is not None and frame.f_back is not None:
        code, above = frame.f_code, frame.f_back.f_code
        if code.co_name == "<module>" and above.co_filename.startswith(IMPORTS) and is_library(code.co_filename):
            return True
        frame = frame.f_back
    return False


def is_logging(frame: FrameType | None) -> bool:
    """Tell whether a log is written, by code that is of a library all the way from there."""
    while frame is not None and is_library(file := frame.f_code.co_filename):
        if module_of(file) == "logging" or LOGS.search(file):
            return True
        frame = frame.f_back
    return False


def shows_source(frame: FrameType | None) -> bool:
    """Tell whether a file of source is opened to print a line of it in a traceback or a warning."""
    modules = []
    while frame is not None and (module := module_of(frame.f_code.co_filename)):
        modules.append(module)
        frame = frame.f_back
    return "linecache" in modules and not {"traceback", "warnings"}.isdisjoint(modules)
