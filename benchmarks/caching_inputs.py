"""The workloads and the recorded edits that `benchmarks.caching` replays."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from couler_plugins.errors import InvalidInput
from couler_plugins.runs import LoadCost
from couler_plugins.runs.wfformat import read_wfformat
from couler_plugins.simulation.recorded import Recorded, read_edits
from couler_plugins.simulation.workload import Workload

__all__ = ["HISTORIES", "Inputs", "inputs"]

HISTORIES = Path(__file__).parent / "histories"
SHARED = Path(os.environ.get("COULER_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@dataclass
class Inputs:
    """What there is to replay.

    Attributes:
        workloads: the workflows, each named after its file.
        recorded: which recorded edits belong to which workflow.
        left_out: the files that were not used, with the reason.
    """

    workloads: list[Workload] = field(default_factory=list)
    recorded: list[tuple[Workload, Recorded]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def inputs(folder: Path | None) -> Inputs:
    """The traces of a folder, by default the corpus; recorded edits (`*.edits.json`) of that folder and of ours.

    What cannot be used is reported on stderr.

    Raises:
        InvalidInput: the folder has no trace that can be used.
    """
    folder = folder or SHARED / "corpus" / "traces"
    found = Inputs()
    families: dict[str, list[Workload]] = {}
    files = sorted(path for path in folder.rglob("*.json") if path.is_file())
    recorded = [path for path in files if path.name.endswith(".edits.json")]
    for path in files:
        if path not in recorded:
            _trace(path, path.relative_to(folder).as_posix(), found, families)
    for path in recorded:
        if not _edits(path, found, families):
            found.left_out.setdefault(path.name, "no trace has the steps or types that these edits change")
    for path in sorted(HISTORIES.glob("*.edits.json")):
        _edits(path, found, families)
    for name, reason in found.left_out.items():
        print(f"left out: {name}: {reason}", file=sys.stderr)
    if not found.workloads:
        hint = "give --traces a folder of WfFormat files"
        raise InvalidInput("no trace that can be used", file=str(folder), hint=hint)
    return found


def _trace(path: Path, name: str, found: Inputs, families: dict[str, list[Workload]]) -> None:
    try:
        run = read_wfformat(path.read_bytes(), name)
        workload = Workload.of(run, family=name.removesuffix(".json"), file=name)
    except (InvalidInput, OSError) as error:
        found.left_out[name] = _reason(error)
        return
    load = LoadCost()
    if sum(map(load.seconds, workload.bytes)) >= sum(workload.seconds):
        found.left_out[name] = "loading all results takes longer than computing them: there is nothing to save"
    elif not workload.total_bytes:
        found.left_out[name] = "no result takes any space: every cache holds everything"
    else:
        found.workloads.append(workload)
        families.setdefault(run.family, []).append(workload)


def _edits(path: Path, found: Inputs, families: dict[str, list[Workload]]) -> bool:
    """Edits of a family are for its workflows, others for every workflow that has what they change; whether any has."""
    try:
        edits = read_edits(path.read_bytes(), path.name)
    except (InvalidInput, OSError) as error:
        found.left_out[path.name] = _reason(error)
        return False
    names = {name for entry in edits.entries for some in entry for name in some}
    candidates = families.get(edits.family, []) if edits.family else found.workloads
    mine = [workload for workload in candidates if not names.isdisjoint([*workload.steps, *workload.types])]
    found.recorded.extend((workload, edits) for workload in mine)
    return bool(mine)


def _reason(error: InvalidInput | OSError) -> str:
    return error.message if isinstance(error, InvalidInput) else error.strerror or str(error)
