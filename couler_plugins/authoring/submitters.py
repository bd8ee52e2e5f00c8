"""Hands workflows to engines: written into a folder, printed, or submitted and followed to their end.

The implicit style: calls outside of any block, which `run` makes a workflow of.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from couler_plugins.authoring.checks import checked_mapping, checked_text
from couler_plugins.authoring.places import place, said_where, shown
from couler_plugins.authoring.recording import implicit, reset
from couler_plugins.authoring.settings import Settings
from couler_plugins.authoring.workflow import AuthoredWorkflow, Lowering
from couler_plugins.driver.rewrite import adapter_errors
from couler_plugins.errors import InvalidInput, Unsupported, restating
from couler_plugins.hookspecs.running import Request, Runner, Status, Where
from couler_plugins.running import Journal, drive, new_run


class SubmittedRun:
    """A run. It goes on where it runs, whatever becomes of this object.

    Args:
        engine: the engine's name.
        runner: what submits there.
        documents: of the workflow.
        request: what was asked for.
    """

    def __init__(self, engine: str, runner: Runner, documents: Sequence[Any], request: Request) -> None:
        self.engine = engine
        self._runner = runner
        self._request = request
        self._journal = Journal()
        with adapter_errors(engine, "jobs()"):
            self._jobs = runner.jobs(documents, request)

    @property
    def name(self) -> str:
        """The identity of the run."""
        return self._request.run

    @property
    def places(self) -> tuple[str, ...]:
        """Where the engine keeps what runs."""
        return tuple(job.place for job in self._jobs if job.runs)

    def drive(self, *, wait: bool, timeout: float | None = None) -> None:
        """Submits what was not yet, and follows it where that is wanted.

        Raises:
            EngineError: the engine failed.
        """
        with adapter_errors(self.engine, "its runner"):
            self._outcome = drive(self._runner, self._jobs, self._request, self._journal, wait=wait, timeout=timeout)

    def wait(self, timeout: float | None = None) -> bool:
        """Waits for the end, at most so many seconds; whether all of it has succeeded by then.

        Raises:
            EngineError: the engine failed, or has lost the run.
        """
        self.drive(wait=True, timeout=timeout)
        return self._outcome.succeeded

    def status(self) -> Mapping[str, Status]:
        """How far each workflow of the run is, by its place.

        Raises:
            EngineError: the engine failed, or has lost the run.
        """
        with adapter_errors(self.engine, "its runner"):
            return {place: self._runner.status(place) for place in self.places}

    def outputs(self) -> Mapping[str, str]:
        """What has been handed out by what has succeeded, by name."""
        return {item.name: item.value for entry in self._outcome.entries.values() for item in entry.outputs}

    def stop(self, *, terminate: bool = False) -> None:
        """Stops it; `terminate` leaves handlers that clean up out.

        Raises:
            EngineError: the engine failed, or has lost the run.
        """
        with adapter_errors(self.engine, "its runner"):
            for place in self.places:
                self._runner.stop(place, terminate=terminate)


GIVEN = 'parameters={"day": "monday"}'


@dataclass(frozen=True)
class Submitter:
    """One engine, and how workflows get there.

    Attributes:
        output: a folder to write files into, `-` to print them; unless given, they are submitted.
        options: of the engine's adapter, such as `version=4.1`.
        namespace: where they go; the context's own unless given.
        context: the context of the kubeconfig; its current one unless given.
    """

    engine: ClassVar[str]
    output: str | Path = ""
    options: str = ""
    namespace: str = ""
    context: str = ""

    @said_where
    def __post_init__(self) -> None:
        if not isinstance(self.output, Path):
            checked_text(self.output, "output", "give a folder, or - to print", empty=True)
        checked_text(self.options, "options", 'as in options="version=4.1"', empty=True)
        checked_text(self.namespace, "namespace", "give its name", empty=True)
        checked_text(self.context, "context", "give its name in the kubeconfig", empty=True)

    def text(self, workflow: AuthoredWorkflow) -> str:
        """The file for the engine.

        Raises:
            Unsupported: the engine cannot do what the workflow is to do; the error names the step and a way out.
        """
        return self._lowered(workflow).text

    def write(self, workflow: AuthoredWorkflow, folder: str | Path) -> Path:
        """Writes the file for the engine into a folder, under the workflow's name.

        Raises:
            Unsupported: as `text`.
        """
        lowered = self._lowered(workflow)
        path = Path(folder) / f"{workflow.name.replace('/', '-')}{lowered.suffix}"
        with restating(
            OSError, f"{shown(str(path))} cannot be written", hint="name a folder that files can be written into"
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(lowered.text, encoding="utf-8")
        return path

    def submit(
        self,
        workflow: AuthoredWorkflow,
        *,
        parameters: Mapping[str, str] | None = None,
        run: str = "",
        dry_run: bool = False,
        wait: bool = False,
        timeout: float | None = None,
    ) -> SubmittedRun:
        """Submits the workflow.

        Args:
            workflow: the workflow.
            parameters: values for its parameters.
            run: the identity of the run: who gives it again finds what is there. One is made up unless given.
            dry_run: whether the engine only checks it, and keeps nothing.
            wait: whether to wait for its end.
            timeout: seconds to wait at most.

        Raises:
            Unsupported: the engine cannot do what the workflow is to do, or its adapter submits nothing.
            InvalidInput: a parameter is unknown, or no such engine is known.
            EngineError: the engine failed.
        """
        checked = checked_mapping(parameters, "parameters", GIVEN)
        values = {name: str(_checked_value(name, value)) for name, value in checked.items()}
        lowered = self._lowered(workflow)
        where = Where(context=self.context, namespace=self.namespace)
        offered = getattr(lowered.adapter, "runner", None)  # a facet, which an adapter may lack
        runner = offered(where) if offered is not None else None
        if runner is None:
            hint = "write it with output='folder', and submit it with the engine's own tools"
            raise Unsupported(
                f"couler cannot submit workflows to {self.engine}", engine=self.engine, feature="run", hint=hint
            )
        request = Request(run=run or new_run(), parameters=values, dry_run=dry_run)
        result = SubmittedRun(self.engine, runner, lowered.documents, request)
        result.drive(wait=wait and not dry_run, timeout=timeout)
        return result

    def hand_over(self, workflow: AuthoredWorkflow) -> SubmittedRun | Path | None:
        """Writes, prints or submits, as `output` says; the run, or the file."""
        if self.output == "-":
            sys.stdout.write(self.text(workflow))
            return None
        return self.write(workflow, self.output) if self.output else self.submit(workflow)

    def _lowered(self, workflow: AuthoredWorkflow) -> Lowering:
        if not isinstance(workflow, AuthoredWorkflow):
            raise InvalidInput(f"{shown(workflow)} is no workflow", hint="give what `with workflow(…) as wf` gave: wf")
        return Lowering.of(workflow.ir, f"{self.engine}{{{self.options}}}" if self.options else self.engine)


def _checked_value(name: str, value: Any) -> str | float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InvalidInput(f"the parameter {shown(name)} is {shown(value)}", hint="parameters are texts and numbers")
    return value


@dataclass(frozen=True)
class ArgoSubmitter(Submitter):
    """Argo Workflows, by the Kubernetes API."""

    engine: ClassVar[str] = "argo"


@dataclass(frozen=True)
class KfpSubmitter(Submitter):
    """Kubeflow Pipelines, by its own client."""

    engine: ClassVar[str] = "kfp"


@dataclass(frozen=True)
class TektonSubmitter(Submitter):
    """Tekton Pipelines, by the Kubernetes API."""

    engine: ClassVar[str] = "tekton"


@dataclass(frozen=True)
class AirflowSubmitter(Submitter):
    """Airflow, which reads DAG files from a folder and starts them itself: `output` is that folder."""

    engine: ClassVar[str] = "airflow"

    @said_where
    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.output:
            hint = "AirflowSubmitter(output='dags')"
            raise InvalidInput("Airflow takes DAGs from a folder", engine="airflow", hint=hint)


@said_where
def written(name: str = "", **settings: Any) -> AuthoredWorkflow:
    """The workflow of what was called before, outside of any block; what is called next belongs to another one.

    Args:
        name: of the workflow; that of the file that calls this unless given.
        settings: as for `workflow`.

    Raises:
        InvalidInput: nothing was called, or it makes no workflow.
    """
    own = Path(place().file).stem.replace("_", "-") if name == "" else name
    authored = AuthoredWorkflow(own, Settings.of(settings), {}, implicit())
    try:
        authored.finish()
    finally:
        reset()
    return authored


@said_where
def run(submitter: Submitter, name: str = "", **settings: Any) -> SubmittedRun | Path | None:
    """Hands the workflow of what was called before, outside of any block, to an engine.

    Args:
        submitter: the engine, and how it gets there.
        name, settings: as for `written`.

    Returns:
        The run; the file where the submitter writes one; None where it prints.

    Raises:
        Unsupported: the engine cannot do what the workflow is to do.
        InvalidInput: nothing was called, or it makes no workflow.
        EngineError: the engine failed.
    """
    if not hasattr(submitter, "hand_over"):
        raise InvalidInput(f"{shown(submitter)} is no submitter", hint="couler.run(submitter=couler.ArgoSubmitter())")
    return submitter.hand_over(written(name, **settings))
