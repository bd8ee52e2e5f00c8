"""The facet of `fuse`: steps of an Argo workflow that share a pod, as one script or as a container set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from couler_argo.cache.wrappable import main_of
from couler_argo.documents import rest_of, spec_of
from couler_argo.fuse.container_set import container_set, set_refusals
from couler_argo.fuse.rules import early_refusals, main_container, member_refusals, pod_refusals
from couler_argo.fuse.script import one_script
from couler_argo.fuse.script_rules import script_refusals
from couler_argo.fuse.settling import name_readers, name_refusals, settle
from couler_plugins.documents.mappings import by_key, entries, mapping_at
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.fusing import Chain, Fused, Member, Refusal
from couler_plugins.ir import Container, Graph, Literal, Value, Workflow, callables, take_name
from couler_plugins.plan import Plan
from couler_plugins.plan.part_files import kept

PRIVATE = ("emptyDir", "ephemeral")
"""Volumes that each pod has for itself."""
NO_NAME = re.compile(r"[^a-z0-9-]")


def fusing_of(workflow: Workflow, plan: Plan) -> ArgoFusing | None:
    """Return how steps of a workflow share a pod.

    Args:
        workflow: one of the plan's.
        plan: the other workflows; what their templates call shows what is in an image.
    """
    return ArgoFusing(workflow, plan) if workflow.graphs else None


class ArgoFusing:
    """How steps of one workflow share a pod.

    Args:
        workflow: the workflow.
        plan: the others.
    """

    keeps_timeouts = False

    def __init__(self, workflow: Workflow, plan: Plan) -> None:
        self._workflow, self._plan = workflow, plan
        self._spec = spec_of(workflow)
        self._names = set(callables(workflow))

    @cached_property
    def _programs(self) -> dict[Value, list[str]]:
        """What the templates of the plan run in each image."""
        workflows = dict.fromkeys(id(item) for item in (*self._plan.workflows, self._workflow))
        every = [item for item in (*self._plan.workflows, self._workflow) if workflows.pop(id(item), 0) is None]
        mains = (main for item in every for operation in item.operations for main in operation.containers)
        return by_key(
            (main.image, str(main.command[0].value))
            for main in mains
            if isinstance(main.image, Literal) and main.command and isinstance(main.command[0], Literal)
        )

    def _others(self, main: Container) -> list[str]:
        return self._programs.get(main.image, []) if main.image is not None else []

    def refuse_member(self, graph: Graph, member: Member) -> Iterable[Refusal]:
        """Yield every reason why a step can be in no chain."""
        return member_refusals(member, mapping_at(self._spec, "templateDefaults"))

    def refuse_link(self, graph: Graph, members: Sequence[Member], following: Member) -> Iterable[Refusal]:
        """Return every reason why a step cannot share the pod of the members in front of it.

        Where neither form will do, the reasons are those of the form that is nearer.
        """
        if any(main_of(member.operation) is None for member in (*members, following)):
            return []  # that is said of the member
        chain = [*members, following]
        pod = [*pod_refusals(members[0], following), *early_refusals(members, following), *name_refusals(chain)]
        try:
            script, separate = self._refusals(graph, settle(chain))
        except Unsupported as error:  # what is handed on cannot be wired
            return [*pod, Refusal("value", error.message, remedy=error.hint or "")]
        if not separate or not script:
            return pod
        same_image = main_container(members[0]).image == main_container(following).image
        every = script if same_image else separate
        own = [one for one in every if one.step == following.step.name]
        return [*pod, *(own if any(not one.word for one in own) else every)]

    def _refusals(self, graph: Graph, chain: Sequence[Member]) -> tuple[list[Refusal], list[Refusal]]:
        """Why a chain cannot be one script, and why it cannot be a container set: of all of its links."""
        scripts, sets = list[Refusal](), list[Refusal]()
        others = self._others(main_container(chain[0]))
        patched = "podSpecPatch" in self._spec or "podSpecPatch" in mapping_at(self._spec, "templateDefaults")
        own = {member.step.name: [*self._own_volumes(member)] for member in chain}
        for number, following in enumerate(chain[1:], 1):
            members, step = chain[:number], following.step.name
            of_script = script_refusals(members, following, others)
            of_set = set_refusals(graph, members, following, own, patched)
            scripts += (one._replace(step=one.step or step) for one in of_script)
            sets += (one._replace(step=one.step or step) for one in of_set)
        return scripts, sets

    def _own_volumes(self, member: Member) -> Iterator[str]:
        for volume in (*entries(rest_of(member.operation), "volumes"), *entries(self._spec, "volumes")):
            if any(kind in volume for kind in PRIVATE):
                yield str(volume.get("name"))

    def fuse(self, chain: Chain) -> Fused:
        """Return a chain as one script, or else as a container set."""
        members = settle(chain.members)
        scripts, sets = self._refusals(chain.graph, members)
        # A word lifts what is left of either; a script takes less than containers do.
        fits_script = all(refusal.word for refusal in scripts) and (not scripts or bool(sets))
        # Pods are called after their templates, and the names of pods have no capitals.
        plain = chain._replace(members=members, name=take_name(NO_NAME.sub("-", chain.name.lower()), self._names))
        fused = one_script(plain, self._others(main_container(members[0]))) if fits_script else container_set(plain)
        readers = name_readers(chain.members)
        own = "{{pod.name}}-" if len(readers) > 1 else "the name of the pod that it shares"
        return fused._replace(notes=tuple(f"{step!r} reads {own}{step * (len(readers) > 1)}" for step in readers))

    def original(self, file: str, text: str) -> tuple[Any, ...]:
        """Return ConfigMaps with the text of the file."""
        name = self._workflow.name or self._workflow.prefix.rstrip("-.")
        return kept(name, self._workflow.namespace, file, text)
