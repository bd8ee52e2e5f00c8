"""From workflows of GitHub Actions to the IR: a job is a step of the graph, its steps are containers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from couler_plugins import ir
from couler_plugins.documents import Document, Path
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Plan

ENGINE = LANGUAGE = "github-actions"
GRAPH = "jobs"
DOCKER = "docker://"
ENDED = ("errored", "failed", "omitted", "skipped", "succeeded")
STATUS = re.compile(r"\b(?:always|cancelled|failure)\s*\(")
BRACES = re.compile(r"\$\{\{((?:'[^']*'|[^'}]|\}(?!\}))*)\}\}")
CONTEXT = re.compile(
    r"'[^']*'|(?<![\w.\])-])(needs|jobs|matrix|secrets|inputs|github|vars)\b"
    r"((?:\.[A-Za-z_][\w-]*|\['[^']*'\])*)(?!\s*\()"
)
WORD = re.compile(r"\.([\w-]+)|\['([^']*)'\]")
Mapped = dict[str, Any]


def claims(document: Document) -> bool:
    """Whether a document is a workflow. Its key `on` is true to those who read YAML as Kubernetes does."""
    data = document.data
    jobs = data.get("jobs") if isinstance(data, dict) and ("on" in data or "true" in data) else None
    found = jobs.values() if isinstance(jobs, dict) else ()
    return any(isinstance(job, dict) and not job.keys().isdisjoint(("runs-on", "steps", "uses")) for job in found)


def lift(bundle: Bundle, refuse: Callable[[int, CoulerError], None]) -> Plan:
    """The workflows of all documents; one that is not built like a workflow goes to `refuse`."""
    workflows: list[ir.Workflow] = []
    for number, document in enumerate(bundle.documents):
        try:
            workflows += [_Lifter(document, number).workflow()] if claims(document) else []
        except InvalidInput as error:
            error.file, error.line = document.file, document.line_of(error.path)
            refuse(bundle.file_numbers[number], error)
    return Plan(bundle=bundle, originals=tuple(workflows), workflows=tuple(workflows))


def portable(workflow: ir.Workflow, bundle: Bundle) -> tuple[None, tuple[()]]:
    """Nothing: no other engine has the runners and the actions that jobs are made of."""
    message, hint = (
        "its jobs call actions on runners of GitHub",
        "write them as containers, for the other engine",
    )
    raise Unsupported(message, engine=ENGINE, step=workflow.label, feature="Operation.kind", hint=hint)


def value_of(content: Any) -> ir.Value:
    """A text, a number or a structure, with the references in it."""
    if isinstance(content, (dict, list)):
        return ir.Native(parts=_cut(msgspec.json.encode(content, order="sorted").decode()))
    parts = _cut(content) if isinstance(content, str) else ()
    if not parts or parts == (content,):
        return ir.Literal(value=content)
    return parts[0] if len(parts) == 1 and not isinstance(parts[0], str) else ir.Template(parts=parts)


def condition_of(content: Any) -> ir.Value:
    """A condition, which is an expression whether it has braces or not."""
    whole = BRACES.fullmatch(content.strip()) if isinstance(content, str) else None
    if not isinstance(content, str) or (whole is None and "${{" in content):
        return value_of(content)
    parts = _expression((whole[1] if whole else content).strip())
    alone = parts[0] if len(parts) == 1 and isinstance(parts[0], ir.Reference) else None
    return alone or ir.Expression(language=LANGUAGE, parts=parts)


def native_of(content: Mapped) -> ir.Native | None:
    """What no field of the IR expresses; None where that is nothing."""
    value = value_of(content) if content else None
    return value if isinstance(value, ir.Native) else None


def _cut(text: str) -> tuple[str | ir.Reference | ir.Expression, ...]:
    """A text (or the JSON text of a structure) cut at its expressions."""
    parts: list[str | ir.Reference | ir.Expression] = []
    end = 0
    for match in BRACES.finditer(text):
        parts += [text[end : match.start()]] if match.start() > end else []
        inner = _expression(match[1])
        alone: list[Any] = [part for part in inner if not isinstance(part, str) or part.strip()]
        is_reference = len(alone) == 1 and isinstance(alone[0], ir.Reference)
        expression = ir.Expression(language=LANGUAGE, parts=inner)
        parts.append(ir.replace(alone[0], native=match[0]) if is_reference else expression)
        end = match.end()
    return (*parts, text[end:]) if text[end:] or not parts else tuple(parts)


def _expression(text: str) -> tuple[str | ir.Reference, ...]:
    """The text of an expression cut at its references."""
    parts: list[str | ir.Reference] = []
    end = 0
    for match in CONTEXT.finditer(text):
        words = tuple(dotted or quoted for dotted, quoted in WORD.findall(match[2] or ""))
        reference = _reference(match[1], words, match[0], text[match.end() : match.end() + 1])
        if reference is not None:
            parts += [text[end : match.start()]] if match.start() > end else []
            parts.append(reference)
            end = match.end()
    return (*parts, text[end:]) if text[end:] or not parts else tuple(parts)


def _reference(context: str | None, words: tuple[str, ...], native: str, follower: str) -> ir.Reference | None:
    match context, words:
        case "needs" | "jobs", (step, "outputs", name):
            return ir.Reference(to="output", kind="parameter", step=step, name=name, native=native)
        case "needs" | "jobs", (step, *fact) if fact:
            return ir.Reference(to="status", step=step, name=".".join(fact), native=native)
        case "needs", _ if words or follower != ".":  # `needs.*` reads all of them, whatever their names
            return ir.Reference(to="status", step=words[0] if words else ir.ANY_STEP, native=native)
        case "matrix", (name, *path):
            return ir.Reference(to="item", kind="parameter", name=name, path=tuple(path), native=native)
        case "inputs", (name,):
            return ir.Reference(to="parameter", kind="parameter", name=name, native=native)
        case "secrets", (name,):
            return ir.Reference(to="secret", name=name, native=native)
        case (("github" | "vars"), (_, *_)):
            return ir.Reference(to="run", name=".".join((context, *words)), native=native)
    return None


class _Lifter:
    """Lifts one document."""

    def __init__(self, document: Document, number: int) -> None:
        self._document = document
        self._number = number
        self._operations: list[ir.Operation] = []
        self._outputs: dict[str, Mapped] = {}

    def workflow(self) -> ir.Workflow:
        data = self._document.data
        typed = {GRAPH, "on", "true", *(("name",) if isinstance(data.get("name"), str) else ())}
        triggers = data.get("on", data.get("true"))
        call: Any = triggers.get("workflow_call") if isinstance(triggers, dict) else None
        called = call.get("outputs") if isinstance(call, dict) else None
        outputs: tuple[ir.Output, ...] = ()
        if isinstance(called, dict) and called and all(isinstance(item, dict) for item in called.values()):
            outputs = tuple(_output(name, dict(item)) for name, item in called.items())
            triggers = {**triggers, "workflow_call": {key: call[key] for key in call if key != "outputs"}}
        steps = tuple(self._job(name, job, (GRAPH, name)) for name, job in data[GRAPH].items())
        left = {key: data[key] for key in data if key not in typed}
        source = (self._number,)
        library, parameters = declared(triggers)
        workflow = ir.Workflow(
            name=data["name"] if "name" in typed else "",
            engine=ENGINE,
            kind="Workflow",
            library=library,
            parameters=parameters,
            entry=ir.Step(name=GRAPH, call=ir.Call(name=GRAPH), source=source),
            graphs=(ir.Graph(name=GRAPH, steps=steps, outputs=outputs, source=(*source, GRAPH)),),
            operations=tuple(self._operations),
            native_extra=native_of({**left, **({"on": triggers} if triggers is not None else {})}),
            source=source,
        )
        return ir.map_references(workflow, self._resolved)

    def _resolved(self, reference: ir.Reference) -> ir.Reference:
        """A reference; GitHub reads one to a job, or to an output, that is not there as empty."""
        outputs = self._outputs.get(reference.step)
        if reference.step not in (*self._document.data[GRAPH], "", ir.ANY_STEP):
            return ir.Reference(to="run", name=reference.native.strip("${} "), native=reference.native)
        if reference.to == "output" and outputs is not None and reference.name not in outputs:
            return ir.replace(reference, to="status", name=f"outputs.{reference.name}", kind="")
        return reference

    def _job(self, name: str, job: Any, path: Path) -> ir.Step:
        left = dict(self._mapping(job, path))
        fields: Mapped = {}
        if left.get("if") is not None:
            fields["condition"] = condition_of(left.pop("if"))
        names = [left["needs"]] if isinstance(left.get("needs"), str) else left.get("needs")
        if isinstance(names, list) and names and all(isinstance(item, str) for item in names):
            outcomes = outcomes_with(fields.get("condition"))
            fields["needs"] = ir.all_of([ir.Need(step=item, outcomes=outcomes) for item in names])
            del left["needs"]
        if left.get("continue-on-error") is True:
            del left["continue-on-error"]
            fields["tolerates"] = ("failed",)
        if type(left.get("timeout-minutes")) in (int, str):
            minutes = left.pop("timeout-minutes")
            fields["timeout"] = value_of(60 * minutes if isinstance(minutes, int) else minutes)
        own: Mapped = {}
        if isinstance(left.get("strategy"), dict):
            strategy = left.pop("strategy")
            fields["loop"], others = _loop(strategy)
            own = {"strategy": others} if others or not strategy else {}
        call: ir.Callee = ir.Call(name=f"{GRAPH}/{name}")
        if isinstance(left.get("uses"), str):
            call = ir.External(workflow=left.pop("uses"), name="", kind="workflow")
            arguments = left.pop("with") if isinstance(left.get("with"), dict) else {}
            fields["arguments"] = tuple(ir.Argument(name=key, value=value_of(item)) for key, item in arguments.items())
            own |= left
        else:
            self._operations.append(self._operation(f"{GRAPH}/{name}", left, path))
        return ir.Step(name=name, call=call, native_extra=native_of(own), source=(self._number, *path), **fields)

    def _operation(self, name: str, left: Mapped, path: Path) -> ir.Operation:
        steps, outputs = left.pop("steps", None), left.get("outputs")
        if not isinstance(steps, list):
            message, hint = f"the job {path[-1]!r} has no list of steps", "give it steps, or the workflow that it uses"
            raise InvalidInput(message, engine=ENGINE, path=path, hint=hint)
        containers = [self._container(item, (*path, "steps", number)) for number, item in enumerate(steps)]
        if not isinstance(outputs, dict) or not all(isinstance(item, str) for item in outputs.values()):
            outputs = {}
        self._outputs[str(path[-1])] = outputs
        return ir.Operation(
            name=name,
            kind="job",
            inline=True,
            outputs=tuple(ir.Output(name=key, value=value_of(item)) for key, item in outputs.items()),
            containers=tuple(containers),
            native_extra=native_of({key: left[key] for key in left if key != "outputs" or not outputs}),
            source=(self._number, *path),
        )

    def _container(self, item: Any, path: Path) -> ir.Container:
        left = dict(self._mapping(item, path))
        fields: Mapped = {"env": self._environment(left, path)}
        if isinstance(left.get("id"), str) and left["id"]:
            fields["name"] = left.pop("id")
        if isinstance(left.get("run"), str):
            fields["script"] = value_of(left.pop("run"))
        elif str(left.get("uses")).startswith(DOCKER):
            fields["image"] = value_of(left.pop("uses").removeprefix(DOCKER))
        return ir.Container(native_extra=native_of(left), **fields)

    def _environment(self, left: Mapped, path: Path) -> tuple[ir.EnvVar, ...]:
        """Takes the variables out of a mapping; GitHub reads `yes` and `on` as texts, unlike Kubernetes."""
        variables = left.pop("env") if isinstance(left.get("env"), dict) and left["env"] else {}
        switches = [name for name, content in variables.items() if isinstance(content, bool)]
        plain = {name: self._document.plain((*path, "env", name)) for name in switches}
        words = {name: text for name, text in plain.items() if text not in (None, "true", "false")}
        return tuple(ir.EnvVar(name=name, value=value_of(item)) for name, item in {**variables, **words}.items())

    def _mapping(self, item: Any, path: Path) -> Mapped:
        if not isinstance(item, dict):
            message, hint = f"{path[-1]!r} in {'.'.join(map(str, path[:-1]))} is no mapping", "give it fields"
            raise InvalidInput(message, engine=ENGINE, path=path, hint=hint)
        return item


def outcomes_with(condition: ir.Value | None) -> tuple[str, ...]:
    """How the needs of a job may have ended: well, unless its condition asks for their status itself."""
    texts = [part for part in getattr(condition, "parts", ()) if isinstance(part, str)]
    return ENDED if STATUS.search(" ".join(texts)) else ("succeeded",)


def _output(name: str, item: Mapped) -> ir.Output:
    value = value_of(item.pop("value")) if isinstance(item.get("value"), str) else None
    return ir.Output(name=name, value=value, native_extra=native_of(item))


def declared(triggers: Any) -> tuple[Any, tuple[ir.Port, ...]]:
    """Whether other workflows call one with these triggers, and what a run of it can be given."""
    found: Mapped = {}
    for trigger in ("workflow_dispatch", "workflow_call") if isinstance(triggers, dict) else ():
        found |= (triggers.get(trigger) or {}).get("inputs") or {}
    ports = []
    for name, item in sorted(found.items()):
        default = ir.Literal(value=item["default"]) if item and "default" in item else None
        ports.append(ir.Port(name=name, default=default, optional=not (item or {}).get("required", False)))
    return "namespace" if "workflow_call" in (triggers or ()) else "", tuple(ports)


def _loop(strategy: Mapped) -> tuple[ir.Loop | None, Mapped]:
    """The loop of a strategy, and what else it says."""
    left, matrix = dict(strategy), strategy.get("matrix")
    if not matrix or not isinstance(matrix, (dict, str)):
        return None, left
    del left["matrix"]
    limit = ir.Literal(value=left.pop("max-parallel")) if type(left.get("max-parallel")) is int else None
    is_plain = isinstance(matrix, dict) and matrix.keys().isdisjoint(("include", "exclude"))
    axes = matrix if isinstance(matrix, dict) and is_plain else {"": matrix}
    values = tuple(ir.Axis(name=name, values=value_of(item)) for name, item in axes.items())
    return ir.Loop(combine="product", axes=values, limit=limit), left
