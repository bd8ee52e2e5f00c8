"""Finds what runs the workflows of an engine: the adapter's runner, or the local engine."""

from __future__ import annotations

from dataclasses import dataclass

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.running import Runner, Where
from couler_plugins.plugins import Plugins
from couler_plugins.running.local import LocalRunner
from couler_plugins.running.local.caching import Opening
from couler_plugins.running.local.containers import ContainerEngine, Containers


@dataclass(frozen=True, slots=True)
class Local:
    """What `--local` is told.

    Attributes:
        parallel: how many programs may run at a time.
        opening: opens the cache, if anything is cached.
        containers: what runs programs in containers; None where they are processes.
    """

    parallel: int | None = None
    opening: Opening | None = None
    containers: ContainerEngine | None = None


NOTHING = Local()


def runner_of(plugins: Plugins, engine: str, where: Where, local: Local = NOTHING) -> Runner:
    """The runner of an engine.

    Raises:
        InvalidInput: there is no such engine.
        Unsupported: its adapter submits nothing.
    """
    runner = offered_runner(plugins, engine, where, local)
    if runner is None and where.folder:
        hint = "run it on its engine, without --local"
        raise Unsupported(
            f"--local is not supported for workflows of {engine}", engine=engine, feature="run --local", hint=hint
        )
    if runner is None:
        hint = "write the documents with `couler optimize`, and submit them with the engine's own tools"
        raise Unsupported(f"couler cannot submit workflows of {engine}", engine=engine, feature="run", hint=hint)
    return runner


def offered_runner(plugins: Plugins, engine: str, where: Where, local: Local = NOTHING) -> Runner | None:
    """The same; None where its adapter submits nothing, and the local engine cannot run what it lifts, either."""
    adapter = plugins.adapter(engine)
    runner = adapter.runner(where)
    if runner is not None and where.folder and local != NOTHING:
        message = f"{engine} has its own runner for --local, which supports no --parallel, --cache or --containers"
        raise Unsupported(message, engine=engine, feature="run --local", hint="leave these out")
    if runner is None and where.folder and adapter.offers("local"):
        containers = Containers.ask(local.containers) if local.containers is not None else None
        runner = LocalRunner(adapter, where, parallel=local.parallel, opening=local.opening, containers=containers)
    return runner
