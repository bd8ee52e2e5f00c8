"""Workflows of other engines as DAG files, and the shell code around their commands.

A file is Python source that needs Airflow and its provider for Kubernetes to run; neither is needed to write it.
Airflow's own DAGs are changed in place instead; see `couler_airflow.lower`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from couler_airflow.generating.artifacts import FILES
from couler_airflow.generating.dag import parameters_of, whole_of
from couler_airflow.generating.preparation import prepared
from couler_airflow.generating.printing import printed
from couler_airflow.generating.runtime import all_hold, collected, compared, counted, each, only_if, request
from couler_airflow.generating.source import body_of
from couler_airflow.generating.tasks import tasks_of
from couler_airflow.legal import LEGALITY, OF_ARTIFACTS, Diagnostics, refusal
from couler_airflow.plugin import Options
from couler_plugins.engine_kit.legalize.legality import merge, raise_all
from couler_plugins.engine_kit.legalize.passes import of_targets
from couler_plugins.engine_kit.legalize.python.functions import FUTURE
from couler_plugins.engine_kit.legalize.python.runtime import typed, typed_value
from couler_plugins.engine_kit.legalize.shell import SCRIPT
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Workflow, replace
from couler_plugins.plan import Decision, Lowered, Plan

# What runs around a command in the pod of a generated task, in POSIX shell; the image needs sh, awk, tee and mktemp.
#
# Each is a program of its own that runs the command behind its arguments, so they can be nested. Argo takes one newline
# from the end of what it reads (`workflow/executor`: "Trims off a single newline for user convenience"), appends the
# path of a script to its command, and fails where a file is missing and nothing stands in.

COLLECT = r"""
run() { until [ "$1" = -- ]; do shift 3; done; shift; "$@"; }
quoted() {
  LC_ALL=C awk '
    BEGIN { for (i = 1; i < 32; i++) code[sprintf("%c", i)] = sprintf("\\u%04x", i)
            code["\""] = "\\\""; code["\\"] = "\\\\"; printf "\"" }
    { if (NR > 1) printf "\\n"
      for (i = 1; i <= length($0); i++) { c = substr($0, i, 1); printf "%s", (c in code) ? code[c] : c } }
    END { printf "\"" }'
}
if [ "$1" = result ]; then
  { run "$@"; echo $? > /airflow/xcom/status; } | tee "$2"
  status=$(cat /airflow/xcom/status)
else
  run "$@"; status=$?
fi
[ "$status" = 0 ] || exit "$status"
separator='{'
until [ "$1" = -- ]; do
  if [ -e "$2" ]; then value=$(quoted < "$2")
  elif [ -n "$3" ]; then value=$(printf '%s\n' "${3#=}" | quoted)
  else echo "the output $1 is missing: there is no file $2" >&2; exit 1
  fi
  printf '%s"%s":%s' "$separator" "$1" "$value"
  separator=,
  shift 3
done > /airflow/xcom/outputs
printf '}' >> /airflow/xcom/outputs
mv /airflow/xcom/outputs /airflow/xcom/return.json
"""
"""`sh -c COLLECT sh [NAME FILE =DEFAULT|'']… -- COMMAND…`: runs the command; then the outputs are in return.json.

The output `result` comes first where there is one: it is what the command prints.
"""


SDK = ("DAG", "Param", "TaskGroup", "literal", "task")
IMPORTS: Mapping[str, tuple[str, ...]] = {
    "each": ("import re", "from collections.abc import Callable, Sequence", "from typing import Any"),
    "collected": ("from typing import Any",),
    "counted": ("from typing import Any",),
    "request": ("from typing import Any",),
    "ApprovalOperator": ("from airflow.providers.standard.operators.hitl import ApprovalOperator",),
    "only_if": ("import re", "from collections.abc import Callable, Sequence", "from typing import Any"),
    "typed": ("from collections.abc import Callable, Mapping", "from typing import Any"),
    "timedelta": ("from datetime import timedelta",),
    "KubernetesPodOperator": ("from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator",),
    "BashOperator": ("from airflow.providers.standard.operators.bash import BashOperator",),
    "EmptyOperator": ("from airflow.providers.standard.operators.empty import EmptyOperator",),
    "CronTriggerTimetable": ("from airflow.timetables.trigger import CronTriggerTimetable",),
    "MultipleCronTriggerTimetable": ("from airflow.timetables.trigger import MultipleCronTriggerTimetable",),
    "k8s": ("from kubernetes.client import models as k8s",),
}
"""What has to be imported for a name in a DAG, beside those of the SDK."""
STANDARD = ("import", "from collections", "from datetime", "from typing")
CONSTANTS = {
    "SCRIPT": (SCRIPT, "Runs a command on a file that holds a text."),
    "FILES": (FILES, "Runs a command, with artifacts in place before it, and kept after it."),
    "COLLECT": (COLLECT, "Runs a command, and leaves its outputs where Airflow reads them."),
}
FUNCTIONS: Mapping[str, Sequence[Callable[..., Any]]] = {
    "typed": (typed_value, typed),
    "only_if": (compared, all_hold, only_if),
    "each": (compared, all_hold, each),
    "request": (request,),
    "collected": (collected,),
    "counted": (counted,),
}
"""What is copied into a file that names it."""


@dataclass(frozen=True)
class DagSource:
    """A DAG, written down.

    Attributes:
        dag_id: its id.
        origin: what it was made from, for people.
        names: the names in it that have to be imported or defined, as they stand in the source.
        text: the source.
        notes: what is not quite the same about it.
    """

    dag_id: str
    origin: str
    names: frozenset[str]
    text: str
    notes: tuple[Decision, ...] = ()


def generated(plan: Plan, options: Options) -> Lowered:
    """A plan of workflows of other engines, each as a DAG.

    Raises:
        Unsupported: one of them has something that a DAG cannot do, or comes from Airflow.
    """
    for workflow in plan.workflows:
        if workflow.engine == "airflow":
            raise refusal("Workflow.engine", workflow.label, "is a DAG already", "lower it by itself")
    added = tuple(generate(workflow, options) for workflow in plan.workflows)
    return Lowered(
        bundle=plan.bundle,
        added=added,
        names=tuple(f"the DAG {dag.dag_id!r}" for dag in added),
        decisions=(*plan.decisions, *(note for dag in added for note in dag.notes)),
    )


def generate(workflow: Workflow, options: Options) -> DagSource:
    """One workflow as a DAG.

    Raises:
        Unsupported: it has something that a DAG cannot do.
    """
    if workflow.entry is None:
        hint = "convert a workflow that calls it"
        raise refusal("Workflow.entry", workflow.label, "is a library: nothing in it runs by itself", hint)
    diagnostics = Diagnostics(workflow.label)
    try:
        parameters = parameters_of(workflow)
        arguments, pod = whole_of(workflow, parameters, diagnostics, options.store)
        workflow = replace(workflow, graphs=tuple(map(of_targets, workflow.graphs)))
        workflow = prepared(workflow, options.kubectl, diagnostics) if options.kubectl else workflow
        diagnostics.refusals += (
            error for error in LEGALITY.refusals(workflow) if not (options.store and error.feature in OF_ARTIFACTS)
        )
        raise_all(diagnostics.refusals)
        tasks = tasks_of(workflow, parameters, diagnostics, str(arguments["dag_id"]), options.store)
        raise_all(diagnostics.refusals)
        names, text = body_of(arguments, pod, tasks, diagnostics, options.store)
        raise_all(diagnostics.refusals)
    except Unsupported as error:
        whole = merge([*diagnostics.refusals, error])
        whole.step = whole.step or workflow.label
        raise whole from None
    origin = f"the {workflow.engine} {workflow.kind} {workflow.label}"
    return DagSource(str(arguments["dag_id"]), origin, names, text, tuple(diagnostics.decisions))


def file_of(dags: Sequence[DagSource]) -> str:
    """The source of one file with these DAGs."""
    names = {name for dag in dags for name in dag.names}
    names |= {"task"} if names & {"each", "request", "typed"} else set()
    return "\n".join(_sections(dags, names))


def _sections(dags: Sequence[DagSource], names: set[str]) -> Iterator[str]:
    message = ["Written by couler convert --to airflow."]
    for dag in dags:
        message.append(f"The DAG {dag.dag_id!r} was {dag.origin!r}.")
        message += [repr(f"{note.subject} {note.action}: {note.reason}".strip())[1:-1] for note in dag.notes]
    yield "".join(f"# {line}\n" for line in message)
    if "typed" in names:
        yield FUTURE
    needed = {line for name in names for line in IMPORTS.get(name, ())}
    standard = {line for line in needed if line.startswith(STANDARD)}
    sdk = f"from airflow.sdk import {', '.join(name for name in SDK if name in names)}"
    for lines in (standard, {sdk, *needed} - standard):
        if lines:
            yield "".join(f"{line}\n" for line in _sorted(lines))
    for name, (text, what) in CONSTANTS.items():
        if name in names:
            yield f"# {what}\n{name} = {printed(text)}\n"
    needed_functions = {item: None for name, functions in FUNCTIONS.items() if name in names for item in functions}
    for item in needed_functions:
        mark = "@task\n" if item in (each, request) else ""
        yield f"\n{mark}{inspect.getsource(item)}"
    for dag in dags:
        yield f"\n{dag.text}"


def _sorted(imports: Iterable[str]) -> list[str]:
    """Lines of imports in their order, one for each module."""
    modules: dict[str, set[str]] = {}
    for line in imports:
        before, _, names = line.partition(" import ")
        modules.setdefault(before, set()).update(filter(None, names.split(", ")))
    lines = [f"{before} import {', '.join(sorted(names))}" if names else before for before, names in modules.items()]
    return sorted(lines, key=lambda line: (line.startswith("from"), line))
