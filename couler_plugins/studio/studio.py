"""What the studio answers: each method takes one message, and returns one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence

from couler_plugins import __version__
from couler_plugins.costs.meter import CostMeter
from couler_plugins.costs.report import cost_table
from couler_plugins.documents.unified import unified_diff
from couler_plugins.driver.conversion import convert_inputs
from couler_plugins.driver.differences import Policy
from couler_plugins.driver.linting import lint_inputs
from couler_plugins.driver.pipeline import parse_pipeline
from couler_plugins.driver.results import Result
from couler_plugins.driver.rewrite import Session
from couler_plugins.driver.session import optimize_inputs, session
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.hookspecs import Optimizer
from couler_plugins.inputs.sources import Input
from couler_plugins.options.config import Config
from couler_plugins.studio.entries import catalogue_entries, engine_entries, optimizer_entries
from couler_plugins.studio.files import OpenedFiles, digest_of
from couler_plugins.studio.forms import step_form
from couler_plugins.studio.messages import Diff, Digest, Linted, Optimized, Saved, StepForm, StepRequest, View, Work
from couler_plugins.studio.picture import draw_picture, ids_of, mark_changes
from couler_plugins.studio.places import decision_view, difference_text, finding_view, node_sources
from couler_plugins.studio.problems import problem_of
from couler_plugins.studio.run_messages import Converted, ConvertRequest, Generated, GenerateRequest
from couler_plugins.studio.state_messages import FileEntry, State
from couler_plugins.studio.versions import FileVersions
from couler_plugins.studio.workflows import EMPTY, names_of, workflow_at, workflows_of

Generate = Callable[[str, str], tuple[str, Sequence[str]]]
"""Makes a workflow of an engine from a description: its text, and remarks. Plugins work in it while it has `TURN`."""
TURN = threading.Lock()
"""Whoever has it lets plugins work: they need not bear two calls at once."""


class Studio:
    """A studio on some files.

    Args:
        inputs: the opened files.
        config: the settings.
        work: what works on them.
        folder: the name of what was opened, for people.
        read_only: whether nothing can be saved or submitted.
        generate: makes workflows from descriptions; None where no model is set.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        config: Config,
        work: Session,
        *,
        folder: str = "",
        read_only: bool = False,
        generate: Generate | None = None,
    ) -> None:
        self.config = config
        self.session = work
        self.files = OpenedFiles(inputs, config)
        self.read_only = read_only
        self._folder = folder
        self._generate = generate
        self.versions = FileVersions(self.files, work, read_only)

    # What there is.

    def state(self) -> State:
        """Return what the studio was started with."""
        plugins = self.session.plugins
        return State(
            version=__version__,
            folder=self._folder,
            read_only=self.read_only,
            pipeline=self.config.pipeline if self.config.origin("pipeline") != "default" else "",
            generates=self._generate is not None,
            history=bool(self.session.history),
            files=[self._entry(path) for path in self.files.inputs],
            engines=list(engine_entries(plugins)),
            optimizers=list(optimizer_entries(plugins)),
            catalogue=list(catalogue_entries(plugins)),
        )

    def _entry(self, path: str) -> FileEntry:
        try:
            item = self.files.current(path)
            plans = self.versions.lift(item)
        except CoulerError as error:
            return FileEntry(path=path, engine="", editable=False, reason=error.message, problem=problem_of(error))
        engine = plans[0].workflows[0].engine if plans and plans[0].workflows else ""
        reason = self.versions.why_not(item, plans)
        return FileEntry(
            path=path, engine=engine, editable=not reason, reason=reason, workflows=names_of(workflows_of(plans))
        )

    def digest(self, path: str) -> Digest:
        """Return the digest of what is on disk; empty where the file is not there any more."""
        self.files.opened(path)
        with contextlib.suppress(CoulerError):
            return Digest(digest=self.files.text(path)[1])
        return Digest(digest="")

    # One file.

    def view(self, work: Work) -> View:
        """Return the file as the actions leave it."""
        item, base, on_disk = self.versions.edited(work)
        workflows = workflows_of(self.versions.lift(item))
        chosen = workflow_at(workflows, work.workflow)
        assert item.file is not None
        return View(
            base=base,
            on_disk=on_disk,
            changed=digest_of(item.file.text) != on_disk,
            workflows=names_of(workflows),
            picture=draw_picture(chosen, work.open),
            graphs=[graph.name for graph in chosen.graphs],
        )

    def step(self, request: StepRequest) -> StepForm:
        """Return what can be edited of one step."""
        item, _, _ = self.versions.edited(request)
        plans = self.versions.lift(item)
        plan = next((plan for plan in plans if plan.workflows), None)
        if plan is None:
            raise InvalidInput("there is no workflow in it", file=request.path)
        workflow = workflow_at(workflows_of(plans), request.workflow)
        return step_form(plan, workflow, request.node, self.session, self.versions.why_not(item, plans))

    def lint(self, work: Work) -> Linted:
        """Return what the engine would refuse, and the nodes that it is about."""
        item, _, _ = self.versions.edited(work)
        workflow = workflow_at(workflows_of(self.versions.lift(item)), work.workflow)
        sources = node_sources(workflow)
        inputs = [item, *self.files.others(work.path)]
        remarks = (finding for finding in lint_inputs(inputs, self.session).findings if finding.file == item.name)
        return Linted(findings=[finding_view(finding, sources) for finding in remarks])

    def optimize(self, work: Work) -> Optimized:
        """Return the workflow before and after a pipeline, with what the optimizers decided."""
        item, _, _ = self.versions.edited(work)
        result, costs = self._optimized(item, work)
        file = result.files[0]
        if file.error is not None:
            raise file.error
        versions = [entry.versions for entry in result.workflow_versions if entry.file == 0]
        if not 0 <= work.workflow < len(versions):
            hint = "open the file again"
            raise InvalidInput(f"the file has no workflow number {work.workflow}", file=work.path, hint=hint)
        first, last = versions[work.workflow][0], versions[work.workflow][-1]
        before, after = (draw_picture(one or EMPTY, work.open) for one in (first, last))
        mark_changes(before, after, first, last)
        ids = ids_of(first or EMPTY) | ids_of(last or EMPTY)
        label = (first or last or EMPTY).label
        views = [
            decision_view(decision, optimizer.optimizer, ids)
            for optimizer in file.passes
            for decision in optimizer.decisions
            if decision.workflow in ("", label) and optimizer.optimizer.partition("{")[0] != CostMeter.name
        ]
        others = [other.relative for other in result.files[1:] if other.status == "changed"]
        return Optimized(
            before=before,
            after=after,
            decisions=views,
            costs=costs,
            diff="".join(unified_diff(file.original or "", file.text or "", item.relative)),
            others=others + (["new documents"] if result.added else []),
        )

    def _optimized(self, item: Input, work: Work) -> tuple[Result, list[tuple[str, str, str]]]:
        """The result of the pipeline over all opened files, this one first; and rows about what a run costs."""
        optimizers: list[Optimizer] = [*parse_pipeline(work.pipeline, self.session.plugins)]
        inputs = [item, *self.files.others(work.path)]
        if not self.session.history:
            return optimize_inputs(inputs, optimizers, self.session), []
        meter = CostMeter(self.config.prices, 1.0, False)
        result = optimize_inputs(inputs, [*optimizers, meter], self.session)
        rows = []
        for entry in result.workflow_versions:
            if entry.file == 0 and (cost := meter.cost(entry.versions[0])) is not None:
                table = cost_table(cost)
                for unit, cell in zip(table.head[-len(cost.before) :], table.rows[0][-len(cost.before) :], strict=True):
                    before, _, after = cell.partition(" → ")
                    rows.append((f"{cost.workflow}: {unit}", before, after or before))
        return result, rows

    def text(self, work: Work) -> tuple[str, str]:
        """Return the text that the work comes to, its pipeline included, and the digest of what is on disk."""
        item, _, on_disk = self.versions.edited(work)
        assert item.file is not None
        if not work.pipeline:
            return item.file.text, on_disk
        result = self._optimized(item, work)[0].to_write()
        if result.files[0].error is not None:
            raise result.files[0].error
        if result.added:
            hint = "use `couler optimize -o FOLDER` for it"
            raise InvalidInput(
                "the pipeline adds documents, which have no file of their own", file=work.path, hint=hint
            )
        return result.files[0].text or "", on_disk

    def diff(self, work: Work) -> Diff:
        """Return what would be saved."""
        text, on_disk = self.text(work)
        before = self.files.text(work.path)[0]
        lines = list(unified_diff(before, text, work.path))
        body = [line for line in lines[2:] if line[:1] in "+-"]
        added = sum(line.startswith("+") for line in body)
        return Diff(diff="".join(lines), added=added, removed=len(body) - added, on_disk=on_disk)

    def save(self, work: Work) -> Saved:
        """Write the file.

        Raises:
            Conflict: it changed on disk meanwhile.
            InvalidInput: the studio is read-only.
        """
        if self.read_only:
            raise InvalidInput("the studio was started with --read-only", file=work.path)
        text, on_disk = self.text(work)
        return Saved(base=self.files.save(work.path, work.base or on_disk, text))

    # Other engines, and models.

    def convert(self, request: ConvertRequest) -> Converted:
        """Return the file as another engine has it."""
        item, _, _ = self.versions.edited(request)
        target = session(
            self.config, self.session.plugins, to=request.to, policy=Policy(request.on_unsupported, strict=False)
        )
        file = convert_inputs([item], request.to, target).files[0]
        others = self.files.others(request.path)
        if file.error is not None and others:  # it may need them: they have what it calls, or what calls it
            file = convert_inputs([item, *others], request.to, target).files[0]
        differences: list[tuple[str, str]] = [(item.loss or "note", difference_text(item)) for item in file.decisions]
        if file.error is not None:
            differences.append(("refused", str(file.error)))
        return Converted(text=file.text or "", differences=differences)

    def generate(self, request: GenerateRequest) -> Generated:
        """Return a workflow that a model wrote from a description."""
        if self._generate is None:
            raise InvalidInput("no model is set", hint="start the studio with --model and --url")
        text, remarks = self._generate(request.description, request.engine)
        return Generated(text=text, remarks=list(remarks))
