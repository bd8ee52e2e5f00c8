"""What makes a step of a run the same as one of another: keys of results, and types of steps."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

INTERPRETERS = re.compile(
    r"(?:ba|z|da|k|c|tc)?sh|python[0-9.]*|perl[0-9.]*|ruby|rscript|r|julia|node|java|env|time|nohup|sudo|docker"
    r"|singularity|apptainer|srun|mpirun|mpiexec|pegasus-kickstart"
)
PROGRAM = re.compile(r"[^\s\\/'\"$`|;&<>()]+")
SAMPLE = re.compile(r"\s*\([^()]*\)")
NUMBERS = re.compile(r"(?:[-_. ](?:ID)?[0-9]+)+$")


def hash_of(content: list[Any]) -> str:
    """A hash of texts, numbers and lists of them: 128 bits in hexadecimal."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def key_of(spec: str, parents: Iterable[str]) -> str:
    """The key of a result: a hash of its step's spec and of its parents' keys, whose order says nothing."""
    return hash_of([spec, sorted(parents)])


def type_of(name: str, program: str | None = None) -> str:
    """What steps of one kind share: the program, or the name without what tells its instances apart.

    A shell or an interpreter says nothing, nor does a whole script. Of a name are left out sample names in parentheses,
    the scopes before a `:` or `.` (Nextflow), and numbers and ids at the end.
    """
    base = (program or "").strip().rsplit("/", 1)[-1]
    if PROGRAM.fullmatch(base) and not INTERPRETERS.fullmatch(base.lower()):
        return base
    bare = SAMPLE.sub("", name).strip()
    stem = NUMBERS.sub("", bare) or bare
    return re.split(r"[:.]", stem)[-1] or stem or name
