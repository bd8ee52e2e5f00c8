"""Secrets and volumes: referred to by name. What is in a Secret never is part of a workflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from couler_plugins.authoring.checks import (
    checked_flag,
    checked_key,
    checked_object,
    checked_one_of,
    checked_quantity,
    checked_text,
    checked_texts,
)
from couler_plugins.authoring.places import said_where, shown
from couler_plugins.authoring.recording import Recorder, recorder
from couler_plugins.errors import InvalidInput

MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")


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
    def __post_init__(self) -> None:
        checked_object(self.name, "the name of the Secret")
        pairs: object = self.keys
        if not isinstance(pairs, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
            hint = 'refer to one: obtain_secret("db", ["PASSWORD"])'
            raise InvalidInput(f"{shown(pairs)} are no keys of a Secret", hint=hint)
        for variable, key in self.keys:
            checked_text(variable, "the name of a variable", "give a text such as PASSWORD")
            checked_key(key, "the key of the Secret")


@said_where
def obtain_secret(name: str, keys: list[str] | dict[str, str]) -> Secret:
    """A Secret of the namespace that the workflow runs in, for `secret=` of a step.

    Args:
        name: the Secret's; `kubectl create secret` makes one.
        keys: which of its keys; a mapping gives the names of the variables with the keys.

    Raises:
        InvalidInput: these are no names.
    """
    wanted_keys: object = keys
    if not isinstance(wanted_keys, (list, tuple, dict)) or not wanted_keys:
        raise InvalidInput(f"{shown(keys)} are no keys of a Secret", hint='obtain_secret("db", ["PASSWORD"])')
    pairs = keys.items() if isinstance(keys, dict) else [(key, key) for key in keys]
    return Secret(name, tuple(pairs))


@dataclass(frozen=True)
class VolumeMount:
    """Where a step sees a volume."""

    name: str
    mount_path: str
    read_only: bool = False

    @said_where
    def __post_init__(self) -> None:
        checked_object(self.name, "the name of the volume")
        checked_text(self.mount_path, "mount_path", 'VolumeMount("data", "/data")')
        checked_flag(self.read_only, "read_only")


@dataclass(frozen=True)
class Volume:
    """A volume of the workflow: a claim that is there already, or, without one, an empty folder for each pod."""

    name: str
    claim_name: str = ""

    @said_where
    def __post_init__(self) -> None:
        checked_object(self.name, "the name of the volume")
        checked_object(self.claim_name, "claim_name", empty=True)


@dataclass(frozen=True)
class VolumeClaimTemplate:
    """A claim that is made for the run, and removed after it."""

    claim_name: str
    access_modes: tuple[str, ...] = ("ReadWriteOnce",)
    size: str = "1Gi"

    @said_where
    def __post_init__(self) -> None:
        checked_object(self.claim_name, "claim_name")
        for mode in checked_texts(self.access_modes, "access_modes", f"give some of {', '.join(MODES)}"):
            checked_one_of(mode, "an access mode", MODES)
        checked_quantity(self.size, "size")


@said_where
def add_volume(volume: Volume) -> None:
    """Lets steps of this workflow mount a volume.

    Raises:
        InvalidInput: it is something else.
    """
    if not isinstance(volume, Volume):
        raise InvalidInput(f"{shown(volume)} is no Volume", hint='add_volume(Volume("data", "claim"))')
    claim: dict[str, Any] = {"persistentVolumeClaim": {"claimName": volume.claim_name}}
    work = recorder()
    _add(work.volumes, volume.name, {"name": volume.name, **(claim if volume.claim_name else {"emptyDir": {}})}, work)


@said_where
def create_workflow_volume(template: VolumeClaimTemplate) -> None:
    """Lets the engine make a claim for each run of this workflow; steps mount it by its name.

    Raises:
        InvalidInput: it is something else.
    """
    if not isinstance(template, VolumeClaimTemplate):
        hint = 'create_workflow_volume(VolumeClaimTemplate("work", size="5Gi"))'
        raise InvalidInput(f"{shown(template)} is no VolumeClaimTemplate", hint=hint)
    size = checked_quantity(template.size, "size")
    spec = {"accessModes": list(template.access_modes), "resources": {"requests": {"storage": size}}}
    work = recorder()
    _add(work.claims, template.claim_name, {"metadata": {"name": template.claim_name}, "spec": spec}, work)


def _add(to: list[dict[str, Any]], name: str, entry: dict[str, Any], work: Recorder) -> None:
    """Adds a volume; the same one again is the one that is there."""
    if entry in to:
        return
    if name in work.volume_names():
        raise InvalidInput(f"there is another volume {shown(name)} already", hint="give one of them another name")
    to.append(entry)
