"""The implicit style: calls outside of any block, which `run` makes a workflow of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from couler_plugins.authoring.places import place, said_where, shown
from couler_plugins.authoring.recording import implicit, reset
from couler_plugins.authoring.settings import Settings
from couler_plugins.authoring.submitters import SubmittedRun, Submitter
from couler_plugins.authoring.workflow import AuthoredWorkflow
from couler_plugins.errors import InvalidInput


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
