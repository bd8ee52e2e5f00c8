"""Where checks say what they find, on which document, and what there may have been meant.

The releases of Argo that a document may be for, which decide what rules hold for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal, NamedTuple

from couler_argo.versions import check_version
from couler_plugins.documents import Path
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
