"""Look at a task beside its code: what it reads of the run, its templates, the programs in its fields, its result."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from couler_airflow.airflow_compat import context_keys
from couler_airflow.cache.around import remedy
from couler_airflow.cache.eligible import BRANCHES, POD, PURE, path_of
from couler_airflow.cache.pod_checks import check_pod
from couler_airflow.marks import Declaration
from couler_airflow.operators import ALL, Reads, own_names, reads_of, reads_of_hook
from couler_plugins.caching.code.modules import is_library, module_of
from couler_plugins.caching.code.names import returns_nothing
from couler_plugins.caching.code.uncacheable import object_to, place_of
from couler_plugins.caching.impurity_patterns import impurities
from couler_plugins.hookspecs.caching import Objection, SourcePlace

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

SHELL = frozenset({"BashOperator"})
UNSEEN = {"AnalyticsOperator": "datafusion"}
"""Operators that read by compiled code, which nobody observes, and of what."""
READS_RUN = re.compile(r"AIRFLOW_CTX_|\b(?:env|printenv|set|export|declare)\b")
NOT_READ = frozenset({"dag", "_dag", "log", "_log", "execute", "template_fields", "_is_inline_cmd"})
OF_THE_DAG = frozenset(
    {
        *("dag", "_dag", "get_dag", "upstream_list", "downstream_list", "task_group", "roots", "leaves"),
        *("get_direct_relative_ids", "get_direct_relatives", "get_flat_relative_ids", "get_flat_relatives"),
        *("get_upstreams_follow_setups", "get_upstreams_only_setups", "get_upstreams_only_setups_and_teardowns"),
        *("iter_mapped_dependants", "iter_mapped_task_groups", "get_closest_mapped_task_group", "get_needs_expansion"),
        *("_iter_all_mapped_downstreams", "_topological_upstream_ids", "serialize_for_task_group"),
    }
)

CONNECTION = re.compile(r"(?:^|_)conn_id$")
"""Attributes in which stands which connection an operator takes, whose content is no attribute and in no key."""

NOTHING = "returned nothing: not stored"
KEPT_BACK = "its result is not handed on: not stored"


def check_task(task: Any, declaration: Declaration) -> Iterator[Objection]:
    """Return what forbids a key for a task, beside what its code and its values do.

    Args:
        task: the operator, not mapped.
        declaration: what its owner says of it.
    """
    yield from _context(task, declaration)
    yield from _operator(task, declaration)
    yield from check_pod(task, declaration)
    yield from _connections(task, declaration)
    yield from _templates(task, declaration)
    programs = _texts([getattr(task, name, None) for name in task.template_fields if name in PROGRAMS])
    waived = {*declaration.allow, *(("clock", "randomness") if declaration.itself else ())}
    waived |= {"randomness"} if "random" in waived else set()
    impure = (item for item in impurities(tuple(programs)) if item.rule not in waived)
    yield from (replace(item, remedy=remedy(item.rule)) for item in impure)
    yield from _result(task, declaration)


def context_names(task: Any, declaration: Declaration) -> list[str]:
    """Return the values of the run that a body gets or asks for and that go into the key, by name."""
    names = {parameter.name for parameter in _parameters(task) if parameter.kind is not parameter.VAR_KEYWORD}
    return sorted(BY_VALUE & {*declaration.context, *names, *_own_reads(task).context})


def attribute_names(task: Any) -> list[str]:
    """Return the attributes that an operator's own code reads: what it was given, and what Airflow makes of that."""
    return attributes_of_class(operator_of_run(task), _own_reads(task), vars(task))


def attributes_of_class(cls: type, reads: Reads, names: Collection[str]) -> list[str]:
    """Return which attributes of those that an operator's code reads are values.

    Args:
        cls: the operator's class.
        reads: what its code reads.
        names: the attributes of an instance; the others are what Airflow makes of these.
    """
    properties = {name for name in dir(cls) if isinstance(getattr(cls, name, None), property)} - own_names(cls)
    return sorted(reads.own.intersection({*names, *properties}) - NOT_READ)


def operator_of_run(task: Any) -> type:
    """Return the operator's own class, also where a mapped one runs in ours."""
    cls = type(task)
    return getattr(cls, "__couler_original__", cls)


def _context(task: Any, declaration: Declaration) -> Iterator[Objection]:
    """Object to what a body takes of the run and no key can cover."""
    for name in sorted({*declaration.context} - BY_VALUE):
        yield Objection("unknown-context", f"it takes {name!r}, which differs from run to run and is in no key")
    if declaration.context:
        return
    place = body_place(task)
    for parameter in _parameters(task):
        whole = parameter.kind is parameter.VAR_KEYWORD
        what = "**kwargs, and so all of the run" if whole else repr(parameter.name)
        if whole or parameter.name not in BY_VALUE:
            reason = f"it takes {what}: name what it reads of the run (context=…)"
            yield object_to("context", reason, place, remedy("context"))


def reads_of_class(cls: type, command: str = "") -> Reads:
    """Return what an operator's code reads; Airflow's own ones for Python and for pods hand on what is asked for.

    Args:
        cls: its class.
        command: what it runs in a shell.
    """
    # What BashOperator knows of the run is in variables of the environment, which nobody names in most commands.
    quiet = SHELL if not READS_RUN.search(command) else frozenset[str]()
    return Reads() if path_of(cls) in PURE | BRANCHES | {POD} else reads_of(cls, quiet)


def check_class(cls: type, reads: Reads, allow: Collection[str] = ()) -> Iterator[Objection]:
    """Return what an operator's code takes of the run, of the DAG and of what is around it that no key can cover.

    Args:
        cls: its class.
        reads: what its code reads.
        allow: what its owner says is no matter.
    """
    name = cls.__name__
    for key in sorted(reads.context - BY_VALUE):
        what = "all of the run's context" if key == ALL else f"{key!r} of the run"
        yield object_to("context", f"the code of {name} takes {what}", None, remedy("context"))
    if reads.own & OF_THE_DAG:
        yield Objection("run-context", f"the code of {name} reads its DAG")
    if ALL in reads.own and not is_library(cls.__module__):
        yield Objection("run-context", f"the code of {name} hands its operator on")
    if _runs_shell(cls) and "programs" not in allow:
        yield object_to("programs", f"{name} runs a program", None, remedy("programs"))
    for library in (
        () if "files" in allow else (UNSEEN[base.__name__] for base in cls.__mro__ if base.__name__ in UNSEEN)
    ):
        yield object_to("files", f"{name} reads by {library}, which may open files unseen", None, remedy("files"))


def _runs_shell(cls: type) -> bool:
    return not SHELL.isdisjoint(base.__name__ for base in cls.__mro__)


def knows_no_run(task: Any) -> bool:
    """Return whether a task runs a command in a shell that names none of the variables that tell of the run."""
    return _runs_shell(operator_of_run(task)) and not READS_RUN.search(str(task.bash_command))


def _own_reads(task: Any) -> Reads:
    """Return what an operator's code and its hooks read."""
    reads = reads_of_class(operator_of_run(task), str(getattr(task, "bash_command", "")))
    for name in ("_pre_execute_hook", "_post_execute_hook"):
        if (hook := getattr(task, name, None)) is not None:
            reads |= reads_of_hook(hook)
    return reads


def _operator(task: Any, declaration: Declaration) -> Iterator[Objection]:
    """Object to what an operator's own code takes of the run and of the DAG."""
    reads = _own_reads(task)
    said = Reads(own=reads.own) if declaration.context else reads
    yield from check_class(operator_of_run(task), said, declaration.allow)


def _connections(task: Any, declaration: Declaration) -> Iterator[Objection]:
    """Object to the connections that an operator names: what they say is kept elsewhere, and changes unseen."""
    for name in sorted({*vars(task), *_own_reads(task).own}) if "connections" not in declaration.allow else ():
        if CONNECTION.search(name) and getattr(task, name, None):
            yield object_to("connections", f"its {name} names a connection", None, remedy("connections"))


def _parameters(task: Any) -> Iterator[inspect.Parameter]:
    """Return the parameters of a body that Airflow fills from the context."""
    function = getattr(task, "python_callable", None)
    if function is None:
        return
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return  # a builtin without a signature, which Airflow cannot call with a context either
    names = context_keys() - {"templates_dict"}
    for parameter in parameters[len(task.op_args) :]:
        if parameter.kind is parameter.VAR_KEYWORD or parameter.name in names.difference(task.op_kwargs):
            yield parameter


def _templates(task: Any, declaration: Declaration) -> Iterator[Objection]:
    """Object to templates that look up connections and variables, which may be secrets and change unseen."""
    parsed = task.dag.task_dict.get(task.task_id, task)
    sources = [getattr(parsed, name, None) for name in parsed.template_fields]
    sources += [getattr(parsed, name, None) for name in ("partial_kwargs", "expand_input", "op_kwargs_expand_input")]
    looked_up = {KINDS[match["kind"]] for text in _texts(sources) for match in LOOKED_UP.finditer(text)}
    for kind in sorted(looked_up - {*declaration.allow}):
        yield object_to(kind, f"a template of it reads {kind}", None, remedy(kind))


def _result(task: Any, declaration: Declaration) -> Iterator[Objection]:
    """Object to what hands nothing on: what it has done is somewhere else. A body with a context may push by itself."""
    if path_of(operator_of_run(task)) not in PURE or declaration.context or declaration.outputs:
        return
    if not task.do_xcom_push:
        yield Objection("no-result", KEPT_BACK, place=body_place(task))
    elif returns_nothing(task.python_callable):
        yield Objection("no-result", NOTHING, place=body_place(task))


def body_place(task: Any) -> SourcePlace | None:
    """Return where the body of a Python task begins; None where it has none."""
    code = getattr(inspect.unwrap(getattr(task, "python_callable", None) or print), "__code__", None)
    return place_of(code) if isinstance(code, types.CodeType) else None


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
