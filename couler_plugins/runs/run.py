"""One run of a workflow, and one artifact that a cache may keep of it. Unknown is None, never zero.

What makes a step of a run the same as one of another: keys of results, and types of steps.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec

from couler_plugins.ir import Workflow
from couler_plugins.runs.usage import Amount, Attempt, Size, Text, Time

Fate = Literal["computed", "loaded", "skipped", "failed", "pending"]
"""What became of a step in a run: computed, its result loaded, not needed, failed for good, or still to come."""


SCHEMA = "couler.run/v1"
"""What a run says of itself in JSON."""


class Lookup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a cache answered when it was asked for the result of a step.

    Attributes:
        hit: whether it had the result; None where the record does not say.
        key: the key, as the cache has it; empty where the record does not say.
        began: when the step began, in seconds since the runs' epoch; None where that is not known.
        seconds: how long the step took, look-up included; None where that is not known.
        worth: how long computing the result took, by the cache's own word; None where it says nothing.
    """

    hit: bool | None
    key: str = ""
    began: float | None = None
    seconds: float | None = None
    worth: float | None = None


class StepRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step in one run.

    Attributes:
        step: its name in its workflow, the same from run to run, and no other's in this one.
        site: the call that it is one of, `graph/step`; empty where that is its name.
        type: what steps of one kind share: an operation, a template, a program.
        library: the workflow that holds what it calls, where that is another one than its own.
        fused: the names of the steps whose work it does, where `fuse` has put several into one.
        spec: a hash of what it is by itself, its parents left out.
        key: the key of its result: a hash of its spec and of its parents' keys.
        parents: the positions of its parents among the run's steps, each smaller than its own.
        seconds: how long computing it takes; None where that is not known.
        bytes: how large its result is; None where that is not known.
        memory: bytes of memory at the peak; None where that is not known.
        artifact: whether it makes a result that a cache could hold; a daemon makes none, and neither does waiting.
        attempts: how often it was tried, its success included.
        tries: what is known of these attempts, the first one first; empty where the record says nothing of them.
        fate: what became of it.
        tolerated: whether it has failed and the graph around it went on, as its workflow says: its run fails of others.
        lookup: what its cache answered; None where the record tells of no cache.
    """

    step: Text
    site: Text = ""
    type: Text
    library: Text = ""
    fused: tuple[Text, ...] = ()
    spec: Text
    key: Text
    parents: tuple[int, ...] = ()
    seconds: Amount | None = None
    bytes: Size | None = None
    memory: Size | None = None
    artifact: bool = True
    attempts: Size = 1
    tries: tuple[Attempt, ...] = ()
    fate: Fate = "computed"
    tolerated: bool = False
    lookup: Lookup | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag=SCHEMA):
    """A run of a workflow; in JSON it is a line of a history.

    Attributes:
        family: the workflow, whatever version of it ran; runs of one family learn from each other.
        name: what the engine calls this run; empty where the record does not say.
        engine: the name of the engine; empty where the record does not say.
        uid: the engine's own identifier of this run, no other's anywhere; empty where the record does not say.
        version: a hash of the workflow as it was; empty where the record does not hold it.
        layers: hashes of what each optimizer sets in it, by its name, and of the rest (see `engine_kit.run_layers`).
        part_of: the identifier of the run of a whole workflow, of which this is a part that `split` has made.
        engine_version: that of the engine; empty where the record does not say.
        steps: its steps in a topological order, and among those that were computed in the order of their ends.
        whole: whether it came to its end; one that failed may lack steps that would have come.
        running: whether it had not ended when it was looked at, as its engine says; a pending step says so as well.
        message: what the engine says of it as a whole where it failed, with nothing secret in it.
        at: when it ended (for a live run: when it was looked at), in seconds since an epoch that all runs share.
        groups: calls of whole graphs whose results a cache was asked for, and whose own steps are among `steps`.
    """

    family: Text
    name: Text = ""
    engine: Text = ""
    uid: Text = ""
    version: Text = ""
    layers: dict[str, Text] = {}
    part_of: Text = ""
    engine_version: Text = ""
    steps: tuple[StepRun, ...]
    whole: bool = True
    running: bool = False
    message: Text = ""
    at: Time = 0.0
    groups: tuple[StepRun, ...] = ()


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact that a cache holds, or could hold.

    Attributes:
        key: the key of the result.
        bytes: its size.
        seconds: how long computing it took by itself; None where that is not known.
        family: the workflow that made it.
        step: the step of that workflow.
        type: the type of that step.
        parents: the keys of the results that it was computed from.
        created: when it was made, in seconds since the runs' epoch.
        used: when it was last made, loaded or asked for.
        uses: how often that happened, its making included.
    """

    key: str
    bytes: int
    seconds: float | None = None
    family: str = ""
    step: str = ""
    type: str = ""
    parents: tuple[str, ...] = ()
    created: float = 0.0
    used: float = 0.0
    uses: int = 1


def median(values: Iterable[float]) -> float:
    """Return the median of some numbers; `statistics` takes longer to import than all of past runs."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def belongs(run: Run, workflow: Workflow) -> bool:
    """Whether a run was one of this workflow, in whatever version."""
    return run.family in families_of(workflow)


def family_of(workflow: Workflow, runs: Sequence[Run] = ()) -> str:
    """What its runs are called: as those of the past were, else what a generated name begins with, else its name."""
    return runs[-1].family if runs else next(iter(families_of(workflow)), workflow.label)


def families_of(workflow: Workflow) -> list[str]:
    """What runs of a workflow may be called: what a generated name begins with, and its name."""
    return [name for name in (workflow.prefix.rstrip("-."), workflow.name) if name]


def site_of(ran: StepRun) -> str:
    """The call that a step is one of: what it says itself, or its name without the item of a loop in parentheses."""
    return ran.site or ran.step.partition("(")[0]


def lookups_of(run: Run) -> Iterator[tuple[StepRun, Lookup]]:
    """Yield what a cache was asked for in a run, as far as it has ended, and the answers."""
    for ran in (*run.steps, *run.groups):
        # Records of before have the fate alone.
        lookup = Lookup(hit=True) if ran.lookup is None and ran.fate == "loaded" else ran.lookup
        if lookup is not None and ran.fate in ("computed", "loaded", "failed"):
            yield ran, lookup


def tries_of(ran: StepRun) -> Iterable[Attempt]:
    """The attempts that did the work of a step; where a cache may have had the result, they are partial."""
    if ran.fate == "loaded":
        return ()
    if ran.lookup is None or ran.lookup.hit is not None:
        return ran.tries
    return (msgspec.structs.replace(one, partial=True) for one in ran.tries)


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
