"""Workflows as values: written in a block or by a function, then lowered, linted, written down or submitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from inspect import Parameter, signature
from pathlib import Path
from types import TracebackType
from typing import Any

from couler_plugins.authoring.building import build
from couler_plugins.authoring.checks import checked_mapping
from couler_plugins.authoring.context import recording
from couler_plugins.authoring.recording import Recorder
from couler_plugins.authoring.settings import Settings
from couler_plugins.authoring.values import RunValue
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Literal, Port, Reference, to_json
from couler_plugins.ir import Workflow as IrWorkflow

__all__ = ["AuthoredWorkflow", "workflow"]


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
        self.name = name
        self._settings = settings
        self._parameters = checked_mapping(parameters, "parameters", 'parameters={"day": "monday"}')
        self._recorder = recorder or Recorder(name)
        self._block: AbstractContextManager[None] | None = None
        self._ir: IrWorkflow | None = None

    def __enter__(self) -> AuthoredWorkflow:
        if self._ir is not None:
            raise InvalidInput(f"the workflow {self.name!r} is written already", hint="write another one")
        self._block = recording(self._recorder)
        self._block.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._block is not None
        self._block.__exit__(kind, error, trace)
        if error is None:
            self.finish()

    def __call__(self, function: Callable[..., Any]) -> AuthoredWorkflow:
        """Writes the workflow by a function; its parameters are the workflow's."""
        self.name = self._recorder.giver.name = self.name or function.__name__.strip("_").replace("_", "-")
        for name, parameter in signature(function).parameters.items():
            self._parameters[name] = None if parameter.default is Parameter.empty else parameter.default
        with self:
            function(**{name: self.parameter(name) for name in signature(function).parameters})
        return self

    def parameter(self, name: str) -> RunValue:
        """The value of a parameter of the workflow.

        Raises:
            InvalidInput: it has no such parameter.
        """
        if name not in self._parameters:
            hint = f"it has {', '.join(self._parameters) or 'none'}: workflow(…, parameters={{{name!r}: …}})"
            raise InvalidInput(f"the workflow {self.name!r} has no parameter {name!r}", hint=hint)
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
        from couler_plugins.authoring.lowering import Lowering

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
        found = Path(path)
        text = self.to(engine) if engine else self.to_json()
        try:
            found.write_text(text, encoding="utf-8")
        except OSError as error:
            hint = "name a file in a folder that is there"
            raise InvalidInput(f"{found} cannot be written: {error.strerror}", hint=hint) from error
        return found

    def finish(self) -> None:
        """Makes the workflow of what was called.

        Raises:
            InvalidInput: it cannot run as it was written: by step, with file and line.
        """
        parameters = {**self._recorder.parameters, **self._parameters}
        ports = tuple(_port(name, value) for name, value in parameters.items())
        kind, rest = self._settings.of_run(self._recorder.volumes, self._recorder.claims)
        self._ir = build(self._recorder, self.name, ports, kind, rest)


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
        return AuthoredWorkflow("", Settings.of(settings), {})(name)
    return AuthoredWorkflow(name, Settings.of(settings), parameters or {})


def _port(name: str, value: Any) -> Port:
    if value is None:
        return Port(name=name)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InvalidInput(f"the parameter {name!r} is {value!r}", hint="parameters are texts and numbers")
    return Port(name=name, value=Literal(value=str(value)))
