"""What a local run made of steps whose results a later plan can know: written down as a record.

`kfp.local` keeps, in the folder of a run, what each executor said of its outputs (`executor_output.json`), in a folder
with the name of the component. A backend does not hand this out; whoever can ask its metadata store can write a record
as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from couler_kfp.cache.cache import KfpCache
from couler_plugins.api import lift
from couler_plugins.caching.calls import steps_of
from couler_plugins.caching.known import LARGEST, KnownArtifact, KnownResult, write_known
from couler_plugins.errors import InvalidInput, restating
from couler_plugins.inputs.sources import Source
from couler_plugins.ir import Call, Operation, Workflow, call_sites, callables

OUTPUT = "executor_output.json"


class _Artifact(msgspec.Struct, frozen=True):
    uri: str
    metadata: dict[str, Any] = {}


class _Artifacts(msgspec.Struct, frozen=True):
    artifacts: list[_Artifact]


class _Output(msgspec.Struct, frozen=True, rename={"parameter_values": "parameterValues"}):
    parameter_values: dict[str, Any] = {}
    artifacts: dict[str, _Artifacts] = {}


def record(source: Source, run: str | Path, *, assume_pure: bool = False) -> bytes:
    """A record of what a local run made, for `cache{known=FILE}`: of steps that are pure, on constants alone.

    A component that several tasks share is left out: `kfp.local` keeps what one of them made.

    Args:
        source: the compiled pipeline that ran.
        run: the folder of the run, which `kfp.local` makes in its pipeline root.
        assume_pure: whether a step of which nothing is said counts as declared pure.

    Raises:
        InvalidInput: there is no such folder, the pipeline cannot be read, or an output is not what KFP writes.
    """
    folder = Path(run)
    if not folder.is_dir():
        raise InvalidInput("there is no such folder", file=str(run), hint="name a folder in the pipeline root")
    records = (
        result
        for workflow in lift(source, engine="kfp").workflows
        for result in _results(workflow, folder, assume_pure)
    )
    return write_known(records)


def _results(workflow: Workflow, folder: Path, assume_pure: bool) -> Iterator[KnownResult]:
    calls = Counter(site.step.call.name for site in call_sites(workflow) if isinstance(site.step.call, Call))
    steps = steps_of(workflow)
    by_name = callables(workflow)
    for place, key in KfpCache(workflow).result_keys(assume_pure=assume_pure).items():
        call = steps[place].call
        assert isinstance(call, Call)
        output = _read(folder / call.name.removeprefix("comp-") / OUTPUT) if calls[call.name] == 1 else None
        called = by_name[call.name]
        if output is not None and isinstance(called, Operation):
            yield _result(key, "/".join(place), called, output)


def _result(key: str, step: str, called: Operation, output: _Output) -> KnownResult:
    """What is declared of an output; what else a program wrote there is not handed on by KFP either."""
    artifacts = {name: held.artifacts[0] for name, held in output.artifacts.items() if len(held.artifacts) == 1}
    declared = {(item.kind, item.name) for item in called.outputs}
    return KnownResult(
        key=key,
        step=step,
        parameters={name: value for name, value in output.parameter_values.items() if ("parameter", name) in declared},
        artifacts={
            name: KnownArtifact(uri=item.uri, metadata=item.metadata)
            for name, item in artifacts.items()
            if ("artifact", name) in declared
        },
    )


def _read(path: Path) -> _Output | None:
    """What an executor said of its outputs; None where it said nothing."""
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"it cannot be read: {error.strerror or error}", file=str(path)) from error
    if len(content) > LARGEST:
        raise InvalidInput(f"it has more than {LARGEST:,} bytes", file=str(path))
    with restating(
        (msgspec.DecodeError, UnicodeDecodeError, RecursionError),
        "this is not what KFP's executor writes",
        file=str(path),
    ):
        return msgspec.json.decode(content, type=_Output)
