"""Authored workflows for engines: what the adapters make of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from couler_plugins.api import lower
from couler_plugins.driver.conversion import target_of
from couler_plugins.driver.rewrite import adapter_errors
from couler_plugins.driver.session import session
from couler_plugins.hookspecs import Adapter
from couler_plugins.ir import Workflow
from couler_plugins.ir.bundle import Bundle
from couler_plugins.options.config import load_config
from couler_plugins.plan import Decision, Plan


@dataclass(frozen=True)
class Lowering:
    """A workflow as an engine has it.

    Attributes:
        adapter: the engine's.
        documents: the data of its documents.
        text: of its file.
        decisions: what is not quite the same there.
    """

    adapter: Adapter
    documents: tuple[Any, ...]
    text: str
    decisions: tuple[Decision, ...] = ()

    @property
    def suffix(self) -> str:
        """What the file's name ends with."""
        return self.adapter.suffix

    @classmethod
    def of(cls, workflow: Workflow, engine: str) -> Lowering:
        """The workflow for an engine, with options as in `argo{version=4.1}`.

        Raises:
            InvalidInput: there is no such engine, or no such option of it.
            Unsupported: the engine cannot do what the workflow is to do.
        """
        work = session(load_config(), to=engine)
        adapter = target_of(work, workflow.engine)
        plan = Plan(bundle=Bundle.of(()), originals=(), workflows=(workflow,))
        lowered = lower(plan, to=engine, plugins=work.plugins)
        with adapter_errors(adapter.engine, "dump()"):
            text = adapter.dump(lowered).added
        return cls(adapter, lowered.added, text, lowered.decisions)
