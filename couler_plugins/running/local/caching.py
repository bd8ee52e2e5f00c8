"""Which steps of a local run are looked up in the artifact cache, and under which keys.

What may be cached is what the optimizer `cache` would have an engine cache; what only an engine's own cache cannot
keep is no matter here. A key covers what its keys cover, and beside the image the interpreter that runs it here and the
variables that it gets; artifacts are covered by their content. What a program of Python reads is observed when it runs,
and kept with its result.

What an interpreter is on this machine, as one text: what a result depends on beside a program and its inputs.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import shutil
import subprocess
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.artifacts import ArtifactCache, Hit, Meta
from couler_plugins.caching.code import installation
from couler_plugins.caching.dataplane.contents import sha256_of
from couler_plugins.caching.dataplane.failures import reason_of
from couler_plugins.caching.dataplane.reuse import Observing, Task, reuse_or_compute, reuse_or_observe
from couler_plugins.caching.keys import key, spec_hash
from couler_plugins.caching.reads import ReadSet, Traces, verify
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.hookspecs.local import File, NotThere, Program
from couler_plugins.ir import Operation
from couler_plugins.running.local.attempts import handed_on, names, names_folder
from couler_plugins.running.local.observing import Untraced, Unusable, has_python, reads_of
from couler_plugins.running.local.scope import Scope

PATIENCE = 60.0  # seconds that an interpreter may take to say what is installed beside it


def identity_of(command: str, environment: Mapping[str, str]) -> str:
    """Return what a command is in an environment; asked once in a process.

    It is the sha256 of its bytes, and for Python of what it would import as well.

    Raises:
        NotThere: there is no such command, or it does not say what it is.
    """
    return _identity(command, tuple(sorted(environment.items())))


@functools.cache
def _identity(command: str, environment: tuple[tuple[str, str], ...]) -> str:
    path = shutil.which(command, path=dict(environment).get("PATH"))
    if path is None:
        raise NotThere(f"there is no {command!r}")
    try:
        content = sha256_of(Path(path).resolve())
        if not Path(command).name.startswith("python"):
            return content
        version = subprocess.run(  # noqa: S603  # the interpreter of the step
            [path, installation.__file__],
            capture_output=True,
            timeout=PATIENCE,
            check=True,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
        )
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").splitlines()
        raise NotThere(f"{path} does not say what is installed: {lines[-1] if lines else error.returncode}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotThere(f"{path} does not say what is installed: {error}") from None
    return hashlib.sha256(content.encode() + version.stdout).hexdigest()


Opening = Callable[[], contextlib.AbstractContextManager["ArtifactCache"]]
"""Opens the cache."""
log = logging.getLogger(__name__)


class Cached(NamedTuple):
    """A step whose result may be in the cache.

    Attributes:
        observed: whether its result depends on what it reads as well, which is observed.
        allow: what its owner says is no matter.
    """

    opening: Opening
    key: str
    names: tuple[str, ...]
    run: str
    family: str
    step: str
    operation: str
    spec: str
    max_age: int | None
    observed: bool
    allow: tuple[str, ...]

    def reuse(self, folder: Path, compute: Observing) -> int:
        """Puts the result into a folder, or has it computed there and keeps it; what fails in the cache is a miss."""
        outputs = {name: folder / name for name in self.names}
        task = Task(key=self.key, outputs=outputs, meta=self._meta(), max_age=self.max_age)
        if self.observed:
            return reuse_or_observe(task, self.opening(), compute, self._holding)
        return reuse_or_compute(task, self.opening(), lambda: compute()[0])

    def is_traced(self) -> bool:
        """Tell whether a run before has loaded compiled code that is only followed by its system calls."""
        try:
            with self.opening() as cache:
                hit = cache.get(self._mark)
                if hit is not None:
                    hit.close()
                return hit is not None
        except Exception as error:  # noqa: BLE001  # whatever is wrong with the cache
            log.info("going on without a trace: %s", reason_of(error))
            return False

    def reads(self, attempt: Path, outputs: Path) -> ReadSet | None:
        """Return what an observed attempt has read; None where its result cannot be kept for that.

        Args:
            attempt: its folder.
            outputs: the folder of its outputs.
        """
        try:
            read_set = reads_of(attempt, self.allow)
            if names_folder(outputs, attempt):
                raise Unusable("its result contains the path of its own folder, which differs in each run")
        except (Unusable, OSError) as error:
            log.warning("%s: the result is not kept: %s", self.step, error)
            if isinstance(error, Untraced):
                self._trace_next()
            return None
        return read_set

    def _trace_next(self) -> None:
        try:
            with self.opening() as cache, cache.claim(self._mark) as claim:
                if not isinstance(claim, Hit):
                    claim.put({"traced": b""}, self._meta())
        except Exception as error:  # noqa: BLE001  # whatever is wrong with the cache
            log.info("the next run is not traced: %s", reason_of(error))

    @property
    def _mark(self) -> str:
        return key(self.spec, ["traced"])

    def _meta(self) -> Meta:
        return Meta(family=self.family, step=self.step, type=self.operation, spec=self.spec, run=self.run)

    def _holding(self, traces: Traces, outputs: Collection[Path]) -> ReadSet | None:
        trace = traces.find()
        if trace is None and traces.traces:
            log.info("%s runs again: %s is not as it was", self.step, verify(traces.traces[0].reads))
        return None if trace is None else trace.reads


class Caching:
    """What of one run is cached.

    Args:
        analysis: what was found about the workflow; None where nothing is to be cached.
        opening: opens the cache.
        run: what results are said to come from.
    """

    def __init__(self, analysis: Analysis | None, opening: Opening | None, run: str) -> None:
        self._analysis, self._opening, self._run = analysis, opening, run

    def of(self, operation: Operation, scope: Scope, caller: Scope, call: tuple[str, str], path: str) -> Cached | None:
        """How a step is cached; None where it is not.

        Args:
            operation: what it calls.
            scope: the operation's own.
            caller: the scope of the call.
            call: the graph and the step.
            path: the step's path.
        """
        if self._analysis is None or self._opening is None:
            return None
        verdict = self._analysis.verdicts.get(call)
        if verdict is None or verdict.facts is None or not _allowed(verdict):
            return None
        try:
            program = scope.facet.program(operation, scope.look)
            observed = has_python(program.command)
            machine = _machine(program)
            values = {
                name: item.content if isinstance(item, File) else _text(item)
                for (kind, name), item in sorted(scope.inputs.items())
            }
            reads = [scope.facet.text(reference, scope.look) for reference in verdict.facts.material.reads]
            lineages = [scope.facet.text(value, caller.look) for value in verdict.lineages]
        except NotThere as error:
            log.warning("%s is not cached: %s", path, error)
            return None
        content, waived = verdict.facts.material.content, verdict.facts.waived
        spec = spec_hash([content, "local", machine, observed, sorted(values), len(reads), *waived])
        return Cached(
            opening=self._opening,
            key=key(spec, [*values.values(), *reads, *lineages]),
            names=tuple(names(operation)),
            run=self._run,
            family=self._analysis.workflow.label,
            step=path,
            operation=operation.name,
            spec=spec,
            max_age=verdict.max_age,
            observed=observed,
            allow=waived,
        )


def _allowed(verdict: Verdict) -> bool:
    """Whether a result may be reused: declared, and nothing stands against it but what an engine's cache can keep.

    Nobody here looks at places outside that a step reads or writes.
    """
    assert verdict.facts is not None
    decisive, storage = verdict.objection, verdict.facts.storage
    only_storage = decisive is not None and storage is not None and decisive.reason == storage.reason
    allowed = bool(verdict.declared) and not verdict.facts.material.places
    return allowed and (verdict.objection is None or only_storage)


def _text(item: object) -> str:
    return item if isinstance(item, str) else f"sha256:{hashlib.sha256(item).hexdigest()}"  # type: ignore[arg-type]


def _machine(program: Program) -> list[object]:
    """What a program finds here beside its inputs: its interpreter, and what it gets of our environment."""
    environment = handed_on()
    return [identity_of(program.command[0], {**environment, **dict(program.env)}), sorted(environment.items())]
