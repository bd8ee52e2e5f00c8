"""What all checks share: where they say what they find, the releases, and the tags and names in texts.

The releases of Argo that a document may be for, which decide what rules hold for it.

Argo works on the JSON text of a template; here each string is looked at by itself. Source: `util/template`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from operator import is_
from typing import Any, Literal, NamedTuple

from couler_argo.lower import check_version
from couler_plugins.documents import Mapped, Path
from couler_plugins.engine_kit import reporting
from couler_plugins.engine_kit.reporting import FEW, Severity

Release = tuple[int, int]
EVER: Release = (3, 0)
FULL_CRDS: Release = (4, 0)
"""Since when the default installation has the full CRDs; before, it has the minimal ones, which take any field."""
LAST = 99


class Releases(NamedTuple):
    """From the first release to the last one, both included."""

    first: Release
    last: Release

    @classmethod
    def of(cls, version: str) -> Releases:
        """Those that a version stands for: `3.7` for one, `3` or `3.x` for a series, and no version for all.

        Raises:
            InvalidInput: the version is none that we know.
        """
        if not version:
            return cls(EVER, (4, LAST))
        major, minor = check_version(version)
        is_series = version.removeprefix("v").partition(".")[2] in ("", "x", "x.x")
        return cls((major, minor), (major, LAST if is_series else minor))

    def __str__(self) -> str:
        major, minor = self.last
        return f"Argo {major}" if minor == LAST else f"Argo {major}.{minor}"


class Report(reporting.Report):
    """The remarks on one object of a document.

    Args:
        document: the document's number in the bundle.
        base: where the object is in it.
        releases: those of Argo that it may be for.
    """

    def __init__(self, document: int, base: Path, releases: Releases) -> None:
        super().__init__(document, base)
        self.releases = releases
        self.shown: Callable[[str], str] = str  # how a message is spelled for people
        self._looked = 0

    def since(
        self, release: Release, code: str, path: Path, message: str, hint: str, *, before: Literal["", "warning"] = ""
    ) -> None:
        """What is refused from a release on: an error if the document is for no earlier one.

        Args:
            release: the first one that refuses it.
            code: the kind of finding.
            path: the place inside the object.
            message: what there is to say.
            hint: what to do.
            before: what it is for earlier releases: nothing wrong, or a warning because it fails when it runs.
        """
        if self.releases.first >= release:
            self.error(code, path, message, hint)
        elif before:
            self.warning(code, path, message, hint)
        elif self.releases.last >= release:
            self.note(code, path, message, hint)

    def meant(self, name: str, names: Collection[str], otherwise: str) -> str:
        """A hint that names the known name nearest to a misspelled one, as long as few were looked for."""
        self._looked += 1
        return super().meant(name, names if self._looked <= FEW else (), otherwise)

    def add(
        self, severity: Severity, code: str, path: Path, message: str, hint: str, definition: int | None = None
    ) -> None:
        """One remark; `path` is inside the object, `definition` the document of what is wrong, if it is another."""
        super().add(severity, code, path, self.shown(message), self.shown(hint), definition)


class Unjudged(Report):
    """For what Argo does not look at before it runs: errors become warnings."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.document, report.base, report.releases)
        self._report = report

    def add(
        self, severity: Severity, code: str, path: Path, message: str, hint: str, definition: int | None = None
    ) -> None:
        """One remark, not worse than a warning."""
        self._report.add("warning" if severity == "error" else severity, code, path, message, hint, definition)


class Borrowed(Report):
    """For what is written in another document: the first error and the first note there are ones of the call.

    The rest is said where it is written.

    Args:
        report: of the document with the call.
        path: the place of the call.
        subject: who calls what, to begin a message with.
        definition: the document with what is called.
    """

    def __init__(self, report: Report, path: Path, subject: str, definition: int) -> None:
        super().__init__(report.document, report.base, report.releases)
        self._report, self._path, self._subject, self._definition = report, path, subject, definition
        self._said: set[Severity] = {"warning"}

    def add(
        self, severity: Severity, code: str, path: Path, message: str, hint: str, definition: int | None = None
    ) -> None:
        """The first of its severity, at the place of the call."""
        if severity not in self._said:
            self._said.add(severity)
            document = self._definition if definition is None else definition
            self._report.add(severity, code, self._path, f"{self._subject}: there, {message}", hint, document)


TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
UNCLOSED = re.compile(r"\{\{(?!.*\}\})(.*)\Z", re.DOTALL)
PARAMETER = re.compile(r"\{\{[-a-zA-Z0-9]+(\.[-a-zA-Z0-9_]+)*\}\}")


def tags(data: Any, path: Path = ()) -> Iterator[tuple[str, Path]]:
    """The simple tags in the strings (and keys) of some data, each with where it is; expressions are left out."""
    if isinstance(data, str):
        if "{{" in data:
            yield from ((inner.strip(), path) for inner in _inside(data) if not inner.startswith("="))
    elif isinstance(data, dict):
        for key, content in data.items():
            if "{{" in key:
                yield from tags(key, (*path, key))
            if isinstance(content, (str, dict, list)):
                yield from tags(content, (*path, key))
    elif isinstance(data, list):
        for number, item in enumerate(data):
            if isinstance(item, (str, dict, list)):
                yield from tags(item, (*path, number))


def _inside(text: str) -> Iterator[str]:
    end = 0
    for match in TAG.finditer(text):
        yield match[1]
        end = match.end()
    if unclosed := UNCLOSED.search(text, end):
        yield unclosed[1]


def open_tags(data: Any, path: Path = ()) -> Iterator[Path]:
    """Where there are tags that do not end in their string; the references of such a tag are left to others."""
    if isinstance(data, str):
        if "{{" in data and UNCLOSED.search(TAG.sub("", data)):
            yield path
    elif isinstance(data, (dict, list)):
        for key, content in data.items() if isinstance(data, dict) else enumerate(data):
            yield from open_tags(content, (*path, key))


def filled(data: Any, value: Callable[[str], str | None]) -> Any:
    """Data with the tags replaced whose value is known; parts without any are the same objects."""
    if isinstance(data, str):
        return _filled_text(data, value) if "{{" in data else data
    if isinstance(data, dict):
        changed = {key: after for key, content in data.items() if (after := filled(content, value)) is not content}
        return {**data, **changed} if changed else data
    if isinstance(data, list):
        after = [filled(item, value) for item in data]
        return data if all(map(is_, after, data)) else after
    return data


def _filled_text(text: str, value: Callable[[str], str | None]) -> str:
    def replaced(match: re.Match[str]) -> str:
        inner = match[1]
        if inner.startswith("="):
            return match[0]
        text = value(inner.strip())
        if text is not None:
            return text
        head, braces, nested = inner.rpartition("{{")
        if braces and head and (text := value(nested)) is not None:
            return "{{" + head + text  # the outer tag's end follows in the text
        return match[0]

    once = TAG.sub(replaced, text)
    # Values can hold tags themselves; Argo replaces twice, and never again.
    return TAG.sub(replaced, once) if once != text and "{{" in once else text if once == text else once


def is_parameter(text: str) -> bool:
    """Whether a text holds a tag that is known only when it runs."""
    return PARAMETER.search(text) is not None


def is_computed(text: str) -> bool:
    """Whether a text holds an expression, so that what it will be is not known here."""
    return "{{=" in text


FIELD = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
PORT = re.compile(r"[-a-zA-Z0-9_]+")
MAX_FIELD = 128
Check = Callable[[str, str, Path, str, Report], None]


def check_field(name: str, kind: str, path: Path, where: str, report: Report) -> None:
    """The name of a template, step, task or container."""
    if not FIELD.fullmatch(name):
        hint = "use letters, digits and '-', and begin with a letter or digit"
        report.error("invalid-name", path, f"{where}{kind} {name!r} has a name that Argo does not accept", hint)
    if len(name.encode()) > MAX_FIELD:
        message = f"{where}{kind} {name[:20]!r}… has a name of {len(name)} characters"
        report.error("invalid-name", path, message, f"use at most {MAX_FIELD}")


def check_port_name(name: str, kind: str, path: Path, where: str, report: Report) -> None:
    """The name of a parameter or artifact."""
    if not PORT.fullmatch(name):
        message = f"{where}{kind} {name!r} has a name that Argo does not accept"
        report.error("invalid-name", path, message, "use letters, digits, '-' and '_'")


def check_fields(
    items: Iterable[Mapped],
    kind: str,
    path: Path,
    where: str,
    report: Report,
    literal: bool,
    check: Check = check_field,
) -> None:
    """A list of templates, tasks or containers: each has a good name of its own.

    Args:
        items: the list.
        kind: what the things in it are.
        path: where it is.
        where: what it belongs to, to begin a message with.
        report: gets what is wrong.
        literal: whether Argo reads the names as they are written, without filling anything in.
        check: what makes a good name.
    """
    names: set[str] = set()
    for number, item in enumerate(items):
        name = item.get("name", "")
        if not name:
            report.error("missing-name", (*path, number), f"{where}{kind} number {number + 1} has no name", "name it")
            continue
        if literal or not is_computed(name):
            check(name, kind, (*path, number, "name"), where, report)
        if name in names:
            message = f"{where}two {kind}s are named {name!r}"
            report.error("duplicate-name", (*path, number, "name"), message, "rename one of them")
        names.add(name)


def check_ports(ports: Mapped, path: Path, where: str, report: Report, literal: bool) -> None:
    """The parameters and artifacts of some inputs, outputs or arguments; as `check_fields`."""
    for plural, kind in (("parameters", "parameter"), ("artifacts", "artifact")):
        check_fields(ports.get(plural, ()), kind, (*path, plural), where, report, literal, check_port_name)
