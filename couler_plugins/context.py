"""What optimizers may ask for while they run: profiles of past runs, adapters, a way to report progress."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from couler_plugins.contract import one_line
from couler_plugins.hookspecs import Profile

if TYPE_CHECKING:
    from couler_plugins.hookspecs import Adapter
    from couler_plugins.ir import Workflow
    from couler_plugins.plugins import Plugins

__all__ = ["RunContext"]

UNKNOWN = Profile()
log = logging.getLogger(__name__)


class RunContext:
    """The `Context` that the pipeline hands to optimizers.

    Args:
        plugins: where profiles and adapters come from.
        report: is told what is going on, in one line.
    """

    def __init__(self, plugins: Plugins, report: Callable[[str], None] = log.info) -> None:
        self._plugins = plugins
        self._report = report
        # By identity (with the workflow kept alive): comparing workflows step by step would cost more than the hook.
        self._profiles: dict[int, tuple[Workflow, Mapping[str, Profile]]] = {}

    def profile(self, workflow: Workflow, step: str) -> Profile:
        """What is known of a step (`graph/step`) from past runs; all fields None where nothing is."""
        if id(workflow) not in self._profiles:
            self._profiles[id(workflow)] = workflow, self._merged(workflow)
        return self._profiles[id(workflow)][1].get(step, UNKNOWN)

    def adapter(self, engine: str) -> Adapter:
        """The adapter of an engine.

        Raises:
            InvalidInput: no plugin provides one.
            PluginFailure: two plugins provide one.
        """
        return self._plugins.adapter(engine)

    def progress(self, message: str) -> None:
        """Tells the user what is going on, where they asked for it."""
        self._report(message)

    def _merged(self, workflow: Workflow) -> Mapping[str, Profile]:
        """What all plugins know; where two know the same figure, the first by name is believed."""
        merged: dict[str, dict[str, Any]] = {}
        for reply in self._plugins.call("couler_profiles", workflow=workflow):
            problem = one_line(reply.error) if reply.error else _problem(reply.result)
            if problem:
                log.warning("the plugin %s gives no profiles of %s: %s", reply.plugin, workflow.label, problem)
                continue
            for step, profile in (reply.result or {}).items():
                known = merged.setdefault(step, {})
                for name, value in msgspec.structs.asdict(profile).items():
                    if value is not None:
                        known.setdefault(name, value)
        return {step: Profile(**known) for step, known in merged.items()}


def _problem(result: object) -> str:
    if result is None:
        return ""
    if not isinstance(result, Mapping) or not all(isinstance(profile, Profile) for profile in result.values()):
        return "couler_profiles() did not return a mapping of steps to Profile"
    return ""
