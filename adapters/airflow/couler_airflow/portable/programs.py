"""The function that does elsewhere what a task does in Airflow: its source, with what stands for what Airflow hands it.

Names that begin with an underscore are ours. XComs are JSON in texts on their way, and params that are no texts, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from couler_airflow.portable.closure import SKIP, Closure, indented
from couler_airflow.portable.context import INSTANCE
from couler_airflow.portable.dag import INTERVALS, is_text, own_params, timetable_of
from couler_airflow.portable.facts import DATES, OPTIONAL, fact, in_any_image
from couler_airflow.portable.legality import refuse
from couler_airflow.pulls import RESULT
from couler_plugins.engine_kit.legalize.python.functions import Function, Kind, Parameter
from couler_plugins.engine_kit.legalize.python.source import RESERVED
from couler_plugins.ir import Argument, Operation, Reference, Value

OTHER = re.compile(r"\W+")
INSTANCE_CLASS = """\
class _Instance:
    task_id, dag_id, map_index = {task!r}, {dag!r}, -1

    def xcom_push(self, key, value):
        _pushed[key] = value

    def xcom_pull(self, task_ids=None, dag_id=None, key="return_value", default=None, **others):
        names = [task_ids] if isinstance(task_ids, str) else task_ids
        found = [_pulled.get((name, key), default) for name in names]
        return found[0] if isinstance(task_ids, str) else found
"""
ITEMS = """\
def _items(value):
    return [_json.dumps(item) for item in (value.items() if isinstance(value, dict) else value)]
"""
IMPORTS = {name: f"import {name} as _{name}" for name in ("datetime", "json", "os", "subprocess", "tempfile", "time")}


class Want(NamedTuple):
    """An XCom as somebody wants it.

    Attributes:
        key: of the XCom.
        form: `json`, `text` for what Airflow renders of it, or `items` for a list of JSON.
    """

    key: str
    form: str

    @property
    def output(self) -> str:
        """The output that it is."""
        suffix = "" if self.form == "json" else f"_{self.form}"
        return f"{identifier(self.key)}{suffix}"


class Read(NamedTuple):
    """An XCom that is read, and of which task."""

    task: str
    want: Want


def identifier(text: str) -> str:
    """Return a text as a name in Python."""
    name = OTHER.sub("_", text).strip("_") or "value"
    return f"n{name}" if name[0].isdigit() else name


def free_name(name: str, names: Collection[str]) -> str:
    """Return a name of Python that is none of these."""
    while name in names:
        name += "_"
    return name


@dataclass
class Program:
    """A function in the making.

    Attributes:
        task: the task.
        closure: the definitions in it.
        lines: what it does, up to `_result`.
        inputs: its parameters: their kinds, and what is passed to them.
        reads: the XComs that it reads.
        outputs: what it gives beside XComs, as Python, by name.
        catches: whether `_skipped` says whether it skips itself.
    """

    task: Any
    closure: Closure = field(init=False)
    lines: list[str] = field(default_factory=list)
    inputs: dict[str, tuple[Kind, Value]] = field(default_factory=dict)
    reads: set[Read] = field(default_factory=set)
    outputs: dict[str, str] = field(default_factory=dict)
    catches: bool = False
    _defined: dict[str, None] = field(default_factory=dict)
    _setup: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.closure = Closure(self.task.task_id)

    def define(self, text: str) -> None:
        """Add a definition of ours."""
        self._defined[text] = None

    def set_up(self, line: str) -> None:
        """Add a line before what it does, once."""
        self._setup[line] = None

    def parameter(self, name: str, kind: Kind, value: Value) -> str:
        """Return the parameter that a value is passed to."""
        for own, (_, other) in self.inputs.items():
            if other == value:
                return own
        name = free_name(identifier(name), {*self.inputs, *self.closure.names, *RESERVED})
        self.inputs[name] = (kind, value)
        return name

    def pull(self, task: str, key: str) -> str:
        """Return what stands for an XCom.

        Raises:
            Unsupported: there is no such task.
        """
        other = self.task.dag.task_dict.get(task)
        if other is None or other is self.task:
            raise refuse("Step.arguments", self.task.task_id, f"pulls an XCom of {task!r}, which is no other task")
        want = Want(key, "json")
        self.reads.add(Read(task, want))
        value = Reference(to="output", kind="parameter", step=task, name=want.output)
        name = task if key == RESULT else f"{task}_{key}"
        if other.is_mapped:
            return f"[_json.loads(item) for item in {self.parameter(name, 'list', value)}]"
        return f"_json.loads({self.parameter(name, 'text', value)})"

    def use(self, key: str, attribute: str = "") -> str:
        """Return what stands for a key of the context, or for an attribute of the object there."""
        if key == "params":
            return self._param(attribute) if attribute else self._params()
        if key == "dag_run":
            return self._of_run(attribute)
        if key in INSTANCE and not attribute:
            self.define(INSTANCE_CLASS.format(task=self.task.task_id, dag=self.task.dag.dag_id))
            return "_Instance()"
        return self._of_task(attribute) if key in (*INSTANCE, "task", "dag") else self._simple(key)

    def run_object(self, attributes: Collection[str]) -> str:
        """Return what stands for the object that describes the run."""
        own = ", ".join(f"{name}={self._of_run(name)}" for name in sorted(attributes))
        self.set_up("from types import SimpleNamespace as _Namespace")
        return f"_Namespace({own})"

    def named_object(self) -> str:
        """Return what stands for the task, or its DAG."""
        return self.run_object(()).replace("()", f"(task_id={self.task.task_id!r}, dag_id={self.task.dag.dag_id!r})")

    def _of_run(self, attribute: str) -> str:
        return repr(self.task.dag.dag_id) if attribute == "dag_id" else self._simple(attribute)

    def _of_task(self, attribute: str) -> str:
        if attribute == "run_id":
            return self._simple("run_id")
        return repr(self.task.dag.dag_id if attribute == "dag_id" else self.task.task_id)

    def _simple(self, key: str) -> str:
        if key in OPTIONAL:
            name = self.parameter(key, "text", Reference(to="parameter", kind="parameter", name=key))
            return f"_json.loads({name})" if key == "conf" else f"({name} or None)"
        if key == "run_id":
            return self.parameter("run_id", "text", fact("run_id"))
        if key == "templates_dict":
            return "None"
        if key.startswith("data_interval") and timetable_of(self.task.dag) in INTERVALS:
            reason = f"reads {key}, which is not the time at which the run starts"
            raise refuse("Step.arguments", self.task.task_id, reason, "pass it as a param")
        self.set_up(IMPORTS["datetime"])
        self.set_up(
            f"_date = _datetime.datetime.fromisoformat({self.parameter('logical_date', 'text', fact('logical_date'))})"
        )
        if key in DATES:
            return f"_date.strftime({DATES[key]!r})"
        if key == "task_instance_key_str":
            return f"f\"{self.task.dag.dag_id}__{self.task.task_id}__{{_date.strftime('%Y%m%d')}}\""
        if key == "ts_nodash_with_tz":
            return "_date.isoformat().replace('-', '').replace(':', '')"
        return "_date.isoformat()" if key == "ts" else "_date"

    def _params(self) -> str:
        names = {*own_params(self.task), *self.task.dag.params}
        return "{" + ", ".join(f"{name!r}: {self._param(name)}" for name in sorted(names)) + "}"

    def _param(self, name: str) -> str:
        own = own_params(self.task)
        if name in own:
            return repr(json.loads(json.dumps(own[name])))
        if name not in self.task.dag.params:
            return "''"  # as Jinja renders what is not there
        value = self.parameter(f"param_{name}", "text", Reference(to="parameter", kind="parameter", name=name))
        return value if is_text(self.task.dag.params, name) else f"_json.loads({value})"

    def finished(self, name: str, wants: Collection[Want], *, returns: bool) -> tuple[Operation, tuple[Argument, ...]]:
        """Return the operation, and what is passed to it.

        Args:
            name: of the operation.
            wants: the XComs that others read.
            returns: whether what it returns is an XCom, although nobody reads it.
        """
        outputs = dict(self._xcoms(wants, returns=returns))
        kinds: dict[str, Kind] = {output: kind for output, (kind, _) in outputs.items()}
        kinds |= dict.fromkeys(self.outputs, "text")
        texts = {output: text for output, (_, text) in outputs.items()} | self.outputs
        own = free_name(identifier(self.task.task_id), {*RESERVED, *self.inputs})
        function = Function(
            name=own,
            source=self._source(own, texts),
            inputs=tuple(Parameter(item, kind) for item, (kind, _) in self.inputs.items()),
            outputs=tuple(kinds.items()),
            packages=tuple(self.closure.packages),
        )
        arguments = tuple(Argument(name=item, value=value) for item, (_, value) in self.inputs.items())
        return in_any_image(function, name), arguments

    def _xcoms(self, wants: Collection[Want], *, returns: bool) -> Iterator[tuple[str, tuple[Kind, str]]]:
        usual = Want(RESULT, "json")
        for want in sorted({*wants, *([usual] if returns else [])}):
            value = "_result" if want.key == RESULT else f"_pushed.get({want.key!r})"
            if want.form == "items":
                self.define(ITEMS)
                yield want.output, ("list", f"_items({value})")
            elif want.form == "text":
                yield want.output, ("text", f"str({value})")
            else:
                others = "" if want in wants else ", default=str"
                yield want.output, ("text", f"_json.dumps({value}{others})")

    def _source(self, name: str, outputs: Mapping[str, str]) -> str:
        """The definition of the function."""
        after = ["return {"] + [f"    {output!r}: {text}," for output, text in outputs.items()] + ["}"]
        lines = ["_pushed = {}", *self._setup, *self.lines, *(after if outputs else ())]
        definitions = [*self.closure.texts.values(), *self._defined]
        body = "\n".join([*definitions, "\n".join(lines), ""])
        imports = [text for text in IMPORTS.values() if f"{text.rpartition(' ')[2]}." in body]
        lines = [*(item for item in imports if item not in self._setup), *self.closure.imports.values()]
        whole = "\n".join([*lines, "", body]) if lines else body
        doc = f'    """Do what the task {self.task.task_id} of {self.task.dag.dag_id} does."""\n'
        head = f"def {name}({', '.join(self.inputs)}):\n{doc}"
        return f"{head}{indented(whole)}"

    def calls(self, call: str) -> None:
        """Let `_result` be what a call gives, and `_skipped` whether it skips the task."""
        if SKIP not in self.closure.texts:
            self.lines.append(f"_result = {call}")
            return
        self.catches = True
        self.lines += [
            "_skipped = False",
            "try:",
            f"    _result = {call}",
            f"except {SKIP} as _reason:",
            "    print(_reason)",
            "    _result, _skipped = None, True",
        ]
