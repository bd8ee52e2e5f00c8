"""Every workflow of the corpora, converted from each engine to each other one, and the page on what became of them."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from adapters.subjects import SUBJECTS, Subject, lift_file
from couler_plugins import Text, convert, lift, lower
from couler_plugins.documents import MAX_BYTES
from couler_plugins.driver.differences import OnUnsupported
from couler_plugins.driver.linting import lint_inputs
from couler_plugins.driver.session import session
from couler_plugins.engine_kit.crd import NO_SCHEMAS, Schemas, load_schemas
from couler_plugins.errors import CoulerError, PluginFailure
from couler_plugins.inputs.sources import read_source
from couler_plugins.ir import Workflow
from couler_plugins.options.config import load_config
from couler_plugins.plan import Decision, Plan
from couler_plugins.plugins import Plugins, load_plugins
from support import AIRFLOW, CORPUS, SHARED

__all__ = [
    "DIRECTIONS",
    "ENGINES",
    "TRIPS",
    "Outcome",
    "outcomes",
    "outcomes_of",
    "page",
    "part_of_page",
    "plugins",
    "problem_of",
    "trip_of_page",
]

ENGINES = ("airflow", "argo", "kfp", "tekton")
DIRECTIONS = [(source, target) for source in ENGINES for target in ENGINES if source != target]
OPTIONS = {
    "airflow": "airflow{store=files,kubectl=kubectl}",
    "argo": "argo{image=busybox}",
    "kfp": "kfp{image=busybox,kubectl=kubectl}",
    "tekton": "tekton{image=busybox,store=files,kubectl=kubectl}",
}
"""As people would call it who want to have as much as there is: images for commands outside of containers and for
kubectl, and a claim for files."""
EXAMPLE = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: greet}
spec:
  entrypoint: main
  arguments:
    parameters: [{name: who, value: world}]
  templates:
    - name: main
      dag:
        tasks:
          - name: choose
            template: choose
          - name: greet
            depends: choose
            when: "{{tasks.choose.outputs.parameters.mood}} == kind"
            template: say
            arguments:
              parameters: [{name: text, value: "Hello, {{workflow.parameters.who}}"}]
    - name: choose
      container: {image: busybox, command: [sh, -c, echo kind > /tmp/mood]}
      outputs:
        parameters: [{name: mood, valueFrom: {path: /tmp/mood}}]
    - name: say
      inputs:
        parameters: [{name: text}]
      container: {image: busybox, command: [echo], args: ["{{inputs.parameters.text}}"]}
"""


class Outcome(NamedTuple):
    """What became of one file, or of one DAG.

    Attributes:
        name: of the file, or of the DAG.
        text: what was written; None where it was refused.
        error: why it was refused.
        differences: what is left out, or to be written by hand.
        own: whether it is of our own corpus, which the page leaves out.
    """

    name: str
    text: str | None
    error: CoulerError | None
    differences: tuple[Decision, ...] = ()
    own: bool = False

    @property
    def loss(self) -> str:
        """The worst of what is lost: nothing (`whole`), a `detail`, what concerns a `run`, a `step`, or all of it."""
        losses = {item.loss for item in self.differences}
        return (
            "refused" if self.error else next((loss for loss in ("step", "run", "detail") if loss in losses), "whole")
        )


@cache
def plugins() -> Plugins:
    return load_plugins(load_config(environ={}))


def outcomes(
    source: str, target: str, every: int = 1, *, own: bool = True, on_unsupported: OnUnsupported = "error"
) -> list[Outcome]:
    """What becomes of the corpus of one engine.

    Args:
        source: the engine.
        target: the other engine.
        every: only each so many-th file.
        own: whether files of our own corpus count.
        on_unsupported: what becomes of what is no detail.
    """
    (subject,) = (subject for subject in SUBJECTS if subject.engine == source)
    files = [path for path in subject.files()[::every] if own or not path.is_relative_to(CORPUS)]
    return [
        outcome._replace(own=path.is_relative_to(CORPUS))
        for path in files
        for outcome in outcomes_of(subject, path, target, on_unsupported)
    ]


def outcomes_of(subject: Subject, path: Path, target: str, on_unsupported: OnUnsupported = "error") -> list[Outcome]:
    """What becomes of a file, or of each of its DAGs; nothing of a file that holds no workflow."""
    logging.disable(logging.WARNING)  # what is beside workflows in their files is told for each
    try:
        if subject.engine == "airflow":
            plan = lift_file(subject, path)
            return [_of_dag(plan, workflow, target, on_unsupported) for workflow in plan.workflows]
        config = load_config(environ={})
        (file,) = convert(path, OPTIONS[target], plugins=plugins(), config=config, on_unsupported=on_unsupported).files
        holds_some = file.workflows or file.error is not None  # a file of ConfigMaps passes through
        return [Outcome(path.name, file.text, file.error, _lossy(file.decisions))] if holds_some else []
    finally:
        logging.disable(logging.NOTSET)


def _lossy(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    return tuple(decision for decision in decisions if decision.loss)


def _of_dag(plan: Plan, workflow: Workflow, target: str, on_unsupported: OnUnsupported) -> Outcome:
    own = replace(plan, workflows=(workflow,))
    try:
        lowered = lower(own, to=OPTIONS[target], plugins=plugins(), on_unsupported=on_unsupported)
    except CoulerError as error:
        error.file = error.file or f"{workflow.name}.py"
        return Outcome(workflow.name, None, error)
    text = plugins().adapter(target).dump(lowered).added
    return Outcome(workflow.name, text, None, _lossy(lowered.decisions))


def problem_of(outcome: Outcome, target: str) -> str:
    """What is wrong with an outcome; empty where all is well."""
    error = outcome.error
    if error is not None:
        complete = error.file and error.message and error.hint and not isinstance(error, PluginFailure)
        return "" if complete else f"{outcome.name} is refused without file, reason or hint: {error!r}"
    assert outcome.text is not None
    problem = JUDGES[target](outcome.text)
    return f"{outcome.name}: {problem}" if problem else ""


def _linted(text: str, schemas: Schemas = NO_SCHEMAS) -> str:
    inputs, work = read_source(Text(text, "made.yaml"), MAX_BYTES), session(load_config(environ={}), plugins())
    found = lint_inputs(inputs, work, schemas)
    return "; ".join(str(finding) for finding in found.findings if finding.severity == "error")


def _as_tekton(text: str) -> str:
    return _linted(text, _tekton_schemas())


@cache
def _tekton_schemas() -> Schemas:
    folder = SHARED / "schemas" / "tekton"
    return load_schemas(folder, MAX_BYTES) if folder.is_dir() else NO_SCHEMAS


def _as_kfp(text: str) -> str:
    """What KFP itself says: its protos, and its SDK, which loads what it has compiled."""
    import yaml
    from google.protobuf import json_format
    from kfp import components
    from kfp.pipeline_spec import pipeline_spec_pb2

    specs = list(yaml.safe_load_all(text))
    for spec in specs:
        kind = pipeline_spec_pb2.PlatformSpec if "platforms" in spec else pipeline_spec_pb2.PipelineSpec
        json_format.ParseDict(spec, kind())
    if sum("pipelineInfo" in spec for spec in specs) == 1:
        components.load_component_from_text(text)
    lift(Text(text, "made.yaml"), plugins=plugins())
    return ""


def _as_python(text: str) -> str:
    compile(text, "made.py", "exec")
    return ""


JUDGES: dict[str, Callable[[str], str]] = {
    "airflow": _as_python,
    "argo": _linted,
    "kfp": _as_kfp,
    "tekton": _as_tekton,
}


def page() -> str:
    """The page of the documentation; it takes as long as all conversions do."""
    parts = [
        part_of_page(*direction, outcomes(*direction, own=False, on_unsupported="todo")) for direction in DIRECTIONS
    ]
    rows = (row for row, _ in parts)
    sections = (line for _, section in parts for line in section)
    trips = (line for pair in TRIPS for line in trip_of_page(*pair))
    return "\n".join([*HEAD, *RATES, *rows, *TRIPS_HEAD, *trips, *REASONS, *sections, *_example()]) + "\n"


HEAD = """\
# Converting between engines

`couler convert` rewrites a workflow for another engine. What the other engine cannot do is one of three things:

- **A detail of how it is run**: when pods are deleted, labels, what people read. It is left out. `--strict` refuses
  the file instead.
- **What concerns whole runs**: locks, concurrency, retries on conditions. It refuses the file. With `--on-unsupported
  warn` it is left out, and a comment says so; `drop` does not say so.
- **What a step computes**: a plugin, a recursion, a list that nobody knows before. It refuses the file. With
  `--on-unsupported todo` a placeholder takes its place.

A placeholder is a step that fails when it runs, and says what it stands for. Its script shows the original as
comments. Every file has its differences as comments on top, and `--report FILE` writes them as a table and as a list
to work through. An error tells all differences of a file, with their lines.

This page shows how many files of the corpora convert. `python3 dev.py docs` makes it where the corpora and Airflow are
present. Of Airflow, it converts every example DAG that Airflow ships. A test checks each result with our lint, with
Tekton's schemas, with KFP's protos and SDK, and with Python's compiler. The [support matrix](support.md) lists the
fields of each engine.

[How a team migrates a repository](migration.md), from the report to what is written by hand.

Options of the target say what a cluster has:

| option | of | what it names |
| --- | --- | --- |
| `image=` | argo, kfp, tekton | the image for commands, functions and placeholders that have none |
| `store=` | airflow, tekton | the claim (PersistentVolumeClaim) that keeps artifacts; they are refused without it |
| `kubectl=` | airflow, kfp, tekton | an image with `sh` and `kubectl`, for Argo's resource templates |

- **Libraries** among the files, such as a WorkflowTemplate that others refer to, are taken in where they are called.
  So convert a repository as a whole.
- **Schedules**: Argo and Airflow carry them. Tekton and KFP leave them out, and the difference names the cron
  expression.
- **Sidecars** become init containers that go on, on Airflow. That needs Kubernetes 1.29.
- **Sensors** of Airflow for a time, a day, a file, a command or a Python function become steps that look again until it
  is so. Other sensors are to be written by hand.
- **Python functions** of DAGs become [steps](python-steps.md#functions-of-dags), with all that they reach in the files
  of their DAG.
- Output parameters are files that a container writes, or what it prints.
- Tekton and KFP lack some features; a few lines of shell in the container replace these. They run a script by its
  command, and put outputs where the engine looks for them. That needs `sh`, `mktemp`, `cat`, `tee`, `dirname` and
  `mkdir` in the image.

To try what was converted to Argo without a cluster: `couler run FILE --local --containers podman`
([how](local.md#steps-in-containers)).

What is not quite the same is said by decisions (`couler convert -v`, `--format json`, comments in DAG files): Tekton
takes 4 KB of results of a task, starts no task once one failed, and repeats without a delay; KFP decides itself what
still starts once a task failed.
""".splitlines()
LOSSES = {"whole": "whole", "detail": "details left out", "run": "but for whole runs", "step": "steps by hand"}


RATES = f"""
## Conversion rates

With `--on-unsupported todo`; carried are whole files, and those with details left out.

| from | to | files, or DAGs | carried | {" | ".join(LOSSES.values())} |
|{" --- |" * 8}""".splitlines()
REASONS = """
## What is not carried

By feature of the IR, most frequent first, with one example each.""".splitlines()


def part_of_page(source: str, target: str, items: Iterable[Outcome]) -> tuple[str, list[str]]:
    """The row of one direction, and its section; files of our own corpus do not count."""
    items = [item for item in items if not item.own]
    counts = Counter(item.loss for item in items)
    cells = [len(items), counts["whole"] + counts["detail"], *(counts[loss] for loss in LOSSES)]
    features: dict[str, set[str]] = {}
    examples: dict[str, str] = {}
    for item in items:
        for difference in (one for one in item.differences if one.loss in ("step", "run")):
            feature = difference.action.rpartition(" ")[2]
            features.setdefault(feature, set()).add(item.name)
            examples.setdefault(feature, difference.reason)
    lines = ["", f"### From {source} to {target}", "", "| feature | files | example |", "| --- | --- | --- |"]
    for feature, names in sorted(features.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        lines.append(f"| {feature} | {len(names)} | {_cell(examples[feature])} |")
    return f"| {source} | {target} | {' | '.join(map(str, cells))} |", lines


TRIPS = [("argo", "tekton"), ("airflow", "argo")]
TRIPS_HEAD = """
## Round trips

A file that is carried is converted back. It comes back if nothing but details is left out on both ways. That programs
compute the same after a round trip is tested by running them (`tests/test_conversions_runs.py`).""".splitlines()


def trip_of_page(source: str, over: str) -> list[str]:
    """The lines on what is converted to another engine and back."""
    (subject,) = (subject for subject in SUBJECTS if subject.engine == source)
    files = [path for path in subject.files() if not path.is_relative_to(CORPUS)]
    there = [item for path in files for item in outcomes_of(subject, path, over) if item.error is None]
    lost: dict[str, list[str]] = {}
    for item in there:
        if problem := _problem_of_trip(item, source):
            lost.setdefault(problem, []).append(item.name)
    came = len(there) - sum(map(len, lost.values()))
    lines = [
        "",
        f"### From {source} to {over} and back",
        "",
        f"{len(there)} are carried, and {came} of them came back.",
    ]
    lines += ["", "| why the others did not | files |", "| --- | --- |"] if lost else []
    lines += [f"| {_cell(problem)} | {', '.join(sorted(names))} |" for problem, names in sorted(lost.items())]
    return lines


def _problem_of_trip(item: Outcome, source: str) -> str:
    """Why what was converted does not come back; empty where it does."""
    logging.disable(logging.WARNING)
    try:
        assert item.text is not None
        suffix = ".py" if item.text.lstrip().startswith(('"""', "from ", "import ")) else ".yaml"
        config = load_config(environ={})
        (back,) = convert(
            Text(item.text, f"{item.name}{suffix}"), OPTIONS[source], plugins=plugins(), config=config
        ).files
    finally:
        logging.disable(logging.NOTSET)
    return "" if back.error is None else str(back.error.feature or type(back.error).__name__)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")[:160]


def _example() -> Iterator[str]:
    yield from ("", "## Example", "", "This workflow of Argo", "", "```yaml", *EXAMPLE.splitlines(), "```")
    for target, command in (("tekton", "--to tekton"), ("kfp", "--to kfp")):
        (file,) = convert(Text(EXAMPLE, "greet.yaml"), target, plugins=plugins()).files
        assert file.text is not None
        lines = file.text.splitlines()
        yield from ("", f"becomes, by `couler convert greet.yaml {command}`:", "", "```yaml", *lines, "```")


if __name__ == "__main__":
    if AIRFLOW and (SHARED / "corpus").is_dir():
        Path(sys.argv[1]).write_text(page(), encoding="utf-8")
    else:
        sys.stderr.write(f"{sys.argv[1]} stays as it is: it needs the corpora in {SHARED}, and Airflow\n")
