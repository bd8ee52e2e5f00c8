"""The errors that couler-plugins raises on purpose.

Bad input is never a traceback: every error says what is wrong, where (as far as known) and what to do about it.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = [
    "REPORT",
    "CoulerError",
    "EngineError",
    "InvalidInput",
    "PluginFailure",
    "Unsupported",
    "closest",
    "install_hint",
    "one_line",
    "restating",
]

_CALLERS = {*sys.stdlib_module_names, "couler_plugins", "importlib_metadata", "pluggy"}
"""Packages that call plugins."""

REPORT = "this is a mistake in the plugin: report it with the file and what -v prints"


class CoulerError(Exception):
    """The root of all errors raised on purpose.

    Args:
        message: what is wrong, in one sentence.
        file: the file (or `<stdin>`) that the error is about.
        line: the line in that file, counted from 1.
        path: the place in that document (keys and indexes).
        engine: the engine's name (`argo`, `airflow`, …).
        step: the step, template or task concerned.
        feature: the engine's feature concerned.
        hint: what the user can do about it.
    """

    exit_code: ClassVar[int] = 2

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        path: tuple[str | int, ...] = (),
        engine: str | None = None,
        step: str | None = None,
        feature: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.path = path
        self.engine = engine
        self.step = step
        self.feature = feature
        self.hint = hint

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        text = f"{place}: {self.message}" if place else self.message
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class InvalidInput(CoulerError):
    """A file, an option or a workflow that cannot be read as what it claims to be."""


class Unsupported(CoulerError):
    """A valid workflow or edit that we refuse, because carrying it out would lose or change something.

    Args:
        message: what is wrong, in one sentence.
        fields: the names of the engine's own fields that it is about (`spec.podGC`).
        parts: the single reasons, where it tells several.
        **place: what else is said of it, as `CoulerError` has it.
    """

    def __init__(
        self, message: str, *, fields: tuple[str, ...] = (), parts: tuple[Unsupported, ...] = (), **place: Any
    ) -> None:
        super().__init__(message, **place)
        self.fields = fields
        self.parts = parts


class PluginFailure(CoulerError):
    """A plugin that cannot be loaded, clashes with another, or broke the workflow that it was given."""

    exit_code = 1


class EngineError(CoulerError):
    """An engine, a store or a network failed."""

    exit_code = 3


@contextmanager
def restating(
    errors: type[Exception] | tuple[type[Exception], ...],
    message: str,
    to: Callable[..., Exception] = InvalidInput,
    *,
    reason: bool = True,
    extra: str = "",
    **details: Any,
) -> Iterator[None]:
    """Raise errors of others in the block as one of ours.

    Args:
        errors: the errors of others.
        message: what is wrong.
        to: what is raised.
        reason: whether what the error says follows behind a colon.
        extra: the extra of couler-plugins that is missing where this happens, for the hint.
        **details: what else is said of it, as `CoulerError` has it.
    """
    try:
        yield
    except errors as error:
        text = f"{message}: {getattr(error, 'strerror', None) or error}" if reason else message
        hint = {"hint": install_hint(extra)} if extra else {}
        raise to(text, **hint, **details) from error


def one_line(error: BaseException) -> str:
    """Return an exception in one line, with the place that raised it; what would steer a terminal is written out.

    The place is the innermost one in the plugin's own files, whatever library it called there.
    """
    try:
        words = (error.msg or "") if isinstance(error, SyntaxError) else str(error)
    except Exception:  # noqa: BLE001  # of a plugin's class, whose own method fails
        words = ""
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in " ".join(words.split()))
    return f"{type(error).__name__}{': ' if text else ''}{text[:300]}{_place(error)}"


def _place(error: BaseException) -> str:
    frames = [
        (str(frame.f_globals.get("__name__")).partition(".")[0], frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ][1:]  # the first one is who caught it
    owner = next((package for package, _, _ in frames if package not in _CALLERS), "couler_plugins")
    places = [(file, line) for package, file, line in frames if package == owner]
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        places.append((error.filename, error.lineno or 1))
    if not places:
        return ""
    file, line = places[-1]
    return f" (in {file.removeprefix(f'{Path.cwd()}/')}, line {line})"


NAME = "couler-plugins"


def closest(name: str, names: Iterable[str]) -> str:
    """`did you mean 'x'?` where one of the known names is close, else an empty text."""
    from difflib import get_close_matches

    matches = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"did you mean {matches[0]!r}?" if matches else ""


def install_hint(extra: str) -> str:
    """Return the command that installs what an extra needs for this Python, from where couler-plugins came.

    No index is assumed to have couler-plugins: a folder, a wheel or a repository is named by its place, and where none
    is known, the packages of the extra are named themselves.

    Args:
        extra: its name in `pyproject.toml`.
    """
    from importlib.metadata import PackageNotFoundError, distribution  # slow, and for errors only
    from importlib.util import find_spec

    try:
        installed = distribution(NAME)
    except PackageNotFoundError:
        source = Path(__file__).parent.parent  # a clone that only PYTHONPATH names
        arguments = [f"{source}[{extra}]"] if (source / "pyproject.toml").is_file() else []
    else:
        arguments = _from_origin(installed, extra) or _packages(installed, extra)
    if not arguments:
        return f"install the packages of its extra {extra!r}"
    python = shlex.quote(sys.executable or "python3")  # the pip of the PATH may be that of another one
    pip = f"{python} -m pip" if find_spec("pip") else f"pip --python {python}"
    return f"{pip} install {shlex.join(arguments)}"


def _from_origin(installed: Distribution, extra: str) -> list[str]:
    """What pip is given to install an extra from the origin of a distribution (PEP 610); nothing if it is unknown."""
    from urllib.parse import urlsplit
    from urllib.request import url2pathname  # imports all of HTTP and TLS

    try:
        origin: dict[str, Any] = json.loads(installed.read_text("direct_url.json") or "{}")
        url, vcs = str(origin["url"]), origin.get("vcs_info")
        if vcs is not None:
            revision = vcs.get("requested_revision") or vcs["commit_id"]
            folder = f"#subdirectory={origin['subdirectory']}" if "subdirectory" in origin else ""
            return [f"{NAME}[{extra}] @ {vcs['vcs']}+{url}@{revision}{folder}"]
        if urlsplit(url).scheme != "file":
            return [f"{NAME}[{extra}] @ {url}"]
        path = url2pathname(urlsplit(url).path)
        editable = ["-e"] if origin.get("dir_info", {}).get("editable") else []
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    return [*editable, f"{path}[{extra}]"] if path and Path(path).exists() else []


def _packages(installed: Distribution, extra: str) -> list[str]:
    """The requirements of an extra, by name."""
    packages: list[str] = []
    for line in installed.requires or ():
        requirement, _, marker = line.partition(";")
        if re.search(rf"""extra == ['"]{re.escape(extra)}['"]""", marker):
            packages.append(requirement.strip())
    return packages
