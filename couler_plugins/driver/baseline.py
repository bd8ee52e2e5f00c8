"""Baselines of lint: findings that were there before, and are kept quiet.

A finding is recorded by its file, code, path and message, without line numbers and positions in lists: it is recognised
after lines have moved. A file holds how often each of them is there, so that one more is shown.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec.structs import replace

from couler_plugins.documents import Finding, render, without_place
from couler_plugins.errors import InvalidInput, restating

SCHEMA = "couler.baseline/v1"
STALE = "stale-baseline"
POSITION = re.compile(r"\[\d+\]")
OTHER_FILE = re.compile(r"(?:[^\s:]*/)?([^\s:/]+\.\w+):\d+\b")
"""Another file that a message names, with the line in it."""


class Record(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True, omit_defaults=True):
    """A finding: its file (seen from the baseline's folder), code, path and message, and at how many places it is."""

    file: str
    code: str
    path: str
    message: str
    places: int = 1


class _Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: str
    findings: tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """What a baseline leaves of findings.

    Attributes:
        findings: those that are not recorded, and notes on records that are out of date.
        quiet: how many findings are wholly recorded.
    """

    findings: tuple[Finding, ...]
    quiet: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """The findings that a file records.

    Attributes:
        path: the file.
        records: how often each finding is there.
    """

    path: Path
    records: Counter[Record] = field(default_factory=Counter)

    @classmethod
    def load(cls, path: Path) -> Baseline:
        """Read a baseline.

        Raises:
            InvalidInput: there is no such file, or it is no baseline.
        """
        hint = "make it with --write-baseline"
        with (
            restating(msgspec.MsgspecError, f"{path} is no baseline", hint=hint),
            restating(OSError, f"cannot read the baseline {path}", hint=hint),
        ):
            text = msgspec.json.decode(path.read_bytes(), type=_Text)
        if text.schema != SCHEMA:
            raise InvalidInput(f"{path} is no baseline: its schema is {text.schema!r}", hint=hint)
        records = Counter[Record]()
        for item in text.findings:
            records[replace(item, places=1)] += item.places
        return cls(path, records)

    def write(self, findings: Sequence[Finding]) -> None:
        """Write all findings into the file, in place of what it records.

        Raises:
            InvalidInput: the file cannot be written, or holds something else.
        """
        counts = Counter(record for finding in findings for record in self.records_of(finding))
        records = sorted(replace(record, places=count) for record, count in counts.items())
        lines = ",\n".join(msgspec.json.encode(record).decode() for record in records)
        text = f'{{"schema": "{SCHEMA}", "findings": [\n{lines}\n]}}\n'
        with restating(OSError, f"cannot write the baseline {self.path}"):
            if self.path.is_file() and (old := self.path.read_bytes().strip()) and SCHEMA.encode() not in old:
                raise InvalidInput(f"{self.path} is no baseline, and is not overwritten", hint="name another file")
            self.path.write_text(text, encoding="utf-8")

    def sift(self, findings: Sequence[Finding], files: Collection[str]) -> Sifted:
        """Take out what is recorded, and the places of findings that are.

        Args:
            findings: all findings of a call.
            files: the names of the files of the call: what is recorded of others is not out of date.
        """
        counts = Counter(self.records)
        kept = []
        for finding in findings:
            places = []
            for place, record in zip(finding.places, self.records_of(finding), strict=True):
                if counts[record]:
                    counts[record] -= 1
                else:
                    places.append(place)
            if places:
                first, *others = places
                at_first = {"file": first.file, "line": first.line, "path": first.path}
                kept.append(replace(finding, **at_first, others=tuple(others)))
        seen = {self._seen_from_here(name): name for name in files}
        stale = [self._stale(record, seen) for record in sorted(+counts) if self._is_over(record, seen)]
        return Sifted(findings=(*kept, *stale), quiet=len(findings) - len(kept))

    def records_of(self, finding: Finding) -> list[Record]:
        """The records of a finding, one for each place."""
        message = OTHER_FILE.sub(r"\1", without_place(finding.message))
        return [
            Record(self._seen_from_here(place.file), finding.code, POSITION.sub("[]", render(place.path)), message)
            for place in finding.places
        ]

    def _seen_from_here(self, name: str) -> str:
        """A file's name, from the folder of the baseline; names that are no paths stay."""
        return name if name.startswith("<") else Path(os.path.relpath(name, self.path.parent)).as_posix()

    def _is_over(self, record: Record, seen: Collection[str]) -> bool:
        return record.file in seen or not (self.path.parent / record.file).exists()

    def _stale(self, record: Record, seen: dict[str, str]) -> Finding:
        message = f"the baseline records a finding that is gone: {record.message} [{record.code}]"
        file = seen.get(record.file) or os.path.normpath(self.path.parent / record.file)
        return Finding("note", message, file, code=STALE, hint="write the baseline again")
