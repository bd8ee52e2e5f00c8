"""Writes the parts of the documentation that follow from the code: `python3 dev.py docs`. A test holds them current."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
from causes_page import causes
from reference import MADE_BY, ir_reference, options, plugins_page
from schemas import annotations_schema, settings_schema

from couler_plugins.cli.group import couler
from couler_plugins.hookspecs import FACETS
from couler_plugins.ir import json_schema
from couler_plugins.ir.settings import SETTINGS
from couler_plugins.options.config import load_config
from couler_plugins.plugins import STEPS, load_plugins
from couler_plugins.steps.arguments import text_of
from couler_plugins.studio.schema import json_schema as messages_schema

if TYPE_CHECKING:
    from couler_plugins.hookspecs import Capability, CatalogueStep, StepInput
    from couler_plugins.ir import Homes

DOCS = Path(__file__).resolve().parent
SUPPORT = {"full": "yes", "derived": "read only", "kept": "kept", "refused": "refused"}
KEPT = {"step": "call", "operation": "operation", "both": "call or operation", "workflow": "object", "none": "no"}


def support() -> str:
    """Two tables: what each adapter does with each feature of the IR in its own workflows, and in those of others."""
    plugins = load_plugins(load_config(environ={}))
    adapters = {name: plugins.adapter(name) for name in sorted(plugins.adapters)}
    lines = [
        "# Support matrix",
        "",
        f"{MADE_BY}, from the adapters' tables. Tests compare these tables with the code.",
        "",
        "## Native workflows",
        "",
        "- **yes**: lifted, and written wherever an optimizer sets it.",
        "- **read only**: lifted; it follows from other fields.",
        "- **kept**: lifted; a change of it is refused.",
        "- **refused**: the file is refused with an error, and nothing is written.",
        "",
        "Fields that the IR does not have are kept as they are.",
        "",
        *_table({name: adapter.capabilities for name, adapter in adapters.items() if adapter.capabilities}),
        "",
        "## Settings of steps",
        "",
        "What `Plan.map_steps` can set at a call ([how](plugins/tutorial.md#settings-of-steps)), and where each engine",
        "keeps it. A setting that an engine lacks is left out, and `couler explain` says so.",
        "",
        "- **call**: with the step, or where it is called.",
        "- **operation**: in what is called (a template, component, Task), or in a copy of it for some of its calls.",
        "- **object**: in the object around both, such as a run.",
        "- **no**: the engine has no such thing.",
        "",
        *_settings({name: adapter.homes() for name, adapter in adapters.items() if adapter.capabilities}),
        "",
        "## Conversion from other engines",
        "",
        "What `couler convert` carries into each engine, from workflows of other engines. [What becomes of Airflow's",
        "tasks](airflow.md#to-other-engines).",
        "",
        "- **yes**: written, and means the same. What a note excludes is refused.",
        "- **refused**: the error names the step and the feature, and nothing is written.",
        "",
        *_table({name: adapter.generated for name, adapter in adapters.items() if adapter.generated}),
    ]
    return "\n".join(lines) + "\n"


def _table(tables: Mapping[str, Iterable[Capability]]) -> Iterator[str]:
    """A row for each feature, a column for each adapter."""
    found = {name: {row.feature: row for row in rows} for name, rows in tables.items()}
    yield f"| feature | {' | '.join(found)} |"
    yield f"| --- |{' --- |' * len(found)}"
    for feature in dict.fromkeys(feature for table in found.values() for feature in table):
        yield f"| {feature} | {' | '.join(_cell(table.get(feature)) for table in found.values())} |"


def _settings(tables: Mapping[str, Homes]) -> Iterator[str]:
    """A row for each setting, a column for each adapter."""
    yield f"| setting | {' | '.join(tables)} |"
    yield f"| --- |{' --- |' * len(tables)}"
    for name in SETTINGS:
        homes = [table[name] for table in tables.values()]
        cells = [(KEPT[home.at], f"`{home.native}`" if home.native else "", home.note) for home in homes]
        yield f"| `{name}` | {' | '.join('; '.join(filter(None, cell)) for cell in cells)} |"


def _cell(row: Capability | None) -> str:
    if row is None:
        return ""
    names = [f"`{name}`" for name in row.native.split(", ") if name]
    return "; ".join(part for part in (SUPPORT[row.support], ", ".join(names), row.note) if part)


def facets() -> str:
    """The facets of adapters."""
    lines = [
        "# Facets of adapters",
        "",
        f"{MADE_BY}, from `couler_plugins.hookspecs.Adapter`.",
        "",
        "A facet is one thing that an adapter can do. An adapter derives from `Adapter`. For each of its facets it",
        "overrides the method, or names a function in `facets`. A function is imported on first use, and gets the",
        "arguments of the facet, without the adapter. A method goes before a function. Each adapter has `claims`,",
        "`lift` and `lower`. The types are in `couler_plugins.hookspecs`, one module a subject.",
        "",
        "| facet | what it is for | without it |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| `{facet.signature}` | {facet.purpose} | {facet.without} |".replace(" | None", " \\| None")
        for facet in FACETS.values()
    ]
    return "\n".join(lines) + "\n"


def command_line() -> str:
    """The help texts of all commands."""
    return "\n".join(["# Command line reference\n", f"{MADE_BY}, from the help texts.\n", *_sections()])


def _sections() -> Iterator[str]:
    root = click.Context(couler, info_name="couler", terminal_width=100, help_option_names=["-h", "--help"])
    yield from _of_command(couler, root)


def _of_command(command: click.Command, context: click.Context) -> Iterator[str]:
    """The help text of a command, and those of the commands in it."""
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _of_command(inner, click.Context(inner, info_name=name, parent=context, terminal_width=100))


def schema() -> str:
    """The JSON schema of the IR's JSON form; fields stand in the order in which they are written."""
    return json.dumps(json_schema(), indent=2) + "\n"


def studio_schema() -> str:
    """The JSON schema of what the studio's page and its server say to each other."""
    return json.dumps(messages_schema(), indent=2) + "\n"


STEPS_PAGE = """\
# Ready-made steps

{made_by}, from the declarations of the built-in steps. Plugins add steps of their own
([couler_steps](plugins/hooks.md)); `couler plugins` lists all that are there.

Every step runs on every engine, unless it says otherwise: values travel as texts (a list as JSON), and a file travels
as the place where it is kept, because not every engine hands files from step to step. A step puts a file into `store`
under a name that is the hash of its content, and gives its place. `store` is one input of every step that makes files;
where it is not given it is the workflow's parameter `store`: a URL that fsspec knows (`s3://bucket/folder`,
`gs://bucket/folder`), or the path of a volume that all steps mount.

A step with a script runs an image of Python, and has **pip install its packages whenever its container starts**: that
takes a network, an index and some time, and what is installed may change within the bounds. Whoever wants neither
builds an image that has the packages, and gives it as `image`, and `packages=[]`. The text of the script is in the
workflow; arguments are on its command line, never in its text. Passwords belong into Secrets:
`secrets=["DATABASE_URL=warehouse/url"]` makes the key `url` of the Secret `warehouse` a variable of the environment.
`cpu` and `memory` are what a step asks for; `memory="4Gi"` is its limit, too. All of these have to be known when the
workflow is written, and are left out of the tables below.

```python
import couler_plugins.authoring as couler
from couler_plugins.authoring.zoo import Dataset, xgboost

with couler.workflow("churn", parameters={{"store": "s3://bucket/churn"}}) as workflow:
    table = couler.run_step("load-csv", url="https://example.org/customers.csv")
    parts = couler.run_step("split-train-test", data=table["data"], stratify="churned")
    model = xgboost.train(Dataset(parts["train"], label_col="churned"), train_params={{"max_depth": 5}})
    judged = couler.run_step("evaluate-model", model=model["model"], data=parts["test"], target="churned", metric="f1")
    couler.run_step("threshold-gate", value=judged["score"], threshold=0.8, fail=True)

print(workflow.to("argo"))
```

Training on several pods and searches by Katib are there under the names of the Couler SDK as well:
`tensorflow.train`, `pytorch.train`, `mpi.train` and `katib.run` of `couler_plugins.authoring.zoo` return what the step
gives. They make resources of Kubeflow's operators: the service account of the workflow has to be allowed to create and
get these.

In the tables, *constant* is what has to be known when the workflow is written; all else may come from other steps, from
parameters or from the items of a loop.
"""

CONTAINER = ("image", "packages", "secrets", "cpu", "memory")


def ready_made_steps() -> str:
    """What each built-in step takes and gives."""
    plugins = load_plugins(load_config(environ={}))
    names = next(record.provides["steps"] for record in plugins.records if record.name == "steps")
    lines = [STEPS_PAGE.format(made_by=MADE_BY), "| step | what it does |", "| --- | --- |"]
    lines += [f"| [{name}](#{name}) | {plugins.get(STEPS, name).description} |" for name in names]
    return "\n".join([*lines, *(line for name in names for line in _of_step(plugins.get(STEPS, name)))]) + "\n"


def _of_step(step: CatalogueStep) -> Iterator[str]:
    """A section on one step; what every container has is below its tables, in a sentence."""
    usual = {item.name: item.default for item in step.inputs if item.name in CONTAINER}
    usual = usual if usual.get("image") else {}  # jobs say what their pods are
    yield from ("", f"## {step.name}", "", step.description, "", f"Tags: {', '.join(step.tags)}.", "")
    yield from ("| input | type | default | what it is |", "| --- | --- | --- | --- |")
    for item in step.inputs:
        if item.name not in usual:
            yield f"| `{item.name}` | {_type(item)} | {_default(item)} | {item.description} |"
    yield from ("", "| output | type | what it is |", "| --- | --- | --- |")
    yield from (f"| `{item.name}` | {item.type} | {item.description} |" for item in step.outputs)
    packages = usual.get("packages") or ()
    assert isinstance(packages, tuple)
    installed = f", with {', '.join(f'`{package}`' for package in packages)}" if packages else ""
    yield from ("", f"Image `{usual['image']}`{installed}.") if "image" in usual else ()


def _type(item: StepInput) -> str:
    choices = f": {', '.join(f'`{choice}`' for choice in item.choices)}" if item.choices else ""
    return f"{item.type}{choices}{', constant' if item.constant else ''}"


def _default(item: StepInput) -> str:
    if item.parameter:
        return f"the parameter `{item.parameter}`"
    if item.default is None:
        return "needed"
    return f"`{text_of(item.default)}`" if item.default != "" else "empty"


def contributing() -> str:
    """CONTRIBUTING with its table of rooms: the packages of the core, two levels deep, as their docstrings say."""
    page = (DOCS.parent / "CONTRIBUTING.md").read_text("utf-8")
    core = DOCS.parent / "couler_plugins"
    rows = ["| folder | what is in it |", "| --- | --- |"]
    for init in sorted([*core.glob("*/__init__.py"), *core.glob("*/*/__init__.py")], key=lambda path: path.parent):
        text = (ast.get_docstring(ast.parse(init.read_text("utf-8"))) or "").split("\n\n")[0]
        rows.append(f"| `{init.parent.relative_to(DOCS.parent)}/` | {' '.join(text.split())} |")
    head, _, rest = page.partition(ROOMS)
    return "".join([head, ROOMS, "\n\n", "\n".join(rows), "\n\n", ROOMS_END, rest.partition(ROOMS_END)[2]])


ROOMS, ROOMS_END = "<!-- rooms: made by `python3 dev.py docs` -->", "<!-- end of rooms -->"

PAGES: dict[str, Callable[[], str]] = {
    "../CONTRIBUTING.md": contributing,
    "causes.md": causes,
    "cli.md": command_line,
    "plugins/facets.md": facets,
    "options.md": options,
    "plugins/list.md": plugins_page,
    "plugins/ir.md": ir_reference,
    "steps.md": ready_made_steps,
    "support.md": support,
    "schema/annotations.json": annotations_schema,
    "schema/couler.ir-v1.json": schema,
    "schema/couler.studio-v0.json": studio_schema,
    "schema/couler.toml.json": settings_schema,
}

APART = {"airflow-operators.md": "docs/operators.py", "conversions.md": "tests/conversions.py"}
"""Pages of what is installed and of whole corpora, and what writes each of them in a process of its own."""


def write_apart(page: str, program: str) -> None:
    """Have a program write a page, with a home for Airflow, which writes into it when it is imported."""
    with tempfile.TemporaryDirectory() as home:
        own = {"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-W", "ignore", str(DOCS.parent / program), str(DOCS / page)]
        subprocess.run(command, env={**os.environ, **own}, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
    for name, program in APART.items():
        write_apart(name, program)
