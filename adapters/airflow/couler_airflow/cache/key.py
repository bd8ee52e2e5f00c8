"""The key of a task's result: what the task is, what it is given, and what ran before it without handing it a value.

Everything of the operator counts after its defaults are applied and its templates rendered, minus a list of what only
says when, where and how often it runs. What cannot be covered is refused. Of an operator's class alone, `key_of_class`
tells what of the run is in its key, or why it has none.
"""

from __future__ import annotations

import contextlib
import inspect
import locale
import os
import platform
import time
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from couler_airflow.cache import pod_checks
from couler_airflow.cache.around import AROUND, join_remedies
from couler_airflow.cache.eligible import BRANCHES, FROM_TRIGGER, PURE, is_pod, kind_of, path_of
from couler_airflow.cache.output_paths import output_paths
from couler_airflow.cache.task_checks import (
    BY_VALUE,
    attribute_names,
    attributes_of_class,
    check_class,
    check_task,
    context_names,
    operator_of_run,
    reads_of_class,
)
from couler_airflow.marks import Declaration
from couler_plugins.caching.code.fingerprint import Fingerprint
from couler_plugins.caching.code.uncacheable import Uncacheable, unique
from couler_plugins.caching.keys import VERSION, digest
from couler_plugins.hookspecs.caching import Objection

CHANCE = ("clock", "random")
"""What whoever marks a task itself takes no mind of, and is warned of."""

Before = Callable[[], Iterable[str]]

LEFT_OUT = frozenset(
    {
        *(
            "task_id",
            "owner",
            "pool",
            "pool_slots",
            "queue",
            "priority_weight",
            "weight_rule",
            "executor",
            "trigger_rule",
        ),
        *(
            "retries",
            "retry_delay",
            "retry_exponential_backoff",
            "retry_policy",
            "max_retry_delay",
            "execution_timeout",
        ),
        *("start_date", "end_date", "depends_on_past", "wait_for_downstream", "ignore_first_depends_on_past"),
        *("wait_for_past_depends_before_skipping", "max_active_tis_per_dag", "max_active_tis_per_dagrun", "sla"),
        *(
            "email",
            "email_on_failure",
            "email_on_retry",
            "resources",
            "map_index_template",
            "task_group",
            "doc",
            "doc_md",
        ),
        *("doc_json", "doc_yaml", "doc_rst", "inlets", "outlets", "params", "is_setup", "is_teardown", "deferrable"),
        *("on_execute_callback", "on_failure_callback", "on_retry_callback", "on_skipped_callback"),
        *("on_success_callback", "upstream_task_ids", "downstream_task_ids", "allow_nested_operators", "execute"),
        *("resume_execution", "show_return_value_in_logs", "returns_dag_result", "returns_dag_result_explicit"),
        *(
            "_dag",
            "_logger_name",
            "_task_display_name",
            "_on_failure_fail_dagrun",
            "_is_inline_cmd",
            "_log",
            "_needs_expansion",
            "_post_execute_hook",
        ),
        *(
            "_lock_for_execution",
            "_cached_logger",
            "render_template_as_native_obj",
            "__couler_cache__",
            "template_fields",
        ),
    }
)
"""Attributes of an operator that do not change what it computes. The values that templates render to are in the key,
the params that a body reads by name with the context."""


class TaskKey(NamedTuple):
    """A key, the hash of what the operation itself is, and the paths of its outputs."""

    key: str
    spec: str
    outputs: tuple[str, ...] = ()


class TaskMaterial:
    """What a key of a task covers, and everything that forbids one.

    A worker makes it of the operator that it is about to run, `couler explain` of the same operator as far as it is
    known before.

    Args:
        task: the operator, not mapped; a worker has rendered its templates.
        declaration: what its owner says of it.
    """

    def __init__(self, task: Any, declaration: Declaration) -> None:
        said = (*(CHANCE if declaration.itself else ()), *(("context",) if declaration.context else ()))
        allow = (*declaration.allow, *said)
        self._forms = Fingerprint(allow, AROUND)
        self._noted = self._forms.objections
        self._task, self._declaration = task, declaration
        self._noted += check_task(task, declaration)
        self._context = context_names(task, declaration)
        fields = task.template_fields
        own = {name: value for name, value in vars(task).items() if _counts(name) and name not in fields}
        own |= {name: getattr(task, name, None) for name in attribute_names(task)}
        values = _bind_arguments(task)
        for name in pod_checks.LEFT_OUT if is_pod(task) else ():
            own.pop(name, None), values.pop(name, None)
        python = [platform.python_implementation(), platform.python_version(), *_place()]
        self._spec = [
            *("airflow", python, self._form("operator", operator_of_run(task)), declaration.version),
            *sorted({*declaration.allow}),
            [[name, self._form(name, own[name])] for name in sorted(own)],
        ]
        self._arguments = [[name, self._form(name, value)] for name, value in sorted(values.items())]

    @property
    def objections(self) -> tuple[Objection, ...]:
        """All that forbids a key."""
        return join_remedies(unique(self._noted), self._declaration)

    @property
    def chances(self) -> tuple[Objection, ...]:
        """The clocks and the chance in it that its owner takes no mind of."""
        return unique(item for item in self._forms.waived if item.rule in ("clock", "randomness"))

    @property
    def draws_idly(self) -> bool:
        """Whether it draws from NumPy's shared generator, and computes the same whatever it draws."""
        return self._forms.draws_idly

    def key(self, context: Mapping[str, Any], before: Before, resumed: Any = None) -> TaskKey:
        """Return the key of one run of the task.

        Args:
            context: the context of the run.
            before: gives tokens of what ran before it, and handed it no value that its key covers.
            resumed: what it goes on with after it was deferred, its event among it; None where it begins.

        Raises:
            Uncacheable: no key can cover what it computes.
        """
        run = [[name, self._form(name, _value_in(context, name))] for name in self._context]
        if resumed is not None:  # what it did before is done in each run, and hands on nothing else
            run.append(["resumed", self._form("event", resumed)])
        tokens: list[str] = []
        outputs: tuple[str, ...] = ()
        try:
            tokens = sorted(before())
        except Uncacheable as error:
            self._noted += error.objections
        try:
            outputs = output_paths(self._task, self._declaration, context)
        except Uncacheable as error:
            self._noted += error.objections
        modules = [*self._forms.descriptions, *self._forms.sources.form]
        if self._noted:
            raise Uncacheable(objections=self.objections)
        spec = digest([VERSION, self._spec, modules])
        covered = [VERSION, spec, self._arguments, run, tokens, modules, *outputs]
        return TaskKey(digest(covered), spec, outputs)

    def _form(self, name: str, value: Any) -> Any:
        try:
            return self._forms.form(value)
        except Uncacheable as error:
            self._noted += [replace(item, reason=f"its {name}: {item.reason}") for item in error.objections]
            return None


def _bind_arguments(task: Any) -> dict[str, Any]:
    """Return what a task gets: arguments of a function by their parameters, be they written by name or by place."""
    fields: dict[str, Any] = {name: getattr(task, name, None) for name in task.template_fields}
    function = getattr(task, "python_callable", None)
    if type(function) is types.FunctionType and not hasattr(function, "__signature__") and "op_kwargs" in fields:
        with contextlib.suppress(TypeError):
            signature = inspect.signature(function, follow_wrapped=False)
            bound = signature.bind_partial(*fields["op_args"], **fields["op_kwargs"])
            fields["arguments"] = bound.arguments
            del fields["op_args"], fields["op_kwargs"]
    return fields


def _place() -> list[str]:
    """What Python takes from where it runs without a word: the zone of local times, and how numbers are written."""
    zone = os.environ.get("TZ") or os.path.realpath("/etc/localtime")
    return [*time.tzname, zone, locale.setlocale(locale.LC_ALL)]


def _counts(name: str) -> bool:
    return name not in LEFT_OUT and not name.startswith("_BaseOperator__")


def _value_in(context: Mapping[str, Any], name: str) -> Any:
    if name not in context:
        return ["absent"]
    value = context[name]
    return dict(value) if name == "params" else value


class OperatorKey(NamedTuple):
    """What is known of the key of an operator before there is a task.

    Attributes:
        never: why its result is never used again, whatever its owner says; empty where it may be.
        objections: what its code takes that no key covers; the owner's word takes some of them away.
        context: the values of the run that its code reads by name, which are in the key.
        own: the attributes that its code reads and that are in a key only because of that; all its others always are.
        asks: whether its body says by its parameters what it takes of the run.
    """

    never: str
    objections: tuple[Objection, ...]
    context: tuple[str, ...]
    own: tuple[str, ...]
    asks: bool


def key_of_class(cls: type) -> OperatorKey:
    """Return what the key of an operator covers beside what every key does, and what forbids one.

    Args:
        cls: the class of an operator.
    """
    reads = reads_of_class(cls)
    return OperatorKey(
        never=kind_of(cls) or (FROM_TRIGGER if getattr(cls, "start_from_trigger", False) else ""),
        objections=tuple(check_class(cls, reads)),
        context=tuple(sorted(reads.context & BY_VALUE)),
        own=tuple(attributes_of_class(cls, reads, LEFT_OUT)),
        asks=path_of(cls) in PURE | BRANCHES,
    )
