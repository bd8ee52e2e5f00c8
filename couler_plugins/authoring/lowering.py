"""Authored workflows for engines: what the adapters make of them."""

from __future__ import annotations

from couler_plugins.ir import Workflow

__all__ = ["lowered"]


def lowered(workflow: Workflow, engine: str) -> str:
    """The text of an engine's file.

    Raises:
        InvalidInput: there is no such engine, or no such option of it.
        Unsupported: the engine cannot do what the workflow is to do.
    """
    from couler_plugins.api import lower, session
    from couler_plugins.config import load_config
    from couler_plugins.ir.bundle import Bundle
    from couler_plugins.plan import Plan
    from couler_plugins.rewrite import adapter_errors

    config = load_config()
    work = session(config, to=engine)
    plan = Plan(bundle=Bundle.of(()), originals=(), workflows=(workflow,))
    done = lower(plan, to=engine, plugins=work.plugins)
    (name,) = work.to
    adapter = work.plugins.adapter(name)
    with adapter_errors(name, "dump()"):
        return adapter.dump(done).added
