"""Secrets and volumes: referred to by name. What is in a Secret never is part of a workflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from couler_plugins.authoring.context import recorder
from couler_plugins.authoring.places import said_where
from couler_plugins.errors import InvalidInput

__all__ = [
    "Secret",
    "Volume",
    "VolumeClaimTemplate",
    "VolumeMount",
    "add_volume",
    "create_workflow_volume",
    "obtain_secret",
]


@dataclass(frozen=True)
class Secret:
    """Keys of a Secret that is there already; a step has each as a variable of its environment.

    Attributes:
        name: the Secret's.
        keys: the keys, by the names of the variables.
    """

    name: str
    keys: tuple[tuple[str, str], ...]


@said_where
def obtain_secret(name: str, keys: list[str] | dict[str, str]) -> Secret:
    """A Secret of the namespace that the workflow runs in, for `secret=` of a step.

    Args:
        name: the Secret's; `kubectl create secret` makes one.
        keys: which of its keys; a mapping gives the names of the variables with the keys.

    Raises:
        InvalidInput: these are no names.
    """
    given: object = keys
    if not isinstance(given, (list, tuple, dict)) or not all(isinstance(key, str) for key in (name, *given)):
        raise InvalidInput(f"{keys!r} are no keys of a Secret", hint='obtain_secret("db", ["PASSWORD"])')
    pairs = keys.items() if isinstance(keys, dict) else [(key, key) for key in keys]
    return Secret(name, tuple(pairs))


@dataclass(frozen=True)
class VolumeMount:
    """Where a step sees a volume."""

    name: str
    mount_path: str
    read_only: bool = False


@dataclass(frozen=True)
class Volume:
    """A volume of the workflow: a claim that is there already, or, without one, an empty folder for each pod."""

    name: str
    claim_name: str = ""


@dataclass(frozen=True)
class VolumeClaimTemplate:
    """A claim that is made for the run, and removed after it."""

    claim_name: str
    access_modes: tuple[str, ...] = ("ReadWriteOnce",)
    size: str = "1Gi"


@said_where
def add_volume(volume: Volume) -> None:
    """Lets steps of this workflow mount a volume.

    Raises:
        InvalidInput: it is something else.
    """
    if not isinstance(volume, Volume):
        raise InvalidInput(f"{volume!r} is no Volume", hint='add_volume(Volume("data", "claim"))')
    claim: dict[str, Any] = {"persistentVolumeClaim": {"claimName": volume.claim_name}}
    recorder().volumes.append({"name": volume.name, **(claim if volume.claim_name else {"emptyDir": {}})})


@said_where
def create_workflow_volume(template: VolumeClaimTemplate) -> None:
    """Lets the engine make a claim for each run of this workflow; steps mount it by its name.

    Raises:
        InvalidInput: it is something else.
    """
    if not isinstance(template, VolumeClaimTemplate):
        hint = 'create_workflow_volume(VolumeClaimTemplate("work", size="5Gi"))'
        raise InvalidInput(f"{template!r} is no VolumeClaimTemplate", hint=hint)
    spec = {"accessModes": list(template.access_modes), "resources": {"requests": {"storage": template.size}}}
    recorder().claims.append({"metadata": {"name": template.claim_name}, "spec": spec})
