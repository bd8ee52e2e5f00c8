"""What holds for a whole run: schedules, limits, and what all pods have. It is said in the words of Argo's manifests,
which adapters read of workflows of other engines; each refuses what it has no place for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from couler_plugins.authoring.checks import (
    checked_flag,
    checked_json,
    checked_labels,
    checked_mapping,
    checked_object,
    checked_one_of,
    checked_text,
    checked_texts,
    checked_whole,
)
from couler_plugins.authoring.places import said_where, shown
from couler_plugins.authoring.values import listed
from couler_plugins.engine_kit.legalize.schedules import is_zone, schedule_problem
from couler_plugins.errors import InvalidInput

DNS = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
WORDS = "give a mapping in Kubernetes' words, as in its manifests: {'key': 'value'}"


@dataclass(frozen=True)
class Schedule:
    """When a workflow runs by itself.

    Attributes:
        cron: minute, hour, day, month, day of the week.
        timezone: such as `Europe/Berlin`.
        concurrency_policy: whether a run starts beside one that still goes: `Allow`, `Forbid`, `Replace`.
        starting_deadline_seconds: how late a run that was missed may start.
        successful_jobs_history_limit, failed_jobs_history_limit: how many runs are kept.
        suspend: whether it waits for somebody to switch it on.
    """

    cron: str
    timezone: str = "UTC"
    concurrency_policy: str = "Allow"
    starting_deadline_seconds: int | None = None
    successful_jobs_history_limit: int | None = None
    failed_jobs_history_limit: int | None = None
    suspend: bool = False

    @said_where
    def __post_init__(self) -> None:
        hint = 'minute, hour, day, month and day of the week: schedule="0 3 * * *"'
        if problem := schedule_problem(_plain(checked_text(self.cron, "the schedule", hint))):
            raise InvalidInput(f"the schedule {shown(self.cron)} cannot be read: {problem}", hint=hint)
        zone = checked_text(self.timezone, "timezone", 'timezone="Europe/Berlin"')
        if not is_zone(zone):
            raise InvalidInput(f"there is no time zone {shown(zone)}", hint='timezone="Europe/Berlin"')
        checked_one_of(self.concurrency_policy, "concurrency_policy", ("Allow", "Forbid", "Replace"))
        for name in ("starting_deadline_seconds", "successful_jobs_history_limit", "failed_jobs_history_limit"):
            if getattr(self, name) is not None:
                checked_whole(getattr(self, name), name, least=0)
        checked_flag(self.suspend, "suspend")

    def spec(self) -> dict[str, Any]:
        """The schedule in Argo's words."""
        optional = {
            "startingDeadlineSeconds": self.starting_deadline_seconds,
            "successfulJobsHistoryLimit": self.successful_jobs_history_limit,
            "failedJobsHistoryLimit": self.failed_jobs_history_limit,
            "suspend": self.suspend or None,
        }
        return {
            "schedule": self.cron,
            "timezone": self.timezone,
            "concurrencyPolicy": self.concurrency_policy,
            **{key: value for key, value in optional.items() if value is not None},
        }


def _plain(cron: str) -> str:
    """A schedule without what only Airflow reads: 7 for Sunday, `L` for the last day, `5#2` for the second Friday."""
    match cron.split():
        case [minute, hour, day, month, weekday]:
            day = re.sub(r"\bL\b", "1", day)
            weekday = re.sub(r"\bL(?=\d)|(?<=\w)#[1-5]\b", "", weekday)
            weekday = re.sub(r"(?<![/\d])7\b", "6", weekday)
            return f"{minute} {hour} {day} {month} {weekday}"
    return cron


@dataclass(frozen=True)
class Settings:
    """The settings of a run.

    Attributes:
        schedule: when it runs by itself: a cron expression, or a `Schedule`.
        timeout: seconds that a run may take.
        time_to_clean: seconds after which a finished run is removed.
        service_account: who its pods are.
        labels, annotations: of the workflow.
        image_pull_secrets: names of Secrets.
        tolerations, node_selector, dns_policy, dns_config, security_context: of all pods, in Kubernetes' words.
    """

    schedule: str | Schedule | None = None
    timeout: int | None = None
    time_to_clean: int | None = None
    service_account: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    image_pull_secrets: tuple[str, ...] = ()
    tolerations: tuple[Mapping[str, Any], ...] = ()
    node_selector: Mapping[str, str] = field(default_factory=dict)
    dns_policy: str = ""
    dns_config: Mapping[str, Any] = field(default_factory=dict)
    security_context: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Settings:
        """The settings that a user gave by name.

        Raises:
            InvalidInput: there is no such setting.
        """
        names = [item.name for item in fields(cls)]
        if unknown := sorted(settings.keys() - set(names)):
            raise InvalidInput(f"a workflow has no setting {unknown[0]!r}", hint=f"there are {', '.join(names)}")
        return cls(**settings)

    def __post_init__(self) -> None:
        """Checks what was given: a mistake in it would be one of every run."""
        if self.schedule is not None and not isinstance(self.schedule, Schedule):
            Schedule(self.schedule)
        if self.timeout is not None:
            checked_whole(self.timeout, "timeout")
        if self.time_to_clean is not None:
            checked_whole(self.time_to_clean, "time_to_clean", least=0)
        checked_object(self.service_account, "service_account", empty=True)
        for name in checked_texts(self.image_pull_secrets, "image_pull_secrets", 'image_pull_secrets=["registry"]'):
            checked_object(name, "an item of image_pull_secrets")
        if self.dns_policy != "":
            checked_one_of(self.dns_policy, "dns_policy", DNS)
        checked_labels(self.labels, "labels", WORDS)
        checked_labels(self.node_selector, "node_selector", WORDS)
        for item in listed(self.tolerations):
            checked_mapping(item, "tolerations", WORDS)
        for setting in ("annotations", "dns_config", "security_context", "tolerations"):
            value = getattr(self, setting)
            checked = value if setting == "tolerations" else checked_mapping(value, setting, WORDS)
            checked_json(checked, setting, WORDS)
        for key, text in checked_mapping(self.annotations, "annotations", WORDS).items():
            if not isinstance(text, str):
                raise InvalidInput(f"annotations {shown(key)} is {shown(text)}, which is no text", hint=WORDS)

    def of_run(self, volumes: list[Any], claims: list[Any]) -> tuple[str, dict[str, Any]]:
        """The kind of the workflow, and what is said of its runs."""
        spec = {
            "activeDeadlineSeconds": self.timeout,
            "ttlStrategy": None if self.time_to_clean is None else {"secondsAfterCompletion": self.time_to_clean},
            "serviceAccountName": self.service_account,
            "imagePullSecrets": [{"name": name} for name in self.image_pull_secrets],
            "tolerations": [dict(item) for item in listed(self.tolerations)],
            "nodeSelector": dict(self.node_selector or {}),
            "dnsPolicy": self.dns_policy,
            "dnsConfig": dict(self.dns_config or {}),
            "securityContext": dict(self.security_context or {}),
            "volumes": volumes,
            "volumeClaimTemplates": claims,
        }
        said = {key: value for key, value in spec.items() if value}
        metadata = {key: dict(value) for key in ("labels", "annotations") if (value := getattr(self, key))}
        kind = "Workflow"
        if self.schedule is not None:
            schedule = self.schedule if isinstance(self.schedule, Schedule) else Schedule(self.schedule)
            kind, said = "CronWorkflow", {**schedule.spec(), **({"workflowSpec": said} if said else {})}
        return kind, {**({"metadata": metadata} if metadata else {}), **({"spec": said} if said else {})}
