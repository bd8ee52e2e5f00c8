"""Contract of adapters: from the documents of an engine to a plan, and back to documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from couler_plugins.documents import Document, Remark, SourceFile
from couler_plugins.errors import CoulerError, Unsupported
from couler_plugins.hookspecs.capabilities import ApiGroup, Capability, Footprint
from couler_plugins.hookspecs.facets import facet
from couler_plugins.hookspecs.ordering import StartOrder
from couler_plugins.ir import Graph, Homes, ImageChange, Operation, Retry, Step, Workflow
from couler_plugins.ir.attempts import AttemptLimits, Waiting
from couler_plugins.ir.bundle import Bundle
from couler_plugins.ir.containers import PodSizes
from couler_plugins.markers import hookspec
from couler_plugins.plan import Decision, Lowered, Plan, Written

if TYPE_CHECKING:
    from couler_plugins.hookspecs.caching import EngineCache
    from couler_plugins.hookspecs.causes import Cause
    from couler_plugins.hookspecs.checks import Check
    from couler_plugins.hookspecs.eviction import Evictor, Target
    from couler_plugins.hookspecs.fusing import Fusing
    from couler_plugins.hookspecs.local import Local
    from couler_plugins.hookspecs.past_runs import Archive, ArchiveSource
    from couler_plugins.hookspecs.resuming import PastRun, RunSource
    from couler_plugins.hookspecs.running import Runner, Where
    from couler_plugins.hookspecs.splitting import Splitting
    from couler_plugins.hookspecs.tuning import Tuning
    from couler_plugins.runs import Attempt

__all__ = ["Adapter", "NoOptions", "couler_adapters"]


@dataclass(frozen=True)
class NoOptions:
    """The options of an adapter that has none."""


class Adapter:
    """One engine. An adapter derives from this class, and imports the engine inside functions only.

    Its facets are the methods below. Each is overridden, or `facets` names the function that does it.
    """

    engine: ClassVar[str]
    """The engine's name: `argo`, `airflow`, `kfp`, `tekton`, …"""
    options: ClassVar[type] = NoOptions
    """A frozen dataclass; its fields are the options of `--to 'engine{option=value}'`."""
    suffix: ClassVar[str] = ".yaml"
    """What the names of files end with that are written for workflows of other engines."""
    capabilities: ClassVar[tuple[Capability, ...]] = ()
    """What it does with each typed field of the IR; one without a row counts as refused. A row with a note may refuse
    some values. The documentation's support matrix is made from it; `couler_plugins.testing` holds it to the code."""
    generated: ClassVar[tuple[Capability, ...]] = ()
    """What it carries of a workflow that it has no original of: one of another engine, which it writes anew. Each is
    `full` or `refused`. Empty where it writes none. The matrix has a table of its own for this."""
    groups: ClassVar[tuple[ApiGroup, ...]] = ()
    """What its documents say of themselves; empty where they are no objects of Kubernetes."""
    marks: ClassVar[tuple[str, ...]] = ()
    """Texts of which one is in every file of its, beside the names of its groups: a folder is searched for them before
    anything is read. With neither, all files are read."""
    facets: ClassVar[Mapping[str, str]] = {}
    """The functions behind facets, by the name of the facet: `module:function`, imported on first use. A function gets
    the arguments of the facet, without the adapter. A method of the adapter goes before a function."""

    def offers(self, name: str) -> bool:
        """Return whether this adapter has a facet of its own, and not only what every adapter has."""
        return name in self.facets or getattr(type(self), name) is not getattr(Adapter, name)

    @facet("it is no adapter")
    def claims(self, document: Document) -> bool:
        """Return whether the document is of this engine, without importing the engine."""
        raise NotImplementedError

    @facet("a bundle holds the files as they are", default="couler_plugins.ir.bundle:Bundle.of")
    def load(self, files: Iterable[SourceFile]) -> Bundle:
        """Return the files as one bundle, in which references are looked up."""
        raise NotImplementedError

    @facet("it is no adapter")
    def lift(self, bundle: Bundle, refuse: Callable[[int, CoulerError], None]) -> Plan:
        """Return a plan with the workflows of all documents that it claims.

        Calls `refuse(file number, error)` for a file that it cannot lift, and goes on with the others.
        """
        raise NotImplementedError

    @facet("its workflows are converted as they were lifted")
    def portable(self, workflow: Workflow, bundle: Bundle) -> tuple[Workflow | None, tuple[Decision, ...]]:
        """Return a lifted workflow in terms that other engines understand, for `couler convert`.

        The decisions name differences in meaning. None stands for a library, which is converted with its callers.

        Raises:
            Unsupported: it has something that only this engine understands, and that changes its meaning.
        """
        return workflow, ()

    @facet("it is no adapter")
    def lower(self, plan: Plan, options: Any) -> Lowered:
        """Return the documents of a plan, and how they differ from the originals.

        Errors of a file go to `Lowered.refused`, and its documents stay as they were. Workflows of other engines have
        no origin, and go to `Lowered.added`; what cannot be written of them raises `Unsupported`.
        """
        raise NotImplementedError

    @facet("edits are written into the text of the files", default="couler_plugins.engine_kit.writing:write_files")
    def dump(self, lowered: Lowered) -> Written:
        """Return the texts of lowered documents, with comments and formatting of all that was not edited."""
        raise NotImplementedError

    @facet("optimizers that need sizes refuse its workflows")
    def footprint(self, workflow: Workflow) -> Callable[[Step], Footprint]:
        """Return a function that estimates the size which a step adds to its workflow.

        Raises:
            Unsupported: the adapter cannot measure its engine's documents.
        """
        hint = f"leave optimizers that need sizes out of the pipeline for {workflow.label}"
        raise Unsupported(
            f"the adapter of {self.engine} does not measure steps", engine=self.engine, feature="footprint", hint=hint
        )

    @facet("`cache` leaves its workflows alone")
    def cache(self, plan: Plan) -> Callable[[Workflow], EngineCache[Any, Any] | None]:
        """Return a function that gives the cache of a workflow of the plan; None where its steps cannot be cached.

        A workflow may call operations in other workflows of the plan.
        """
        return lambda workflow: None

    @facet("`couler cache evict --engine` refuses the engine")
    def evictor(self, target: Target) -> Evictor | None:
        """Return the evictor of the engine's own cache in one cluster; None where it has none."""
        return None

    @facet("`couler run` refuses to submit; with `--local`, facet `local` may run it")
    def runner(self, where: Where) -> Runner | None:
        """Return the runner that submits documents and follows them; None where couler cannot submit them.

        With a folder, it is the engine's own local runner, and keeps outputs there. None leaves that to `local`.
        """
        return None

    @facet("`couler doctor` leaves the engine out")
    def checks(self, api: Any, namespace: str) -> Iterable[Check]:
        """Return what a cluster that serves the API groups of the engine has and lacks for features of it.

        Args:
            api: a client of the cluster (`kubernetes.client.ApiClient`).
            namespace: where workflows go.

        Raises:
            EngineError: the cluster does not answer.
        """
        return ()

    @facet("`couler doctor` says only whether its packages are installed")
    def local_checks(self) -> Iterable[Check]:
        """Return what the engine has and lacks here and in its own API; what does not answer is missing."""
        return ()

    @facet("`couler run --local` refuses its workflows")
    def local(self, workflow: Workflow, bundle: Bundle) -> Local | None:
        """Return how the steps of a workflow run in this process; None where they cannot."""
        return None

    @facet("`couler history fetch` refuses the engine")
    def archive(self, whence: ArchiveSource) -> Archive | None:
        """Return the archive that fetches past runs; None where the engine's tools write what `couler_runs` reads."""
        return None

    @facet("`couler resume` refuses its runs")
    def resume(self, source: RunSource) -> PastRun | None:
        """Return a run that has ended; None where the engine's own tools go on with it."""
        return None

    @facet("`split` leaves its workflows as they are")
    def splitting(self, workflow: Workflow, plan: Plan) -> Splitting | None:
        """Return sizes, limits and bonds of a workflow for `split`; None where it has nothing to split.

        Args:
            workflow: one of the plan's.
            plan: the other workflows, which this one may refer to, and what all of them were read from.
        """
        return None

    @facet("`fuse` leaves its workflows as they are")
    def fusing(self, workflow: Workflow, plan: Plan) -> Fusing | None:
        """Return how steps that run one after another share a pod; None where they cannot."""
        return None

    @facet("stages stay, and other orders are what needs and data say")
    def keep_order(self, workflow: Workflow, graph: Graph, plan: Plan) -> str:
        """Return why steps of a graph cannot wait for each other by needs alone; empty where they can."""
        return "" if graph.stages is None else "its engine keeps stages"

    @facet("`tune` leaves its workflows as they are")
    def tuning(self, workflow: Workflow, plan: Plan) -> Tuning | None:
        """Return how steps of a workflow of the plan are tuned; None where the engine cannot run trials."""
        return None

    @facet("`couler rollback` finds nothing in its files")
    def originals(self, bundle: Bundle) -> Mapping[str, str]:
        """Return the original texts of split files that documents of the bundle keep, by file name.

        Raises:
            InvalidInput: one is not whole, or is not what was kept.
        """
        return {}

    @facet("`couler lint` finds nothing in its files")
    def lint(self, bundle: Bundle, options: Any = None) -> Iterable[Remark]:
        """Return remarks on what the engine would refuse, or do differently than its author expects.

        References are looked up in all documents; those that it cannot read get a remark. Options are those of the
        engine in `--to`; without any, a document is right if some installation takes it.
        """
        return ()

    @facet("SARIF says no more of a code than its name")
    def lint_codes(self) -> Mapping[str, str]:
        """Return what each code of its lint means, in half a sentence."""
        return {}

    @facet("attempts and times stay where they are set", default="couler_plugins.ir.homes:undeclared")
    def homes(self) -> Homes:
        """Return where the engine keeps each setting of a step, as `Plan.homes` of lifted plans."""
        raise NotImplementedError

    @facet("steps start in the order in which they are ready, and none limits how many run at a time")
    def start_order(self, workflow: Workflow, graph: Graph) -> StartOrder:
        """Return how the engine chooses among steps that could start, of the graph that a workflow's entry calls."""
        return StartOrder()

    @facet("`pin` sees the images of its containers", default="couler_plugins.ir.images:map_images")
    def images(self, workflow: Workflow, change: ImageChange) -> Workflow:
        """Return a workflow with every image that its steps run replaced by what `change` makes of it.

        It is told the name of the operation: an empty one for what holds for all of them.
        """
        raise NotImplementedError

    @facet("histories call containers as the workflow does", default="couler_plugins.ir.containers:container_names")
    def pod_containers(self, operation: Operation) -> tuple[str, ...]:
        """Return what the containers of an operation are called in its pod, in their order."""
        raise NotImplementedError

    @facet("`guard` repeats only what is declared idempotent or pure, whatever the cause")
    def retry_by_cause(self, retry: Retry, causes: Sequence[Cause], old: Retry | None) -> Retry | None:
        """Return a retry that repeats a failure if its cause passes; None where the engine cannot tell causes.

        The cause is the first row that fits. Classes that pass are `infrastructure`, `throttled` and `resource`.

        Args:
            retry: the retry, without a condition.
            causes: the rows in their order. What is not to be repeated has another class here.
            old: the owner's own retry, if any, beyond which nothing may be repeated.
        """
        return None

    @facet("`couler why` takes it that a retry repeats any failure")
    def repeats(self, retry: Retry, attempt: Attempt) -> bool:
        """Return whether a retry from `retry_by_cause` repeats a failure, as the engine evaluates it."""
        return True

    @facet("a step may be tried as often as fits", default="couler_plugins.ir.attempts:no_limits")
    def attempt_limits(self, workflow: Workflow, step: Step, operation: Operation | None) -> AttemptLimits:
        """Return what holds for the attempts of a step, beside its own settings."""
        raise NotImplementedError

    @facet("`queue` takes it that nothing counts the wait of a pod", default="couler_plugins.ir.attempts:no_waiting")
    def waiting(self) -> Waiting:
        """Return what it means to steps that their pods wait for a quota, and what leaves them time for that."""
        raise NotImplementedError

    @facet("all attempts have the same memory", default="couler_plugins.ir.attempts:same_memory")
    def memory_by_attempt(
        self, operation: Operation, factor: float, retries: int, most: float | None
    ) -> tuple[Operation, str]:
        """Return an operation whose memory grows by a factor from attempt to attempt, or why it stays the same.

        It stays within `most` bytes; with None, no pod asks for more than the first one, which some node surely has.
        """
        raise NotImplementedError

    @facet("containers have the sizes that are written in them", default="couler_plugins.ir.containers:sizes_of")
    def pod_sizes(self, workflow: Workflow, operation: Operation | None) -> PodSizes:
        """Return what a workflow says of the sizes of an operation's containers (None: of all that it calls)."""
        raise NotImplementedError


@hookspec
def couler_adapters() -> list[Adapter]:  # type: ignore[empty-body]  # pluggy wants none
    """Return the adapters of this plugin."""
