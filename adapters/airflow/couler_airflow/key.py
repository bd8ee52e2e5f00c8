"""The key of a task's result: what the task is, what it is given, and what ran before it without handing it a value.

Everything of the operator counts after its defaults are applied and its templates rendered, minus a list of what only
says when, where and how often it runs. What cannot be covered is refused.
"""

from __future__ import annotations

import inspect
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from couler_airflow.eligible import class_of
from couler_airflow.fingerprints.callables import Fingerprint
from couler_airflow.fingerprints.modules import module_of
from couler_airflow.marks import Declaration
from couler_airflow.moved import context_keys
from couler_airflow.uncacheable import Uncacheable
from couler_plugins.caching.keys import VERSION, digest
from couler_plugins.caching.words import impurity

__all__ = ["TaskKey", "key_of"]

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

BY_VALUE = frozenset(
    {
        *("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz", "logical_date", "params"),
        *("data_interval_start", "data_interval_end"),
    }
)
"""Values of a run that a body may ask for by name: their values are in the key."""

LOOKED_UP = re.compile(r"\{[{%][^}]*\b(?P<kind>conn|var)\s*[.\[]")
KINDS = {"conn": "connections", "var": "variables"}


PROGRAMS = frozenset({"bash_command", "command", "cmds", "arguments", "script", "sql", "hql", "query"})
"""Fields of operators in which stands what is run."""


class TaskKey(NamedTuple):
    """A key, and the hash of what the operation itself is."""

    key: str
    spec: str


def key_of(task: Any, context: Mapping[str, Any], declaration: Declaration, before: Iterable[str]) -> TaskKey:
    """The key of one run of a task.

    Args:
        task: the operator with its templates rendered.
        context: the context of the run.
        declaration: what its owner says of it.
        before: tokens of what ran before it, and handed it no value that its key covers.

    Raises:
        Uncacheable: no key can cover what it computes.
    """
    allow = (*declaration.allow, *(("context",) if declaration.context else ()))
    forms = Fingerprint(task.dag.fileloc, allow)
    _check_templates(task, declaration)
    python = [platform.python_implementation(), platform.python_version()]
    cls = class_of_run(task)
    fields = task.template_fields
    _check_programs(task)
    what = {name: value for name, value in vars(task).items() if _counts(name) and name not in fields}
    spec = [
        *("airflow", python, forms.form(cls), declaration.version),
        [[name, _named(forms, name, what[name])] for name in sorted(what)],
    ]
    given = [[name, _named(forms, name, getattr(task, name, None))] for name in sorted(fields)]
    run = [[name, _named(forms, name, _value_in(context, name))] for name in _context_names(task, declaration)]
    specification = digest([VERSION, spec, forms.modules()])
    return TaskKey(digest([VERSION, specification, given, run, sorted(before), forms.modules()]), specification)


def class_of_run(task: Any) -> type:
    """The operator's own class, also where a mapped one runs in ours."""
    cls = class_of(task)
    return getattr(cls, "__couler_original__", cls)


def _counts(name: str) -> bool:
    return name not in LEFT_OUT and not name.startswith("_BaseOperator__")


def _named(forms: Fingerprint, name: str, value: Any) -> Any:
    try:
        return forms.form(value)
    except Uncacheable as error:
        raise Uncacheable(f"its {name}: {error.message}", step=name) from None


def _value_in(context: Mapping[str, Any], name: str) -> Any:
    if name not in context:
        return ["absent"]
    value = context[name]
    return dict(value) if name == "params" else value


def _context_names(task: Any, declaration: Declaration) -> list[str]:
    """The values of the run that a body gets or asks for, all of which go into the key.

    Raises:
        Uncacheable: it gets what no key can cover.
    """
    named = {*declaration.context}
    function = getattr(task, "python_callable", None)
    if function is not None:
        named |= {*_asked_for(function, task, declaration)}
    unknown = sorted(named - BY_VALUE)
    if unknown:
        raise Uncacheable(f"it takes {unknown[0]!r}, which differs from run to run and is in no key", feature="context")
    return sorted(named)


def _asked_for(function: Any, task: Any, declaration: Declaration) -> Iterator[str]:
    """The parameters that Airflow fills from the context."""
    known = context_keys()
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return  # a builtin without a signature, which Airflow cannot call with a context either
    for parameter in parameters[len(task.op_args) :]:
        if parameter.kind is parameter.VAR_KEYWORD:
            if not declaration.context:
                raise Uncacheable(
                    "it takes **kwargs, and so all of the run: name what it reads (context=…)", feature="context"
                )
        elif parameter.name in known and parameter.name not in task.op_kwargs:
            whole = parameter.name not in BY_VALUE and parameter.name != "templates_dict"
            if whole and not declaration.context:
                raise Uncacheable(
                    f"it takes {parameter.name!r}: name what it reads of the run (context=…)", feature="context"
                )
            if parameter.name in BY_VALUE:
                yield parameter.name


def _check_templates(task: Any, declaration: Declaration) -> None:
    """Refuses templates that look up connections and variables, which may be secrets and change unseen.

    Raises:
        Uncacheable: one does, and the owner has not allowed it.
    """
    parsed = task.dag.task_dict.get(task.task_id, task)
    sources = [getattr(parsed, name, None) for name in parsed.template_fields]
    sources += [getattr(parsed, "partial_kwargs", None), getattr(parsed, "expand_input", None)]
    sources += [getattr(parsed, "op_kwargs_expand_input", None)]
    for text in _texts(sources):
        found = LOOKED_UP.search(text)
        if found and KINDS[found["kind"]] not in declaration.allow:
            raise Uncacheable(f"a template of it reads {KINDS[found['kind']]}", feature=KINDS[found["kind"]])


def _check_programs(task: Any) -> None:
    """Refuses shell commands and queries that name a clock, chance or the network, whoever declared them pure.

    Raises:
        Uncacheable: one does.
    """
    texts = _texts([getattr(task, name, None) for name in task.template_fields if name in PROGRAMS])
    found = impurity(texts)
    if found is not None:
        raise Uncacheable(found.reason, feature=found.rule)


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth > 20:
        return
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _texts(item, depth + 1)
    elif hasattr(value, "value") and module_of(type(value)).startswith("airflow."):
        yield from _texts(value.value, depth + 1)  # what a mapped operator is expanded over
