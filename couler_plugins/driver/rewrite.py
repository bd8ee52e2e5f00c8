"""Lifts, optimizes and lowers the files of one call, engine by engine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, TypeVar

import msgspec

from couler_plugins.documents import Document, SourceFile, findings
from couler_plugins.documents.collector import collector_paused
from couler_plugins.driver.attribution import FileState, hand_out, trace_workflows
from couler_plugins.driver.context import RunContext
from couler_plugins.driver.differences import Policy
from couler_plugins.driver.isolation import blank, raise_common_failure, without_failing
from couler_plugins.driver.pipeline import PipelineRun, print_optimizer, refuse_broken, run_pipeline
from couler_plugins.driver.results import Result, WorkflowVersions, join_documents
from couler_plugins.errors import REPORT, CoulerError, InvalidInput, PluginFailure, one_line
from couler_plugins.hookspecs import Adapter, ApiGroup, Optimizer
from couler_plugins.inputs.sources import Input
from couler_plugins.inputs.unknown_kinds import misnamed
from couler_plugins.options.fields import Texts, build
from couler_plugins.options.rows import Row
from couler_plugins.plan import Lowered, Part, Plan, Written
from couler_plugins.plugins import Plugins

log = logging.getLogger(__name__)
T = TypeVar("T")


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What one call works with.

    Attributes:
        plugins: where adapters come from.
        engine: the only engine whose documents are looked at; None for all.
        to: options of adapters, by engine.
        report: is told what is going on.
        history: files that tell of past runs.
        previous: how workflows were split before.
        rows: the rows of the settings, by the optimizer that they are for.
        policy: what becomes of differences between engines.
    """

    plugins: Plugins
    engine: str | None = None
    to: Mapping[str, tuple[tuple[str, Texts], ...]] = msgspec.field(default_factory=dict)
    report: Callable[[str], None] = log.info
    history: Sequence[SourceFile] = ()
    previous: Sequence[Part] = ()
    rows: Mapping[str, Sequence[Row]] = msgspec.field(default_factory=dict)
    policy: Policy = Policy()

    def engines(
        self, files: Sequence[SourceFile | None], refuse: Callable[[int, CoulerError], object]
    ) -> dict[str, list[int]]:
        """Return the numbers of the files with documents of each engine, by the engines' names in order.

        A file goes to `refuse` where two engines understand the same document of it, or an adapter fails to say
        whether it does. None stands for a file that cannot be read.
        """
        if self.engine is not None:
            return {self.engine: [number for number, file in enumerate(files) if file is not None]}
        numbers: dict[str, list[int]] = {}
        for number, file in enumerate(files):
            try:
                for engine in sorted(self._engines_of(file)) if file is not None else ():
                    numbers.setdefault(engine, []).append(number)
            except CoulerError as error:
                refuse(number, error)
        return dict(sorted(numbers.items()))

    def _engines_of(self, file: SourceFile) -> set[str]:
        result: set[str] = set()
        for document in file.documents:
            engines = self.plugins.claimed_by(document)
            if len(engines) > 1:
                message = f"{' and '.join(engines)} both understand this document"
                hint = "choose one with --engine"
                raise InvalidInput(message, file=document.file, line=document.line, hint=hint)
            result.update(engines)
        return result

    def groups(self) -> list[ApiGroup]:
        """The groups of kinds that belong to the engines that are looked at."""
        adapters = self.plugins.adapters.items()
        return [group for name, adapter in adapters if self.engine in (None, name) for group in adapter.groups]

    def options(self, adapter: Adapter) -> Any:
        """The options of an adapter, as `--to` gives them.

        Raises:
            InvalidInput: an option is unknown, missing, or not what its type says.
        """
        return build(adapter.options, self.to.get(adapter.engine, ()), f"the adapter {adapter.engine!r}")


@contextmanager
def adapter_errors(engine: str, doing: str) -> Iterator[None]:
    """Turn an exception that an adapter did not raise on purpose into an error that names it."""
    try:
        yield
    except CoulerError:
        raise
    except (Exception, SystemExit) as error:
        log.info("the traceback of the adapter %s:", engine, exc_info=error)
        message = f"internal error: the adapter {engine!r} failed in {doing}: {one_line(error)}"
        raise PluginFailure(message, engine=engine, hint=REPORT) from error


def of_type(wanted: type[T], answer: object) -> T:
    """Return what an adapter answered.

    Raises:
        TypeError: it is not of this type.
    """
    if not isinstance(answer, wanted):
        raise TypeError(f"it gives a {type(answer).__name__}, not a {wanted.__name__}")
    return answer


def lift_files(
    adapter: Adapter, files: Sequence[SourceFile], among: Sequence[int], refuse: Callable[[int, CoulerError], object]
) -> Plan:
    """Return the workflows of files; one that the adapter refuses, or fails on, stops no other.

    Args:
        adapter: of their engine.
        files: all files of the call, which refer to each other.
        among: the numbers of those that hold workflows of this engine.
        refuse: is given the number of a file and the error.

    Raises:
        PluginFailure: the adapter fails even where there is no workflow.
    """

    def lift(left_out: frozenset[int]) -> tuple[Plan, dict[int, CoulerError]]:
        refused: dict[int, CoulerError] = {}

        def note(number: int, error: CoulerError) -> None:
            refused.setdefault(number, error)

        with collector_paused(), adapter_errors(adapter.engine, "lift()"):
            bundle = adapter.load([blank(file) if number in left_out else file for number, file in enumerate(files)])
            return of_type(Plan, adapter.lift(bundle, note)), refused

    plan, refused = without_failing([file.name for file in files], among, lift, refuse)
    for number, error in refused.items():
        refuse(number, error)
    return plan


def rewrite(inputs: Sequence[Input], session: Session, optimizers: Sequence[Optimizer] | None) -> Result:
    """Takes the files through lifting, the optimizers and lowering.

    Args:
        inputs: the files; those that could not be read are passed on as refused.
        session: what to work with.
        optimizers: what to run; None to neither verify nor optimize (the identity).

    Raises:
        PluginFailure: an optimizer or an adapter failed.
        CoulerError: what they raised on purpose and not about a single file.
    """
    files = [FileState(item) for item in inputs]
    _warn_of_misnamed([document for file in files if file.source for document in file.source.documents], session)
    for name in [session.engine] if session.engine else session.to:
        session.plugins.adapter(name)  # a name that nobody knows is an error even where it would not be needed
    failed: dict[int, CoulerError] = {}
    engines = session.engines([file.source for file in files], failed.setdefault)
    for number, error in failed.items():
        files[number].refuse(error)
    outcomes = [
        _rewrite_engine(files, among, session.plugins.adapter(engine), session, optimizers)
        for engine, among in engines.items()
    ]
    raise_common_failure([files[number].error for number in sorted({*failed, *chain(*engines.values())})])
    results = tuple(file.result() for file in files)
    return Result(
        files=results,
        optimizers=tuple(map(print_optimizer, optimizers or ())),
        seconds=tuple(map(sum, zip(*([one.seconds for one in run.passes] for *_, run in outcomes), strict=True))),
        workflow_versions=tuple(
            item
            for _, _, traced, _ in outcomes
            for item in traced
            if item.file is None or results[item.file].error is None
        ),
        added=join_documents(*(written.added for _, written, _, _ in outcomes)),
        added_documents=tuple(document for lowered, _, _, _ in outcomes for document in lowered.added),
        parts=tuple(part for *_, run in outcomes for part in run.plan.parts),
    )


def _warn_of_misnamed(documents: Sequence[Document], session: Session) -> None:
    """Says what nobody will look at because its kind is misspelt: it would pass through as if all were well."""
    for finding in findings(documents, misnamed(documents, session.groups())):
        if finding.severity == "error":
            log.warning("%s:%s: %s; %s", finding.file, finding.line, finding.message, finding.hint)


def _rewrite_engine(
    files: Sequence[FileState],
    among: Sequence[int],
    adapter: Adapter,
    session: Session,
    optimizers: Sequence[Optimizer] | None,
) -> tuple[Lowered, Written, list[WorkflowVersions], PipelineRun]:
    engine, options = adapter.engine, session.options(adapter)
    positions = [position for position, file in enumerate(files) if file.source is not None]
    scope = [files[position] for position in positions]
    own = [number for number, position in enumerate(positions) if position in set(among)]
    refused: dict[int, CoulerError] = {}
    refuse = refused.setdefault
    with collector_paused():
        session.report(f"reading {engine} workflows")
        plan = lift_files(adapter, [file.current() for file in scope], own, refuse)
        if optimizers is not None:
            plan = refuse_broken(plan, refuse)

        def attempt(left_out: frozenset[int]) -> tuple[PipelineRun, Lowered, Written]:
            part = plan.without(set(left_out))
            run = PipelineRun(part, (), (part.workflows,))
            if optimizers is not None:
                ctx = RunContext(session.plugins, session.report, session.history, session.previous, rows=session.rows)
                run = run_pipeline(part, optimizers, ctx, session.plugins)
            session.report(f"writing {engine} workflows")
            with adapter_errors(engine, "lower()"):
                lowered = adapter.lower(run.plan, options)
                return run, lowered, of_type(Written, adapter.dump(lowered))

        run, lowered, written = without_failing([file.name for file in plan.bundle.files], own, attempt, refuse)
    for number, error in lowered.refused.items():
        refuse(number, error if isinstance(error, CoulerError) else PluginFailure(one_line(error), engine=engine))
    for number, error in refused.items():
        scope[number].refuse(error)
    hand_out(scope, run.plan, run.passes, lowered, written)
    return lowered, written, list(trace_workflows(plan.bundle, run.versions, positions)), run
