"""What holds for a whole run: schedules, limits, and what all pods have. It is said in the words of Argo's manifests,
which adapters read of workflows of other engines; each refuses what it has no place for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from couler_plugins.authoring.checks import checked_mapping
from couler_plugins.authoring.values import listed
from couler_plugins.errors import InvalidInput

__all__ = ["Schedule", "Settings"]

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
    def of(cls, given: Mapping[str, Any]) -> Settings:
        """The settings that a user gave by name.

        Raises:
            InvalidInput: there is no such setting.
        """
        known = [item.name for item in fields(cls)]
        if unknown := sorted(given.keys() - set(known)):
            raise InvalidInput(f"a workflow has no setting {unknown[0]!r}", hint=f"there are {', '.join(known)}")
        return cls(**given)

    def of_run(self, volumes: list[Any], claims: list[Any]) -> tuple[str, dict[str, Any]]:
        """The kind of the workflow, and what is said of its runs."""
        spec = {
            "activeDeadlineSeconds": self.timeout,
            "ttlStrategy": None if self.time_to_clean is None else {"secondsAfterCompletion": self.time_to_clean},
            "serviceAccountName": self.service_account,
            "imagePullSecrets": [{"name": name} for name in self.image_pull_secrets],
            "tolerations": [checked_mapping(item, "tolerations", WORDS) for item in listed(self.tolerations)],
            "nodeSelector": checked_mapping(self.node_selector, "node_selector", WORDS),
            "dnsPolicy": self.dns_policy,
            "dnsConfig": checked_mapping(self.dns_config, "dns_config", WORDS),
            "securityContext": checked_mapping(self.security_context, "security_context", WORDS),
            "volumes": volumes,
            "volumeClaimTemplates": claims,
        }
        said = {key: value for key, value in spec.items() if value}
        metadata = {
            key: dict(value)
            for key in ("labels", "annotations")
            if (value := checked_mapping(getattr(self, key), key, WORDS))
        }
        kind = "Workflow"
        if self.schedule is not None:
            schedule = self.schedule if isinstance(self.schedule, Schedule) else Schedule(self.schedule)
            kind, said = "CronWorkflow", {**schedule.spec(), **({"workflowSpec": said} if said else {})}
        return kind, {**({"metadata": metadata} if metadata else {}), **({"spec": said} if said else {})}
