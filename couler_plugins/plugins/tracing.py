"""Prints every hook call on stderr, for those who write plugins (`COULER_TRACE_HOOKS=1`)."""

from __future__ import annotations

import reprlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pluggy

__all__ = ["trace_hooks"]


def trace_hooks(manager: pluggy.PluginManager) -> None:
    """Makes the manager print its calls: hook and arguments, then who implements it, then what they returned."""
    manager.add_hookcall_monitoring(_before, _after)


def _before(hook_name: str, methods: Sequence[pluggy.HookImpl], arguments: Mapping[str, Any]) -> None:
    shown = ", ".join(f"{name}={_shown(value)}" for name, value in arguments.items())
    _say(f"hook {hook_name}({shown})")
    for method in methods:
        _say(f"  implemented by {method.plugin_name}")


def _after(
    outcome: pluggy.Result[Any], hook_name: str, methods: Sequence[pluggy.HookImpl], arguments: Mapping[str, Any]
) -> None:
    del methods, arguments  # printed before the call
    error = outcome.exception
    _say(f"  {hook_name} raised {error!r}" if error else f"  {hook_name} returned {reprlib.repr(outcome.get_result())}")


def _shown(value: object) -> str:
    # The text of a plan would fill screens.
    return reprlib.repr(value) if isinstance(value, (str, int, float)) else f"<{type(value).__name__}>"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
