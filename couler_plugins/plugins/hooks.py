"""Calls of hooks, one plugin after the other: what fails in one is reported, and stops nothing else."""

from __future__ import annotations

import inspect
import logging
import reprlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FunctionType, MethodType, ModuleType
from typing import Any

import pluggy

from couler_plugins.errors import PluginFailure, closest, one_line
from couler_plugins.hookspecs import HOOKSPECS, PROJECT
from couler_plugins.plugins.registry import Reply


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


log = logging.getLogger(__name__)


class _Manager(pluggy.PluginManager):
    """Asks pluggy about the functions of a module only: about all other names it asks `inspect`, 2 ms in each call."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        return None if _is_no_function(plugin, name) else super().parse_hookimpl_opts(plugin, name)

    def parse_hookspec_opts(self, module_or_class: Any, name: str) -> pluggy.HookspecOpts | None:
        return None if _is_no_function(module_or_class, name) else super().parse_hookspec_opts(module_or_class, name)


def _is_no_function(owner: object, name: str) -> bool:
    return isinstance(owner, ModuleType) and not isinstance(vars(owner).get(name), FunctionType | MethodType)


class Hooks:
    """The plugins that are registered, and their hooks.

    Args:
        trace: whether calls of hooks are logged.
    """

    def __init__(self, *, trace: bool = False) -> None:
        self._manager = _Manager(PROJECT)
        for module in HOOKSPECS:
            self._manager.add_hookspecs(module)
        if trace:
            trace_hooks(self._manager)

    def register(self, plugin: object, name: str) -> tuple[str, ...]:
        """Registers a plugin and returns the hooks that it implements; on failure it is not registered.

        Raises:
            PluginFailure: it cannot be a plugin, or implements what is no hook.
        """
        if inspect.isclass(plugin):
            raise PluginFailure("its entry point names a class: name a module, or an instance")
        try:
            self._manager.register(plugin, name)
            callers = self._manager.get_hookcallers(plugin) or []
            for caller in callers:
                self._check_hook(caller, plugin)
        except BaseException:
            if self._manager.is_registered(plugin):
                self._manager.unregister(plugin)
            raise
        return tuple(sorted(caller.name for caller in callers))

    def call(self, hook: str, **arguments: Any) -> Iterator[Reply]:
        """Calls a hook, one plugin after the other by name, so that the failure of one is not the others'."""
        for name in sorted({method.plugin_name for method in getattr(self._manager.hook, hook).get_hookimpls()}):
            yield self._call_one(name, hook, arguments)

    def gather(self, name: str, hook: str, check: Callable[[object], str | None], errors: list[str]) -> list[Any]:
        """The usable part of what a plugin returns from a hook that gives a list; the rest goes to the errors.

        Args:
            name: of the plugin.
            hook: that it implements.
            check: what is wrong with one thing of the list; None if nothing is.
            errors: gets what is wrong.
        """
        reply = self._call_one(name, hook, {})
        if reply.error is not None:
            errors.append(f"{hook}() raised {one_line(reply.error)}")
            return []
        if not isinstance(reply.result, (list, tuple)):
            errors.append(f"{hook}() returned {type(reply.result).__name__}, not a list")
            return []
        problems = [check(thing) for thing in reply.result]
        errors.extend(f"{hook}(): {problem}" for problem in problems if problem is not None)
        return [thing for thing, problem in zip(reply.result, problems, strict=True) if problem is None]

    def _call_one(self, name: str, hook: str, arguments: Mapping[str, Any]) -> Reply:
        others = [plugin for other, plugin in self._manager.list_name_plugin() if other != name]
        try:
            results = self._manager.subset_hook_caller(hook, others)(**arguments)
        except (Exception, SystemExit) as error:
            log.info("the traceback of %s in the plugin %s:", hook, name, exc_info=error)
            return Reply(name, None, error)
        return Reply(name, results[0] if results else None, None)

    def _check_hook(self, caller: pluggy.HookCaller, plugin: object) -> None:
        implementation = next(method for method in caller.get_hookimpls() if method.plugin is plugin)
        if not caller.has_spec() and not implementation.optionalhook:
            names = [name for name in vars(self._manager.hook) if getattr(self._manager.hook, name).has_spec()]
            raise PluginFailure(
                " ".join(filter(None, (f"there is no hook {caller.name}", closest(caller.name, names))))
            )
        if implementation.wrapper or implementation.hookwrapper:
            raise PluginFailure(f"{caller.name} is a hook wrapper: plugins cannot change what others give")
