"""Generated workflows as files of an engine, with what its lint says of them. Nothing is run."""

from __future__ import annotations

from dataclasses import dataclass

from couler_plugins.documents import Finding, read
from couler_plugins.documents.collector import collector_paused
from couler_plugins.driver.conversion import target_of
from couler_plugins.driver.linting import lint_inputs
from couler_plugins.driver.rewrite import Session, adapter_errors
from couler_plugins.generation.composition import ENGINE
from couler_plugins.inputs.sources import Input
from couler_plugins.ir import Workflow
from couler_plugins.plan import Decision, Plan

__all__ = ["Manifest", "manifest"]

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
