"""Workflows as values: written in a block or by a function, then lowered, linted, written down or submitted.

Authored workflows for engines: what the adapters make of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from inspect import Parameter, signature
from pathlib import Path
from types import TracebackType
from typing import Any

from couler_plugins.api import lower
from couler_plugins.authoring.building import build
from couler_plugins.authoring.checks import checked_mapping, checked_name, checked_port, checked_text
from couler_plugins.authoring.places import said_where, shown
from couler_plugins.authoring.recording import Recorder, recording
from couler_plugins.authoring.settings import Settings
from couler_plugins.authoring.values import RunValue, as_value
from couler_plugins.driver.conversion import target_of
from couler_plugins.driver.rewrite import adapter_errors
from couler_plugins.driver.session import session
from couler_plugins.errors import InvalidInput, restating
from couler_plugins.hookspecs import Adapter
from couler_plugins.ir import Bundle, Literal, Port, Reference, Workflow, to_json
from couler_plugins.ir import Workflow as IrWorkflow
from couler_plugins.options.config import load_config
from couler_plugins.plan import Decision, Plan

log = logging.getLogger(__name__)


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
        for decision in lowered.decisions:
            if decision.loss:
                log.warning("%s", decision)
        return cls(adapter, lowered.added, text, lowered.decisions)


NAMED = 'give it a text: workflow("name")'
GIVEN = 'parameters={"day": "monday"}'


class AuthoredWorkflow:
    """One workflow. As a block it takes what is called inside; as a decorator it is written by the function.

    Args:
        name: its name.
        settings: what holds for the whole run.
        parameters: what a run can be given, with the defaults (None: it has to be given).
        recorder: what was called before.
    """

    def __init__(
        self, name: str, settings: Settings, parameters: Mapping[str, Any], recorder: Recorder | None = None
    ) -> None:
        self.name = name if name == "" else checked_name(name, "the name of the workflow", NAMED)
        self._settings = settings
        self._parameters = checked_mapping(parameters, "parameters", GIVEN)
        for key, value in self._parameters.items():
            _check_parameter(key, value)
        self._recorder = recorder or Recorder(self.name)
        self._block: AbstractContextManager[None] | None = None
        self._ir: IrWorkflow | None = None

    @said_where
    def __enter__(self) -> AuthoredWorkflow:
        if self._ir is not None:
            raise InvalidInput(f"the workflow {shown(self.name)} is written already", hint="write another one")
        if not self.name:
            raise InvalidInput("the workflow of a block has no name", hint='give it one: with workflow("name") as wf:')
        self._block = self._written()
        self._block.__enter__()
        return self

    @said_where
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._block is not None
        self._block.__exit__(kind, error, trace)

    @contextmanager
    def _written(self) -> Iterator[None]:
        """A block that fails leaves nothing behind: it can be written anew."""
        with recording(self._recorder), self._recorder.whole():
            yield
            self.finish()

    @said_where
    def __call__(self, function: Callable[..., Any]) -> AuthoredWorkflow:
        """Writes the workflow by a function; its parameters are the workflow's.

        Raises:
            InvalidInput: it is no function, or takes what has no name; or the workflow cannot run as it was written.
        """
        parameters = _parameters_of(function)
        own = self.name or function.__name__.strip("_").replace("_", "-")
        self.name = self._recorder.giver.name = checked_name(own, "the name of the workflow", NAMED)
        self._parameters |= parameters
        with self:
            self._recorder.run(function, **{name: self.parameter(name) for name in parameters})
        return self

    @said_where
    def parameter(self, name: str) -> RunValue:
        """The value of a parameter of the workflow.

        Raises:
            InvalidInput: it has no such parameter.
        """
        if name not in list(self._parameters):
            hint = f"it has {', '.join(self._parameters) or 'none'}: workflow(…, parameters={{{shown(name)}: …}})"
            raise InvalidInput(f"the workflow {shown(self.name)} has no parameter {shown(name)}", hint=hint)
        return RunValue(self._recorder.giver.give(Reference(to="parameter", kind="parameter", name=name)))

    @property
    def ir(self) -> IrWorkflow:
        """The workflow as the IR has it.

        Raises:
            InvalidInput: it is not finished.
        """
        if self._ir is None:
            raise InvalidInput(f"the workflow {self.name!r} is not finished", hint="ask for it after its block")
        return self._ir

    def to(self, engine: str) -> str:
        """The workflow as the text of an engine's file.

        Args:
            engine: `argo`, `airflow`, `kfp` or `tekton`, with options as in `argo{version=4.1}`.

        Raises:
            Unsupported: the engine cannot do what it is to do; the error names the step and a way out.
        """
        if not isinstance(engine, str):
            raise InvalidInput(f"the engine is {shown(engine)}, which is no text", hint='to("argo")')
        return Lowering.of(self.ir, engine).text

    def to_json(self) -> str:
        """The workflow as JSON, which `couler convert` and the other commands read."""
        return to_json(self.ir).decode()

    def write(self, path: str | Path, engine: str = "") -> Path:
        """Writes the workflow to a file: for an engine, or (without one) as JSON.

        Raises:
            InvalidInput: there is no place for the file.
            Unsupported: as `to`.
        """
        place = str(path) if isinstance(path, Path) else path
        result = Path(checked_text(place, "the path", 'write("flow.json")'))
        text = self.to(engine) if engine else self.to_json()
        with restating(
            OSError, f"{shown(str(result))} cannot be written", hint="name a file in a folder that is there"
        ):
            result.write_text(text, encoding="utf-8")
        return result

    def finish(self) -> None:
        """Makes the workflow of what was called.

        Raises:
            InvalidInput: it cannot run as it was written: by step, with file and line.
        """
        parameters = {**self._recorder.parameters, **self._parameters}
        ports = tuple(_port(name, value) for name, value in parameters.items())
        kind, rest = self._settings.of_run(self._recorder.volumes, self._recorder.claims)
        self._ir = build(self._recorder, self.name, ports, kind, rest)


@said_where
def workflow(
    name: str | Callable[..., Any] = "", *, parameters: Mapping[str, Any] | None = None, **settings: Any
) -> AuthoredWorkflow:
    """A workflow, to be written in a block or by the function below it.

    Args:
        name: its name; that of the function unless given. `@workflow` without brackets takes the function itself.
        parameters: what a run can be given, with the defaults (None: it has to be given); of a function, its own.
        settings: what holds for the whole run: the fields of `couler_plugins.authoring.settings.Settings`.

    Raises:
        InvalidInput: there is no such setting, or a block has no name.
    """
    if callable(name):
        return AuthoredWorkflow("", Settings.of(settings), parameters or {})(name)
    return AuthoredWorkflow(name, Settings.of(settings), {} if parameters is None else parameters)


def _parameters_of(function: Any) -> dict[str, Any]:
    """The parameters of a function that writes a workflow, with their defaults."""
    hint = "define it by def, each parameter with a name"
    if not callable(function) or not hasattr(function, "__name__"):
        raise InvalidInput(f"{shown(function)} is no function", hint=hint)
    try:
        declared = signature(function).parameters
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{shown(function)} does not name its parameters", hint=hint) from error
    defaults: dict[str, Any] = {}
    for name, parameter in declared.items():
        if parameter.kind not in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY):
            raise InvalidInput(f"{function.__name__} takes {parameter}, which is not a named parameter", hint=hint)
        defaults[name] = None if parameter.default is Parameter.empty else parameter.default
        _check_parameter(name, defaults[name])
    return defaults


def _check_parameter(name: str, value: Any) -> None:
    checked_port(name, "the name of a parameter")
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InvalidInput(f"the parameter {shown(name)} is {shown(value)}", hint="parameters are texts and numbers")
    if not isinstance(as_value(value, f"the parameter {shown(name)}"), Literal):
        message = f"the parameter {shown(name)} must be a constant, but has a value that is only known at run time"
        raise InvalidInput(message, hint="give its default")


def _port(name: str, value: Any) -> Port:
    return Port(name=name) if value is None else Port(name=name, value=Literal(value=str(value)))
