"""Lifts, optimizes and lowers the files of one call, engine by engine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from couler_plugins.attribution import FileState, hand_out, trace_workflows
from couler_plugins.collector import collector_paused
from couler_plugins.context import RunContext
from couler_plugins.contract import one_line
from couler_plugins.documents import findings
from couler_plugins.errors import CoulerError, InvalidInput, PluginFailure
from couler_plugins.misnamed import misnamed
from couler_plugins.options import Texts, build
from couler_plugins.pipeline import PipelineRun, print_optimizer, refuse_broken, run_pipeline
from couler_plugins.plan import Lowered, Part, Plan, Written
from couler_plugins.results import Result, WorkflowVersions, join_documents

if TYPE_CHECKING:
    from couler_plugins.documents import Document, SourceFile
    from couler_plugins.hookspecs import Adapter, ApiGroup, Optimizer
    from couler_plugins.plugins import Plugins
    from couler_plugins.sources import Input

__all__ = ["Session", "adapter_errors", "rewrite"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What one call works with.

    Attributes:
        plugins: where adapters come from.
        engine: the only engine whose documents are looked at; None for all.
        to: options of adapters, by engine.
        report: is told what is going on.
        history: files that tell of past runs.
        previous: how workflows were split before.
    """

    plugins: Plugins
    engine: str | None = None
    to: Mapping[str, tuple[tuple[str, Texts], ...]] = field(default_factory=dict)
    report: Callable[[str], None] = log.info
    history: Sequence[SourceFile] = ()
    previous: Sequence[Part] = ()

    def engines(self, documents: Iterable[Document]) -> list[str]:
        """The engines that the documents belong to, sorted.

        Raises:
            InvalidInput: two engines understand the same document.
            PluginFailure: an adapter fails to say whether it does.
        """
        if self.engine is not None:
            return [self.engine]
        found: set[str] = set()
        for document in documents:
            engines = self.plugins.claimed_by(document)
            if len(engines) > 1:
                message = f"{' and '.join(engines)} both understand this document"
                hint = "choose one with --engine"
                raise InvalidInput(message, file=document.file, line=document.line, hint=hint)
            found.update(engines)
        return sorted(found)

    def groups(self) -> list[ApiGroup]:
        """The groups of kinds that belong to the engines that are looked at."""
        adapters = self.plugins.adapters.items()
        chosen = [adapter for engine, adapter in adapters if self.engine in (None, engine)]
        return [group for adapter in chosen for group in getattr(adapter, "groups", ())]  # not each is an `Adapter`

    def options(self, adapter: Adapter) -> Any:
        """The options of an adapter, as `--to` gives them.

        Raises:
            InvalidInput: an option is unknown, missing, or not what its type says.
        """
        return build(adapter.options, self.to.get(adapter.engine, ()), f"the adapter {adapter.engine!r}")


@contextmanager
def adapter_errors(engine: str, doing: str) -> Iterator[None]:
    """Turns an exception that an adapter did not raise on purpose into an error that names it."""
    try:
        yield
    except CoulerError:
        raise
    except (Exception, SystemExit) as error:
        log.info("the traceback of the adapter %s:", engine, exc_info=error)
        message = f"the adapter {engine!r} failed in {doing}: {one_line(error)}"
        raise PluginFailure(
            message, engine=engine, hint="this is a mistake in the adapter: please report it"
        ) from error


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
    documents = [document for file in files if file.source for document in file.source.documents]
    _warn_of_misnamed(documents, session)
    added: list[str] = []
    added_documents: list[Any] = []
    parts: list[Part] = []
    workflow_versions: list[WorkflowVersions] = []
    for name in [session.engine] if session.engine else session.to:
        session.plugins.adapter(name)  # a name that nobody knows is an error even where it would not be needed
    for engine in session.engines(documents):
        lowered, written, traced, split = _rewrite_engine(files, session.plugins.adapter(engine), session, optimizers)
        added.append(written.added)
        added_documents.extend(lowered.added)
        workflow_versions.extend(traced)
        parts.extend(split)
    results = tuple(file.result() for file in files)
    return Result(
        files=results,
        optimizers=tuple(map(print_optimizer, optimizers or ())),
        workflow_versions=tuple(
            item for item in workflow_versions if item.file is None or results[item.file].error is None
        ),
        added=join_documents(*added),
        added_documents=tuple(added_documents),
        parts=tuple(parts),
    )


def _warn_of_misnamed(documents: Sequence[Document], session: Session) -> None:
    """Says what nobody will look at because its kind is misspelt: it would pass through as if all were well."""
    for finding in findings(documents, misnamed(documents, session.groups())):
        if finding.severity == "error":
            log.warning("%s:%s: %s; %s", finding.file, finding.line, finding.message, finding.hint)


def _rewrite_engine(
    files: Sequence[FileState], adapter: Adapter, session: Session, optimizers: Sequence[Optimizer] | None
) -> tuple[Lowered, Written, list[WorkflowVersions], tuple[Part, ...]]:
    engine, options = adapter.engine, session.options(adapter)
    positions = [position for position, file in enumerate(files) if file.source is not None]
    scope = [files[position] for position in positions]
    refused: dict[int, CoulerError] = {}

    def refuse(number: int, error: CoulerError) -> None:
        refused.setdefault(number, error)

    with collector_paused():
        session.report(f"reading {engine} workflows")
        with adapter_errors(engine, "lift()"):
            bundle = adapter.load([file.current() for file in scope])
            plan = adapter.lift(bundle, refuse)
        run = PipelineRun(plan, (), (plan.workflows,))
        if optimizers is not None:
            run = _optimized(refuse_broken(plan, refuse), optimizers, session, refuse)
        session.report(f"writing {engine} workflows")
        with adapter_errors(engine, "lower()"):
            lowered = adapter.lower(run.plan, options)
            written = adapter.dump(lowered)
    for number, error in lowered.refused.items():
        refuse(number, error if isinstance(error, CoulerError) else PluginFailure(one_line(error), engine=engine))
    for number, error in refused.items():
        scope[number].refuse(error)
    hand_out(scope, run.plan, run.passes, lowered, written)
    return lowered, written, list(trace_workflows(bundle, run.versions, positions)), run.plan.parts


def _optimized(
    plan: Plan, optimizers: Sequence[Optimizer], session: Session, refuse: Callable[[int, CoulerError], None]
) -> PipelineRun:
    """Runs the optimizers; where one of them refuses a file, again, without that file: it stops no other.

    Raises:
        PluginFailure: an optimizer failed.
        CoulerError: what one raised on purpose and not about a single file.
    """
    names = [file.name for file in plan.bundle.files]
    while True:
        ctx = RunContext(session.plugins, session.report, session.history, session.previous)
        try:
            return run_pipeline(plan, optimizers, ctx, session.plugins)
        except PluginFailure:
            raise
        except CoulerError as error:
            about = [number for number, name in enumerate(names) if name == error.file]
            rest = plan.without(set(about))
            if len(about) != 1 or len(rest.workflows) == len(plan.workflows):
                raise
            refuse(about[0], error)
            plan = rest
