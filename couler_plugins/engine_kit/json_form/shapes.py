"""What natives look like in a workflow of no engine. Fields that are not named here may hold anything."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["CONTAINER", "OPERATION", "PLACES", "RESOURCE", "RUN"]

Texts = dict[str, str]
Mapped = dict[str, Any]


class Metadata(msgspec.Struct, rename="camel"):
    """What objects are labelled with."""

    labels: Texts = {}
    annotations: Texts = {}


class Named(msgspec.Struct, rename="camel"):
    """Something that is referred to by its name."""

    name: str


class Spec(msgspec.Struct, rename="camel"):
    """What holds for a run: the part of Argo's WorkflowSpec that is about no template."""

    active_deadline_seconds: int | None = None
    ttl_strategy: Mapped = {}
    service_account_name: str = ""
    image_pull_secrets: list[Named] = []
    tolerations: list[Mapped] = []
    node_selector: Texts = {}
    dns_policy: str = ""
    dns_config: Mapped = {}
    security_context: Mapped = {}
    volumes: list[Named] = []
    volume_claim_templates: list[Mapped] = []


class CronSpec(Spec, rename="camel"):
    """The same of a run that starts by itself: Argo's CronWorkflowSpec around it."""

    schedule: str = ""
    schedules: list[str] = []
    timezone: str = ""
    concurrency_policy: str = ""
    starting_deadline_seconds: int | None = None
    successful_jobs_history_limit: int | None = None
    failed_jobs_history_limit: int | None = None
    suspend: bool = False
    workflow_spec: Spec = msgspec.field(default_factory=Spec)


class Run(msgspec.Struct, rename="camel"):
    """What is said of runs."""

    metadata: Metadata = msgspec.field(default_factory=Metadata)
    spec: CronSpec = msgspec.field(default_factory=CronSpec)


class Mount(msgspec.Struct, rename="camel"):
    """Where a container sees a volume."""

    name: str
    mount_path: str
    read_only: bool = False


class InContainer(msgspec.Struct, rename="camel"):
    """What Kubernetes says of containers beyond the IR."""

    image_pull_policy: str = ""
    working_dir: str = ""
    volume_mounts: list[Mount] = []
    env_from: list[Mapped] = []


class OfPod(msgspec.Struct, rename="camel"):
    """What an operation says of its pod."""

    node_selector: Texts = {}


class Resource(msgspec.Struct, rename="camel"):
    """A resource for Kubernetes."""

    manifest: str
    action: str
    set_owner_reference: bool = False
    success_condition: str = ""
    failure_condition: str = ""


class OfResource(msgspec.Struct, rename="camel"):
    """What an operation says of its resource."""

    resource: Resource


RUN, CONTAINER, OPERATION, RESOURCE = Run, InContainer, OfPod, OfResource
PLACES = dict[str, Mapped]
"""Stores by their kind, each with the place in it."""
