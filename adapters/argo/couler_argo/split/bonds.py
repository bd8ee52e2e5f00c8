"""What only Argo has that holds tasks together when their DAG is cut, or keeps a workflow from becoming several.

Sources: Argo's docs on volumes, artifacts, their garbage collection, synchronization, suspending and `globalName`;
`WorkflowSpec` in `pkg/apis/workflow/v1alpha1`; how parts are run: `couler_argo.split.parts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from couler_argo.codec import Context
from couler_argo.documents import annotations_of, rest_of, spec_of
from couler_argo.split.part_spec import DELETED, RUN_ID, SPLIT, account_of, name_of, place_of
from couler_argo.templates import OPERATION
from couler_plugins.documents.mappings import mapping_at, under
from couler_plugins.ir import (
    Bond,
    Dynamic,
    External,
    Graph,
    Operation,
    Reference,
    Step,
    Workflow,
    callables,
    callees_of,
    inline_callees,
    references,
    replace,
    together,
)
from couler_plugins.parallelism.cuts import refuse_parts

LIMITS = {
    "parallelism": "it limits how many of its pods run at a time, which its parts could not keep together",
    "synchronization": "it holds a lock for as long as it runs, which its parts would wait for",
}
"""Fields of a spec that hold for all pods of a run together, and why the workflow cannot become several."""
HINT = "into=graphs helps if it only has too many tasks; otherwise split it by hand"


def argo_bonds(workflow: Workflow, entry: Graph) -> list[Bond]:
    """What holds tasks of the DAG together, beside what the IR knows.

    Raises:
        Unsupported: the DAG cannot be cut, whatever stays together.
    """
    by_name = callables(workflow)
    reasons = []
    if entry.name in callees_of(entry.steps, by_name):
        reasons.append(f"{entry.name!r} calls itself")
    if any(isinstance(step.call, Dynamic) for step in entry.steps):
        reasons.append("a task chooses its template at run time")
    refuse_parts(workflow, entry.name, ((reason, "split that part of it by hand") for reason in reasons))
    return together((*_sharing(workflow, entry), *_kept(entry, by_name)))


def claims_of(workflow: Workflow) -> set[str]:
    """The volumes that a workflow gets for each of its runs."""
    return {name_of(claim) for claim in spec_of(workflow).get("volumeClaimTemplates", ())}


def mounts(item: Graph | Operation) -> set[str]:
    """The volumes that a template mounts."""
    if not isinstance(item, Operation):
        return set()
    written = OPERATION.write(replace(item, directives=()), Context())
    lists = [mounted for mounted in under(written, "volumeMounts") if isinstance(mounted, list)]
    return {str(one["name"]) for mounted in lists for one in mounted if isinstance(one, dict) and "name" in one}


def calls_elsewhere(steps: Iterable[Step], by_name: Mapping[str, Graph | Operation]) -> bool:
    """Whether these steps call a template of another document, directly or through others."""
    own = list(steps)
    inner = [step for item in callees_of(own, by_name).values() if isinstance(item, Graph) for step in item.steps]
    sites = (site for step in (*own, *inner) for site in (step, *(handler.step for handler in step.handlers)))
    return any(isinstance(site.call, External) for site in sites)


def _sharing(workflow: Workflow, entry: Graph) -> Iterator[tuple[list[str], str]]:
    """Tasks that use one volume claim of the run."""
    claims = claims_of(workflow)
    if not claims:
        return
    by_name = callables(workflow)
    mounted = {item.name: claims.intersection(mounts(item)) for item in by_name.values()}
    users: dict[str, list[str]] = {}
    for step in entry.steps:
        used = set().union(*(mounted[name] for name in callees_of([step], by_name)))
        # What a template elsewhere mounts is not to be seen here.
        for claim in sorted(claims if calls_elsewhere([step], by_name) else used):
            users.setdefault(claim, []).append(step.name)
    yield from ((names, f"they share the volume claim {claim!r}") for claim, names in users.items())


def _kept(entry: Graph, by_name: dict[str, Graph | Operation]) -> Iterator[tuple[list[str], str]]:
    """Tasks that read an artifact which could not be found from elsewhere."""
    existing: dict[Reference, str] = {}
    names = {step.name for step in entry.steps}
    for step in entry.steps:
        for reference in references((step, inline_callees(step, by_name))):
            if reference.to == "output" and reference.kind == "artifact" and reference.name and reference.step in names:
                core = replace(reference, path=(), native="")
                if core not in existing:
                    place = place_of(by_name, entry, core)
                    existing[core] = place if isinstance(place, str) else ""
                if existing[core]:
                    yield [step.name, core.step], f"the artifact {core.name!r} of {core.step!r}: {existing[core]}"


def refuse_undetachable(workflow: Workflow, entry: Graph) -> None:
    """Refuses a workflow whose parts could not do together what it does.

    Raises:
        Unsupported: the message says why.
    """
    reasons = chain(_of_spec(workflow), _of_entry(entry), _of_content(workflow, entry))
    refuse_parts(workflow, entry.name, ((reason, HINT) for reason in reasons), " into workflows")


def _of_spec(workflow: Workflow) -> Iterator[str]:
    spec = spec_of(workflow)
    own_id = SPLIT not in annotations_of(workflow) and any(port.name == RUN_ID for port in workflow.parameters)
    collected = mapping_at(spec, "artifactGC").get("strategy") == DELETED
    rules = (
        *((reason, field in spec) for field, reason in LIMITS.items()),
        ("others may call its templates", workflow.library),
        ("it has no name, and its parts are named after it: give it one", not (workflow.name or workflow.prefix)),
        (f"it has a parameter {RUN_ID!r} of its own, which would name the runs of its parts: rename it", own_id),
        ("its artifacts are deleted when a workflow completes, while other parts still read them", collected),
        (
            "its service account is only known at run time, and has to be allowed to start parts",
            "{{" in account_of(workflow),
        ),
    )
    return (reason for reason, holds in rules if holds)


def _of_entry(entry: Graph) -> Iterator[str]:
    outputs, inputs = ([port.kind for port in ports] for ports in (entry.outputs, entry.inputs))
    rules = (
        (f"{entry.name!r} hands out an artifact, which only its key could leave a part by", "artifact" in outputs),
        (f"{entry.name!r} is passed an artifact, which a part could not be passed", "artifact" in inputs),
        (f"{entry.name!r} is retried as a whole, which would find the parts that have failed", entry.retry is not None),
    )
    return (reason for reason, holds in rules if holds)


def _of_content(workflow: Workflow, entry: Graph) -> Iterator[str]:
    """What templates do that another workflow would do otherwise."""
    by_name = callables(workflow)
    handlers = [handler.step for handler in workflow.handlers]
    handling = [by_name[name] for name in sorted(callees_of(handlers, by_name))]
    read = list(references((tuple(handlers), tuple(handling))))
    claims = claims_of(workflow)
    rules = (
        (
            "a handler reads its global outputs, which would be those of a part",
            any(reference.to == "global" for reference in read),
        ),
        (
            "a handler reads which tasks have failed, and would be told of parts",
            any(reference.to == "run" and reference.path[:1] == ("failures",) for reference in read),
        ),
        (
            "it has both handlers and templateDefaults, which would hold for what runs the parts as well",
            handlers and "templateDefaults" in spec_of(workflow),
        ),
        (
            "a handler uses a volume claim, of which each part would have its own",
            claims
            and (calls_elsewhere(handlers, by_name) or any(claims.intersection(mounts(item)) for item in handling)),
        ),
    )
    yield from (reason for reason, holds in rules if holds)
    for item in (by_name[name] for name in sorted(callees_of(entry.steps, by_name))):
        if any(output.exported is not None for output in item.outputs):
            yield f"{item.name!r} makes a global output, which would be one of a part"
        if isinstance(item, Operation) and item.kind == "suspend" and not _ends_by_itself(item):
            yield f"{item.name!r} waits for someone to resume the workflow, who would not find it there"
    declared = {port.name for port in workflow.parameters}
    for reference in references((workflow.graphs, workflow.operations)):
        if reference.to == "run" and reference.name == "workflow" and not reference.path:
            yield "all that is known of its run is read at once"
        whole = reference.to == "run" and reference.name == "workflow" and reference.path[:1] == ("parameters",)
        if whole or (reference.to == "parameter" and reference.name == "json" and "json" not in declared):
            yield "all its parameters are read at once"


def _ends_by_itself(item: Operation) -> bool:
    """Whether a suspension has a duration."""
    return bool(mapping_at(rest_of(item), "suspend").get("duration"))
