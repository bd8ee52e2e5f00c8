"""What optimizers may ask for while they run: past runs and profiles, policies, adapters, a way to report progress."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from couler_plugins.documents import Document, SourceFile
from couler_plugins.errors import InvalidInput, one_line
from couler_plugins.hookspecs import Adapter, CachePolicy, Cause, Partitioner, Profile, Tuner
from couler_plugins.ir import Workflow
from couler_plugins.options.rows import Row
from couler_plugins.plan import Part
from couler_plugins.plugins import ADAPTERS, PARTITIONERS, POLICIES, TUNERS, Plugins
from couler_plugins.reliability.classification import causes_of
from couler_plugins.runs import Run, belongs, families_of
from couler_plugins.runs.history_file import distinct

UNKNOWN = Profile()
log = logging.getLogger(__name__)


class RunContext:
    """The `Context` that the pipeline hands to optimizers.

    Args:
        plugins: where profiles and adapters come from.
        report: is told what is going on, in one line.
        history: files that tell of past runs.
        previous: how workflows were split before.
        explains: whether anybody is told what is decided.
        rows: the rows of the settings, by the optimizer that they are for.
    """

    def __init__(
        self,
        plugins: Plugins,
        report: Callable[[str], None] = log.info,
        history: Sequence[SourceFile] = (),
        previous: Sequence[Part] = (),
        explains: bool = True,
        rows: Mapping[str, Sequence[Row]] = {},
    ) -> None:
        self.explains = explains
        self._plugins = plugins
        self._report = report
        self._history = history
        self._previous = previous
        self._rows = rows
        self._unknown: set[str] = set()
        # By identity (with the workflow kept alive): comparing workflows step by step would cost more than the hook.
        self._profiles: dict[int, tuple[Workflow, Mapping[str, Profile]]] = {}

    def profile(self, workflow: Workflow, step: str) -> Profile:
        """What is known of a step (`graph/step`) or an operation (its name) from past runs; None where nothing is."""
        if id(workflow) not in self._profiles:
            self._profiles[id(workflow)] = workflow, self._merged(workflow)
        return self._profiles[id(workflow)][1].get(step, UNKNOWN)

    def runs(self, workflow: Workflow) -> Sequence[Run]:
        """Its past runs in the history that the user named, oldest first."""
        families = families_of(workflow)
        matching = [run for run in self._runs if run.family in families]
        if self._runs and not matching and workflow.name not in self._callers and workflow.label not in self._unknown:
            others = ", ".join(sorted({run.family for run in self._runs})[:5])
            level = logging.INFO if self._unknown else logging.WARNING  # a folder may have a hundred of them
            log.log(level, "the history has no run of %s, only of %s", workflow.label, others)
            if len(self._unknown) == 1:
                log.warning("the history has no run of other workflows either: -v names them")
            self._unknown.add(workflow.label)
        return matching

    def policy(self, text: str) -> CachePolicy:
        """The cache policy that a text names, with its options (`ttl{days=30}`).

        Raises:
            InvalidInput: no plugin provides it, or it has no such option.
            PluginFailure: two plugins provide it.
        """
        return self._plugins.parse(POLICIES, text)

    def partitioner(self, text: str) -> Partitioner:
        """The partitioner that a text names, with its options (`critical-path{launch=5}`).

        Raises:
            InvalidInput: no plugin provides it, or it has no such option.
            PluginFailure: two plugins provide it.
        """
        return self._plugins.parse(PARTITIONERS, text)

    def tuner(self, text: str) -> Tuner:
        """The tuner that a text names, with its options (`optuna{seed=3}`).

        Raises:
            InvalidInput: no plugin provides it, or it has no such option.
            PluginFailure: two plugins provide it.
        """
        return self._plugins.parse(TUNERS, text)

    def previous(self, workflow: Workflow) -> Sequence[Part]:
        """How the workflow was split before, as far as the user says; parts in the order in which they could start."""
        return [part for part in self._previous if part.workflow == workflow.label]

    def rows(self, optimizer: str) -> Sequence[Row]:
        """The rows of the settings, `[[tool.couler.OPTIMIZER.declare]]`, in the order of the file."""
        return self._rows.get(optimizer, ())

    def causes(self) -> Sequence[Cause]:
        """The table of causes: the rows of all plugins, in the order in which they are looked for.

        Raises:
            PluginFailure: two plugins have a row of one name.
        """
        return causes_of(self._plugins)

    def adapter(self, engine: str) -> Adapter:
        """The adapter of an engine.

        Raises:
            InvalidInput: no plugin provides one.
            PluginFailure: two plugins provide one.
        """
        return self._plugins.adapter(engine)

    def progress(self, message: str) -> None:
        """Tells the user what is going on, where they asked for it."""
        self._report(message)

    @cached_property
    def _runs(self) -> list[Run]:
        return read_runs((document for file in self._history for document in file.documents), self._plugins)

    @cached_property
    def _callers(self) -> Mapping[str, list[Run]]:
        """The runs that call operations of other workflows, by the names of these."""
        callers: dict[str, list[Run]] = defaultdict(list)
        for run in self._runs:
            for library in {step.library for step in run.steps if step.library}:
                callers[library].append(run)
        return callers

    def _runs_with(self, workflow: Workflow) -> list[Run]:
        """The runs of a workflow, and those that call its operations, oldest first."""
        own = self.runs(workflow)
        others = [run for run in self._callers.get(workflow.name, ()) if not belongs(run, workflow)]
        return sorted([*own, *others], key=lambda run: run.at) if others else list(own)

    def _merged(self, workflow: Workflow) -> Mapping[str, Profile]:
        """What all plugins know; where two know the same figure, the first by name is believed."""
        merged: dict[str, dict[str, Any]] = {}
        for reply in self._plugins.call("couler_profiles", workflow=workflow, runs=self._runs_with(workflow)):
            problem = one_line(reply.error) if reply.error else _problem(reply.result)
            if problem:
                log.warning("the plugin %s gives no profiles of %s: %s", reply.plugin, workflow.label, problem)
                continue
            for step, profile in (reply.result or {}).items():
                figures = {name: value for name, value in msgspec.structs.asdict(profile).items() if value is not None}
                merged[step] = figures | merged.get(step, {})
        return {step: Profile(**known) for step, known in merged.items()}


def read_runs(documents: Iterable[Document], plugins: Plugins, engine: str | None = None) -> list[Run]:
    """The runs that documents of history tell of, oldest first.

    Args:
        documents: the documents.
        plugins: what reads them.
        engine: the only engine whose runs count; documents without any are left out then. None for all.

    Raises:
        InvalidInput: no plugin finds a run in a document, or it cannot be read as what it claims to be.
    """
    runs: list[Run] = []
    for document in documents:
        result = runs_in(document, plugins, engine)
        if not result and engine is None:
            hint = "give WfFormat traces, workflows with their engine's status, or what `couler history fetch` wrote"
            raise InvalidInput("this tells of no run", file=document.file, line=document.line, hint=hint)
        runs += result
    return sorted(distinct(runs), key=lambda run: run.at)


def runs_in(document: Document, plugins: Plugins, engine: str | None = None) -> list[Run]:
    """The runs that a document tells of, as far as any plugin finds some; with an engine, only those of it.

    Raises:
        InvalidInput: it cannot be read as what it claims to be, or there is no such engine.
    """
    if engine is not None:
        plugins.adapter(engine)
    adapters = {item.name: item.provides.get(ADAPTERS.key, ()) for item in plugins.loaded}
    owners = {name for name, engines in adapters.items() if engine is None or not engines or engine in engines}
    runs: list[Run] = []
    for reply in plugins.call("couler_runs", document=document):
        if reply.plugin not in owners:
            continue
        if isinstance(reply.error, InvalidInput):
            reply.error.file = reply.error.file or document.file
            raise reply.error
        problem = one_line(reply.error) if reply.error else _not_runs(reply.result)
        if problem:
            log.warning("the plugin %s reads no runs in %s: %s", reply.plugin, document.file, problem)
        else:
            runs += (run for run in reply.result or () if engine in (None, run.engine or engine))
    return runs


def _not_runs(result: object) -> str:
    is_one = result is None or (isinstance(result, Sequence) and all(isinstance(run, Run) for run in result))
    return "" if is_one else "couler_runs() did not return a list of Run"


def _problem(result: object) -> str:
    is_one = isinstance(result, Mapping) and all(isinstance(profile, Profile) for profile in result.values())
    return "" if result is None or is_one else "couler_profiles() did not return a mapping of steps to Profile"
