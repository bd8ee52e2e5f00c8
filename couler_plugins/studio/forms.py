"""Forms of steps: what the engine has for such a step, with its value, and why something cannot be edited here."""

from __future__ import annotations

from collections.abc import Iterator

from couler_plugins.caching.declarations import CACHE
from couler_plugins.driver.rewrite import Session
from couler_plugins.editing.native import native_loop, no_condition
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import (
    Call,
    Container,
    Graph,
    GraphView,
    Literal,
    Operation,
    SettableStep,
    Step,
    Value,
    Workflow,
    call_sites,
    callables,
    needed,
)
from couler_plugins.ir.homes import UNDECLARED, change_steps
from couler_plugins.ir.walk import CallSite
from couler_plugins.plan import Plan
from couler_plugins.studio.field_values import COMPUTED, comparison_of, given_value, items_of, text_of, with_value
from couler_plugins.studio.messages import FormField, StepForm
from couler_plugins.studio.picture import step_at
from couler_plugins.viz.diagrams.labels import describe, describe_call
from couler_plugins.viz.page.facts import step_facts

CACHE_WORDS = ["", "pure", "never", "always"]
"""The words of `couler.io/cache` that a form offers; empty for nothing."""
LABELS = {
    "image": "Image",
    "command": "Command",
    "args": "Arguments",
    "script": "Script",
    "env": "Environment",
    "retry": "Retries",
    "timeout": "Timeout",
    "requests": "Requests",
    "limits": "Limits",
    "when": "Only if",
    "over": "Once for each",
    "cache": "Cache",
}


def step_form(plan: Plan, workflow: Workflow, node: str, session: Session, locked: str) -> StepForm:
    """Return the form of a step.

    Args:
        plan: the plan that the workflow is in.
        workflow: the workflow.
        node: the id of the step's node.
        session: has the adapters.
        locked: why nothing of the file can be edited; empty where it can.

    Raises:
        InvalidInput: there is no such node.
    """
    site = step_at(workflow, node)
    if site is None:
        raise InvalidInput(f"there is no step {node!r}", hint="open the file again")
    return _Form(plan, workflow, site[0], site[1], session, locked).form(node)


class _Form:
    def __init__(  # what a form rests on
        self, plan: Plan, workflow: Workflow, graph: str, step: Step, session: Session, locked: str
    ) -> None:
        self._plan, self._workflow, self._step = plan, workflow, step
        self._session, self._locked = session, locked
        self._by_name = callables(workflow)
        named = self._by_name.get(graph)
        self._graph = named if isinstance(named, Graph) else None
        own = self._by_name.get(step.call.name) if isinstance(step.call, Call) else None
        self._callee = own or plan.libraries.callee(workflow, step)
        self._operation = own if isinstance(own, Operation) else None
        adapter = session.plugins.adapter(workflow.engine)
        self._refused = {item.feature for item in adapter.capabilities if item.support == "refused"}
        self._no_condition = locked or no_condition(workflow.engine, session)
        self._homes = plan.homes or UNDECLARED

    def form(self, node: str) -> StepForm:
        """Return all of it."""
        fields = [*self._containers(), *self._settings(), *self._placement(), *self._inputs()]
        if self._locked:
            for field in fields:
                field.editable, field.reason = False, self._locked
        graph, step = self._graph, self._step
        return StepForm(
            node=node,
            title=step.name or describe_call(step.call),
            runs=describe_call(step.call),
            shared=self._shared(),
            waits_for=list(dict.fromkeys(need.step for need in needed(step.needs))),
            fields=fields,
            facts=step_facts(step, self._by_name),
            source=list(self._lines()),
            can_delete=self._locked or ("" if graph is not None else "it is in no graph"),
            can_rename=self._locked or ("" if graph is not None else "it is in no graph"),
        )

    def _shared(self) -> list[str]:
        """The other steps that run the same."""
        if self._operation is None:
            return []
        sites = (
            site.label
            for site in call_sites(self._workflow)
            if isinstance(site.step.call, Call) and site.step.call.name == self._operation.name
        )
        own = f"{self._graph.name}/{self._step.name}" if self._graph is not None else ""
        return [label for label in dict.fromkeys(sites) if label != own and self._graph is not None]

    def _lines(self) -> Iterator[tuple[int, str]]:
        documents, last = self._plan.bundle.documents, ""
        for node, label in ((self._step, "the step"), (self._callee, "what it runs")):
            if node is not None and node.source:
                document = documents[int(node.source[0])]
                if (line := document.line_of(node.source[1:])) is not None:
                    yield line, label if document.file == last else f"{label}, in {document.file.rsplit('/', 1)[-1]}"
                    last = document.file

    # What it runs.

    def _containers(self) -> Iterator[FormField]:
        if self._operation is None:
            if not isinstance(self._callee, Graph):
                yield FormField(field="image", label="Image", type="text", editable=False, reason=self._elsewhere())
            return
        for container in self._operation.containers:
            if container.role == "main":
                yield from self._container(container)

    def _elsewhere(self) -> str:
        """Why what the step runs is not edited with it."""
        documents = self._plan.bundle.documents
        ends = [node.source for node in (self._step, self._callee) if node is not None and node.source]
        files = [documents[int(source[0])].file for source in ends]
        if len(files) == 2 and files[0] == files[1]:
            return f"{describe_call(self._step.call)} stands for itself in this file: open it in the list"
        return "what it runs is in another file, or is decided by the engine"

    def _container(self, container: Container) -> Iterator[FormField]:
        several = sum(item.role == "main" for item in self._operation.containers) > 1 if self._operation else False
        name = container.name if several else ""
        values: dict[str, tuple[str, Value | None]] = {"image": ("text", container.image)}
        if container.script is not None:
            values["script"] = ("code", container.script)
        for field, (kind, value) in values.items():
            yield with_value(FormField(field=field, label=LABELS[field], container=name, type=kind), value)
        for field in ("command", "args"):
            items: tuple[Value, ...] = getattr(container, field)
            texts = [str(item.value) if isinstance(item, Literal) else describe(item) for item in items]
            plain = all(isinstance(item, Literal) for item in items)
            yield FormField(
                field=field,
                label=LABELS[field],
                container=name,
                type="lines",
                value=texts,
                editable=plain,
                reason="" if plain else COMPUTED,
            )
        own = {item.name: str(item.value.value) for item in container.env if isinstance(item.value, Literal)}
        others = len(container.env) - len(own)
        note = f"{others} more {'are' if others > 1 else 'is'} computed, or from a Secret" if others else ""
        yield FormField(field="env", label=LABELS["env"], container=name, type="pairs", value=own, reason=note)

    # How it runs.

    def _settings(self) -> Iterator[FormField]:
        seen = self._settable()
        if seen is None:
            return
        site = CallSite(self._graph, self._step)
        kinds = {"retry": "number", "timeout": "text", "requests": "pairs", "limits": "pairs", "cache": "choice"}
        for field, kind in kinds.items():
            home = self._homes["annotations" if field == "cache" else field].of(self._workflow, site, self._operation)
            if home.at == "none":
                continue
            reason = home.objection(self._operation)
            form = FormField(field=field, label=LABELS[field], type=kind, editable=not reason, reason=reason)
            if field == "retry":
                limit = seen.retry.limit if seen.retry is not None else None
                yield with_value(form, limit)
            elif field == "timeout":
                yield with_value(form, seen.timeout)
            elif field == "cache":
                form.value, form.choices = text_of(dict(seen.annotations).get(CACHE)) or "", CACHE_WORDS
                yield form
            else:
                pairs = getattr(seen, field)
                form.value = {name: text_of(value) or describe(value) for name, value in pairs}
                mains = [item for item in getattr(self._operation, "containers", ()) if item.role == "main"]
                if home.at == "operation" and len(mains) > 1:
                    form.reason = form.reason or f"each of its {len(mains)} containers gets it"
                if any(not isinstance(value, Literal) for _, value in pairs):
                    form.editable, form.reason = False, COMPUTED
                yield form

    def _settable(self) -> SettableStep | None:
        """The step with all settings in force."""
        shown: list[SettableStep] = []
        graph = self._graph.name if self._graph is not None else ""

        def look(step: SettableStep) -> SettableStep:
            if step.name == self._step.name and step.graph == graph:
                shown.append(step)
            return step

        change_steps(self._workflow, self._plan.homes, look)
        return shown[0] if shown else None

    def _placement(self) -> Iterator[FormField]:
        if self._graph is None:
            return
        sources = self._sources()
        condition = self._step.condition
        if condition is not None or not self._no_condition:
            field = FormField(field="when", label=LABELS["when"], type="comparison", choices=sources)
            field.value = comparison_of(condition, self._workflow.engine, self._session)
            if condition is not None and (field.value is None or self._no_condition):
                field.value = field.value or describe(condition)
                field.editable, field.reason = False, self._no_condition or COMPUTED
            yield field
        loop = self._step.loop
        if self._operation is not None and (loop is not None or self._can_loop(self._operation)):
            field = FormField(field="over", label=LABELS["over"], type="items", choices=sources)
            if loop is not None:
                values = loop.axes[0].values if len(loop.axes) == 1 and not loop.includes else None
                field.value = items_of(values)
                if field.value is None:
                    field.editable, field.reason = False, "its items are computed; change them in the file"
            yield field

    def _can_loop(self, operation: Operation) -> bool:
        """Whether it is clear which input would take the item."""
        if self._locked or "Step.loop" in self._refused:
            return False
        return len(operation.inputs) == 1 or not native_loop(self._workflow.engine, self._session).by_input

    def _inputs(self) -> Iterator[FormField]:
        ports = {port.name: port for port in self._callee.inputs} if self._callee is not None else {}
        passed = {argument.name: argument.value for argument in self._step.arguments}
        sources = self._sources() if self._graph is not None else []
        for name in dict.fromkeys([*ports, *passed]):
            field = FormField(field="input", name=name, label=name, type="value", choices=sources)
            value = passed.get(name)
            if value is None and name in ports:
                default = ports[name].value if ports[name].value is not None else ports[name].default
                field.reason = f"default: {describe(default)}" if default is not None else ""
            field.value = given_value(value)
            if value is not None and field.value is None:
                field.value, field.editable, field.reason = describe(value), False, COMPUTED
            if self._graph is None:
                field.editable, field.reason = False, "it is in no graph"
            yield field

    def _sources(self) -> list[str]:
        """The references that the step can read: inputs, and outputs of steps that do not wait for it."""
        graph = self._graph
        if graph is None:
            return []
        later = GraphView(graph, self._by_name).descendants(self._step.name) | {self._step.name}
        if graph.stages is not None:
            place = next((number for number, stage in enumerate(graph.stages) if self._step.name in stage), 0)
            later |= {name for stage in graph.stages[place:] for name in stage}
        names = [f"inputs.{port.name}" for port in (*graph.inputs, *self._workflow.parameters)]
        for step in graph.steps:
            callee = self._by_name.get(step.call.name) if isinstance(step.call, Call) else None
            callee = callee or self._plan.libraries.callee(self._workflow, step)
            if step.name not in later and callee is not None:
                names += [f"{step.name}.{output.name}" for output in callee.outputs]
        return list(dict.fromkeys(names))
