"""The documents that a run submits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from couler_plugins.driver.pipeline import refuse_broken
from couler_plugins.driver.rewrite import Session
from couler_plugins.driver.session import lift_inputs, optimize_inputs
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.hookspecs import Optimizer
from couler_plugins.inputs.sources import Input


def documents_to_run(
    files: Sequence[Input], session: Session, pipeline: str | Sequence[Optimizer] | None, *, local: bool
) -> tuple[str, list[Any]]:
    """The engine, and the data of all documents; optimized where there is a pipeline.

    A cluster looks itself whether workflows are whole. What runs here has to be before its first step runs.
    """
    for item in files:
        if item.error is not None:
            raise item.error
    read = [item.file for item in files if item.file is not None]
    engines = list(session.engines(read, _raise))
    if len(engines) != 1:
        message = (
            f"found workflows of several engines ({', '.join(engines)})" if engines else "there is no workflow to run"
        )
        raise InvalidInput(message, hint="choose one with --engine" if engines else "give a file that holds one")
    if local and pipeline is None:
        refuse_broken(lift_inputs(files, session, _raise), _raise)
    if pipeline is None:
        bundle = session.plugins.adapter(engines[0]).load(read)
        return engines[0], [document.data for document in bundle.documents]
    return engines[0], list(optimize_inputs(files, pipeline, session).documents)


def _raise(_: object, error: CoulerError) -> None:
    raise error
