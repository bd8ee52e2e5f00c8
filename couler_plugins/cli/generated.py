"""Generated workflows: as files of an engine with its lint, and how they are shown."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec

from couler_plugins.cli.messages import write_bytes
from couler_plugins.cli.records import decision_record, finding_record, print_json
from couler_plugins.documents import Finding, read
from couler_plugins.documents.collector import collector_paused
from couler_plugins.driver.conversion import target_of
from couler_plugins.driver.linting import lint_inputs
from couler_plugins.driver.rewrite import Session, adapter_errors
from couler_plugins.generation.asking import printable
from couler_plugins.generation.composition import ENGINE
from couler_plugins.generation.form import CODE, Form, FormStep, Taken
from couler_plugins.generation.generation import Generated
from couler_plugins.generation.scope import waits_for
from couler_plugins.generation.secrets import missing
from couler_plugins.generation.types import text_of
from couler_plugins.inputs.files import replace_file
from couler_plugins.inputs.sources import Input
from couler_plugins.ir import Workflow
from couler_plugins.plan import Decision, Plan
from couler_plugins.viz.diagrams import draw, to_mermaid

PYTHON = ".py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A workflow as an engine has it.

    Attributes:
        text: of the file.
        decisions: what is not quite the same there.
        findings: what the engine's lint says. Files of Python are only compiled: looking at them further runs them.
    """

    text: str
    decisions: tuple[Decision, ...] = ()
    findings: tuple[Finding, ...] = ()


def manifest(workflow: Workflow, work: Session) -> Manifest:
    """A portable workflow as a file of the engine that `--to` names.

    Raises:
        InvalidInput: there is no such engine, or no such option.
        Unsupported: the engine cannot do what the workflow is to do; step, feature and a way out are named.
        PluginFailure: the adapter failed, or writes what is no file of its engine.
    """
    adapter = target_of(work, ENGINE)
    plan = Plan(bundle=adapter.load(()), originals=(), workflows=(workflow,))
    with collector_paused(), adapter_errors(adapter.engine, "lower()"):
        lowered = adapter.lower(plan, work.options(adapter))
        for refusal in lowered.refused.values():
            raise refusal
        text = adapter.dump(lowered).added
    name = f"{workflow.name}{adapter.suffix}"
    if adapter.suffix == PYTHON:
        with adapter_errors(adapter.engine, "dump()"):
            compile(text, name, "exec", dont_inherit=True)
        return Manifest(text=text, decisions=lowered.decisions)
    item = Input(name=name, relative=name, file=read(text.encode(), name))
    linted = lint_inputs([item], work)
    for error in linted.errors:
        raise error
    return Manifest(text=text, decisions=lowered.decisions, findings=linted.findings)


def present(
    generated: Generated,
    workflow: Workflow,
    lowered: Manifest | None,
    output: Path | None,
    output_format: str,
    python: str | None = None,
) -> int:
    """Prints what was generated, and writes the engine's file.

    Args:
        generated: what was generated.
        workflow: the same as IR.
        lowered: the same as an engine has it.
        output: where the engine's file goes; stdout unless given.
        output_format: `text`, `mermaid`, `python` or `json`.
        python: the workflow as Python, where that is what is to be printed.

    Returns:
        1 where the engine would refuse it, else 0.
    """
    text = lowered.text if lowered is not None else ""
    if output is not None:
        replace_file(output, text)
    if output_format == "json":
        print_json("couler.generate/v0", _record(generated, workflow, lowered))
    elif output_format == "mermaid":
        write_bytes(to_mermaid(draw([workflow])))
    elif python is not None:
        write_bytes(python)
    elif lowered is None:
        write_bytes(printable(outline(generated.form)))
    elif output is None:
        write_bytes(text)
    _say(generated, workflow, lowered)
    return int(any(finding.severity == "error" for finding in (lowered.findings if lowered is not None else ())))


def outline(form: Form) -> str:
    """The workflow in a line for each step, with what it is given and runs in lines below."""
    lines = [form.name, *(f"  {given.name} = {_shown(given.value)}" for given in form.inputs)]
    for step in form.steps:
        said = [f"{step.name}: {step.use}"]
        said += [f"after {', '.join(before)}"] if (before := waits_for(step)) else []
        said += [f"if {step.when.left} {step.when.op} {step.when.right}"] if step.when is not None else []
        said += [f"for each of {_shown(step.over)}"] if step.over is not None else []
        said += [f"retried {step.retries} times"] if step.retries else []
        lines += [f"  {' '.join(said)}", *(f"    {line}" for line in _inside(step))]
    lines += [f"  gives {taken.name} from {_from(taken)}" for taken in form.outputs]
    return "\n".join([*lines, ""])


def _inside(step: FormStep) -> Iterator[str]:
    for step_input in step.inputs:
        yield (
            f"{step_input.name} = {_shown(step_input.value)}"
            if step_input.source is None
            else f"{step_input.name} from {_from(step_input)}"
        )
    if step.image:
        yield f"runs {_line(shlex.join(step.command))} in {_line(step.image)}"
    yield from (f"| {line}" for line in step.code.strip().splitlines())


def _shown(value: object) -> str:
    if value is None:
        return "(each run gives it)"
    return _line(", ".join(map(text_of, value)) if isinstance(value, tuple) else text_of(value))


def _from(taken: Taken) -> str:
    return _line(", ".join(taken.sources))


def _line(text: str) -> str:
    """A text that cannot pass for more than the line that it is in."""
    return text if text.isprintable() else json.dumps(text)


def _say(generated: Generated, workflow: Workflow, lowered: Manifest | None) -> None:
    """What to know of it, on stderr."""
    written_out = [step.name for step in generated.form.steps if step.use in CODE]
    if written_out:
        click.echo(f"warning: the model wrote what these steps run; read it first: {', '.join(written_out)}", err=True)
    if open_inputs := [port.name for port in workflow.parameters if port.value is None]:
        click.echo(f"note: each run must give {', '.join(open_inputs)}, unless you set it with --set", err=True)
    for step, variable in missing(generated.form, generated.steps):
        remedy = f"name its Secret with --secret {variable.name}=SECRET/KEY"
        click.echo(f"note: the step {step!r} needs {variable.name}: {remedy}", err=True)
    for note in generated.notes:
        click.echo(f"warning: {printable(note)}", err=True)
    for gap in generated.calibration.gaps:
        click.echo(f"note: {printable(gap)}", err=True)
    for line in (*lowered.decisions, *lowered.findings) if lowered is not None else ():
        click.echo(f"{line}", err=True)
    click.echo(
        f"{len(generated.form.steps)} steps, score {generated.calibration.score:.2f}, {generated.repairs} repairs",
        err=True,
    )


def _record(generated: Generated, workflow: Workflow, lowered: Manifest | None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "workflow": msgspec.to_builtins(generated.form),
        "subtasks": list(generated.subtasks),
        "score": generated.calibration.score,
        "parts": dict(generated.calibration.parts),
        "gaps": list(generated.calibration.gaps),
        "repairs": generated.repairs,
        "notes": list(generated.notes),
        "mermaid": to_mermaid(draw([workflow])),
    }
    if lowered is not None:
        record["manifest"] = lowered.text
        record["decisions"] = [decision_record(decision) for decision in lowered.decisions]
        record["findings"] = [finding_record(finding) for finding in lowered.findings]
    return record
