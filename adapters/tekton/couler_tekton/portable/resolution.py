"""A run with everything filled in that is known of its parameters, results and names: what is left are texts.

Each Task and Pipeline is called once here, so what it is given can be written into it. Lists and objects are taken
apart: what is known stands where it is read, and the rest is a parameter each. Source: `docs/variables.md`,
`docs/pipelines.md` (propagated parameters, results), `docs/taskruns.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_plugins.engine_kit.legalize.placeholders import is_placeholder
from couler_plugins.engine_kit.legalize.values import data_of, structured
from couler_plugins.ir import (
    Argument,
    Axis,
    Graph,
    Literal,
    Native,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Template,
    Value,
    Workflow,
    callables,
    replace,
)
from couler_tekton.portable.bindings import inner_bindings, mount_path
from couler_tekton.portable.contents import Content, Later, Look, Text, at, resolve, resolve_inside
from couler_tekton.portable.context import Context
from couler_tekton.portable.entering import PARTS, Entered, as_parameter, type_of
from couler_tekton.portable.runs import spec_of
from couler_tekton.portable.steps import with_steps
from couler_tekton.portable.values import said


class Resolution:
    """Fills in what is known of a workflow.

    Args:
        whole: a run with all that it calls; each callable is called once.
        actions: the StepActions that its Tasks refer to.
        volumes: what the workspaces of the run are bound to.
    """

    def __init__(self, whole: Workflow, actions: Mapping[str, Operation], volumes: Mapping[str, Any]) -> None:
        assert whole.entry is not None
        self._whole = whole
        self._actions = actions
        self._by_name = callables(whole)
        specs = spec_of(whole).get("taskRunSpecs", ())
        self._timeouts = {item["pipelineTaskName"]: item["timeout"] for item in specs if "timeout" in item}
        self._wanted: dict[str, dict[str, tuple[str, str]]] = {}
        self._made: dict[str, Graph | Operation] = {}
        self._run: dict[str, Port] = {}
        self.bindings: dict[str, dict[str, Any]] = {}
        """By callable, what its workspaces are bound to."""
        self.context = Context(whole)
        top = self._by_name[getattr(whole.entry.call, "name", "")]
        self._is_task = isinstance(top, Operation)
        self._add(top, Entered(top, {}, None, {}), self._of_run(top), volumes, "")

    def workflow(self) -> Workflow:
        """Return the workflow, whose parameters are texts."""
        items = {name: self._with_parts(item) for name, item in self._made.items()}
        return replace(
            self._whole,
            parameters=tuple((self._run | self.context.parameters).values()),
            graphs=tuple(item for item in items.values() if isinstance(item, Graph)),
            operations=tuple(item for item in items.values() if isinstance(item, Operation)),
        )

    def _of_run(self, top: Graph | Operation) -> Look:
        """Return what names mean in the run: its own parameters, and what its Pipeline or Task falls back to."""
        contents: dict[str, Content | None] = {}
        declared = {port.name: port for port in top.inputs}
        passed = {port.name: port for port in self._whole.parameters}
        for name in [*declared, *(name for name in passed if name not in declared)]:
            port = declared.get(name, Port(name=name))
            default = resolve(port.default, lambda reference: reference)
            value = resolve(passed[name].value, lambda reference: reference) if name in passed else default
            if isinstance(value, dict) and isinstance(default, dict):
                value = {**default, **value}
            if value is None and type_of(port) == "object":
                value = dict.fromkeys(said(port).get("properties", {}))
            contents[name] = self._parameter(name, value, type_of(port) == "array" and name not in passed)
        return lambda reference: self._in_run(reference, contents)

    def _in_run(self, reference: Reference, contents: Mapping[str, Content | None]) -> Content | None:
        own = as_parameter(reference)
        return at(contents.get(own.name), own.path) if own is not None else self.context.look(reference, "", None)

    def _parameter(self, name: str, value: Any, is_list: bool) -> Content:
        match value:
            case list():
                return value
            case dict():
                return {key: self._parameter(f"{name}{PARTS}{key}", item, False) for key, item in value.items()}
        self._run[name] = Port(name=name, value=value)
        reference = Reference(to="input" if self._is_task else "parameter", kind="parameter", name=name)
        return Later(reference) if is_list and value is None else reference

    def _add(
        self, item: Graph | Operation, entered: Entered, look: Look, volumes: Mapping[str, Any], step: str
    ) -> None:
        self.bindings[item.name] = dict(volumes)
        if is_placeholder(item):
            self._made[item.name] = item
        elif isinstance(item, Operation):
            inside = self._inside(look, step, item)
            operation = with_steps(item, self._actions, inside)
            ports = entered.ports if step else {name: self._own_port(name, entered) for name in self._run}
            self._made[item.name] = replace(operation, inputs=tuple(ports.values()))
        else:
            self._graph(item, entered, look, volumes, is_top=not step)

    def _own_port(self, name: str, entered: Entered) -> Port:
        """Return an input of the only Task of a run."""
        return Port(name=name, default=entered.ports[name].default if name in entered.ports else None)

    def _inside(self, look: Look, step: str, item: Graph | Operation) -> Look:
        def inside(reference: Reference) -> Content | None:
            content = look(reference)
            return content if content is not None else self.context.look(reference, step, item)

        return inside

    def _graph(self, graph: Graph, entered: Entered, look: Look, volumes: Mapping[str, Any], *, is_top: bool) -> None:
        self._made[graph.name] = graph
        by_step = {step.name: step for step in graph.steps}

        def inside(reference: Reference) -> Content | None:
            match reference:
                case Reference(to="item", path=()):
                    return replace(reference, native="")
                case Reference(to="output", kind="parameter") if reference.step in by_step:
                    return self._result(reference, by_step[reference.step])
                case Reference(to="workspace", path=("bound",)):
                    return self.context.text(f"{reference.name}-bound", str(reference.name in volumes).lower())
            content = look(reference)
            return content if content is not None else self.context.look(reference, "", graph)

        steps = tuple(self._step(step, inside, volumes, graph) for step in graph.steps)
        outputs = tuple(self._output(output, inside) for output in graph.outputs)
        inputs = () if is_top else tuple(entered.ports.values())
        self._made[graph.name] = replace(graph, inputs=inputs, outputs=outputs, steps=steps)

    def _step(self, step: Step, look: Look, volumes: Mapping[str, Any], graph: Graph) -> Step:
        callee = self._by_name[getattr(step.call, "name", "")]

        def own(reference: Reference) -> Content | None:
            return self.context.of_step(reference, step, callee) or mount_path(reference, callee) or look(reference)

        originals = {argument.name: argument.value for argument in step.arguments}
        passed = {name: resolve(value, own) for name, value in originals.items()}
        entered = Entered(callee, passed, own if callee.inline else None, originals)
        self._add(callee, entered, entered.look, inner_bindings(step, callee, volumes, own), step.name)
        names = {*entered.arguments, *entered.ports, *(port.name for port in callee.inputs)}
        more = {
            name: value
            for name, value in passed.items()
            if name not in names and isinstance(value, Text) and not callee.inline
        }
        arguments = {**entered.arguments, **more}
        loop = step.loop
        if loop is not None:
            axes = tuple(replace(axis, values=_axis(axis, own)) for axis in loop.axes)
            loop = replace(loop, axes=axes, includes=tuple(resolve_inside(item, own) for item in loop.includes))
        return replace(
            step,
            arguments=tuple(Argument(name=name, value=value) for name, value in arguments.items()),
            condition=_condition(step.condition, own),
            loop=loop,
            retry=resolve_inside(step.retry, own),
            timeout=Literal(value=self._timeouts[step.name])
            if step.name in self._timeouts
            else resolve_inside(step.timeout, own),
        )

    def _output(self, output: Output, look: Look) -> Output:
        value = resolve(output.value, look)
        match value:
            case Later(text=text):
                return replace(output, value=text, native_extra=None)
            case Reference():
                return replace(output, value=value, native_extra=None)
        return output

    def _result(self, reference: Reference, step: Step) -> Content | None:
        """Return a result of a task of the same Pipeline."""
        callee = self._by_name[getattr(step.call, "name", "")]
        if is_placeholder(callee):
            return replace(reference, path=(), native="")
        declared = {output.name: output for output in callee.outputs}.get(reference.name)
        whole = replace(reference, path=(), native="")
        kind = "string" if declared is None else type_of(declared)
        if step.loop is not None and reference.path:
            return Later(whole) if reference.path == ("*",) else None
        if kind == "object" and reference.path == ("*",):
            assert declared is not None
            keys = list(said(declared).get("properties", {}))
            return {key: self._part(callee, whole, key) for key in keys} if keys else Later(whole, is_list=False)
        if kind != "string" and len(reference.path) == 1 and reference.path != ("*",):
            return self._part(callee, whole, reference.path[0])
        return whole if not reference.path else Later(whole) if kind == "array" else None

    def _part(self, callee: Graph | Operation, whole: Reference, key: str) -> Reference:
        name = f"{whole.name}{PARTS}{key}"
        self._wanted.setdefault(callee.name, {})[name] = (whole.name, key)
        return replace(whole, name=name)

    def _with_parts(self, item: Graph | Operation) -> Graph | Operation:
        wanted = self._wanted.get(item.name, {})
        if not wanted or not isinstance(item, Operation):
            return item
        more = (Output(name=name, native_extra=Native.of({"part": list(part)})) for name, part in wanted.items())
        return replace(item, outputs=(*item.outputs, *more))


def _axis(axis: Axis, look: Look) -> Value:
    """Return the items of an axis: a list of texts where they are known, or the JSON that a run makes."""
    match resolve(axis.values, look):
        case Later(text=Reference() as text):
            return Native(parts=(text,))
        case list() as items if all(isinstance(item, Literal) for item in items):
            return Native.of([item.value for item in items])
    return axis.values


def _condition(condition: Value | None, look: Look) -> Value | None:
    if not isinstance(condition, Native):
        return condition
    return structured([_question(item, look) if isinstance(item, dict) else item for item in data_of(condition)])


def _question(item: dict[str, Any], look: Look) -> dict[str, Any]:
    """Return a when expression with what its input and values stand for; a list stands for its items."""

    def inside(value: Any) -> Any:
        content = resolve(value, look) if isinstance(value, (Reference, Template)) else value
        return value if content is None or isinstance(content, Later) else content

    changed = dict(item)
    if isinstance(values := item.get("values"), list) and values:
        pieces = [inside(value) for value in values]
        changed["values"] = [one for piece in pieces for one in (piece if isinstance(piece, list) else [piece])]
    if isinstance(content := inside(item.get("input")), Text):
        changed["input"] = content
    if isinstance(item.get("cel"), Template):
        changed["cel"] = resolve_inside(item["cel"], look)
    return changed
