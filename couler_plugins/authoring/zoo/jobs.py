"""What the functions share that train on several pods."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from couler_plugins.authoring.catalogue import run_step
from couler_plugins.authoring.checks import checked_mapping, checked_texts
from couler_plugins.authoring.places import said_where, shown
from couler_plugins.authoring.values import Returned, listed
from couler_plugins.errors import InvalidInput, restating


@said_where
def run_training(
    step: str,
    image: str,
    command: str | list[str] | None,
    args: Any,
    resources: Mapping[str, Any] | None,
    secret: list[str] | None,
    step_name: str | None,
    timeout: int | None,
    retry: int | None,
    **inputs: Any,
) -> Returned:
    """A step of the catalogue that is a job.

    Args:
        step: its name.
        image: what its pods run.
        command: the program, as one text (which is cut as a shell would) or word by word.
        args: what it is given, values of the run among them.
        resources: of each pod: `cpu`, `memory`, `gpu`.
        secret: variables from Secrets, each as `VARIABLE=secret/key`.
        step_name, timeout, retry: as for every step.
        inputs: the step's own.
    """
    amounts = checked_mapping(resources, "resources", 'resources={"cpu": 1, "memory": "2Gi"}')
    needs = {
        name: amounts.pop(key)
        for name, key in (("cpu", "cpu"), ("memory", "memory"), ("gpus", "gpu"))
        if key in amounts
    }
    if amounts:
        hint = "there are cpu, memory and gpu; all pods of a job are alike"
        raise InvalidInput(f"resources hold {shown(min(amounts))}", step=step_name or step, hint=hint)
    if "cpu" in needs:
        needs["cpu"] = str(needs["cpu"])
    words = _words(command)
    more = {"secrets": secret} if secret else {}
    return run_step(
        step,
        step_name,
        retry,
        timeout,
        image=image,
        command=words,
        arguments=listed(args),
        **needs,
        **more,
        **inputs,
    )


def _words(command: object) -> list[str]:
    """The program, word by word."""
    hint = 'command="python train.py", or ["python", "train.py"]'
    if not isinstance(command, str):
        return [] if command is None else checked_texts(command, "command", hint)
    with restating(ValueError, f"the command {shown(command)} cannot be cut into words", hint=hint):
        return shlex.split(command)
