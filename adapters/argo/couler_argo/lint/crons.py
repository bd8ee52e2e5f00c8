"""When a CronWorkflow runs."""

from __future__ import annotations

import re

from couler_argo.lint.report import FULL_CRDS, Report
from couler_argo.lower import LISTS_ONLY_SINCE, LISTS_SINCE
from couler_plugins.documents.mappings import Mapped
from couler_plugins.engine_kit.legalize.schedules import is_zone, schedule_problem

POLICIES = ("Allow", "Forbid", "Replace")
IN_CRD = re.compile(
    r"@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every\s+([0-9]+(ns|us|µs|ms|s|m|h))+"
    r"|([A-Za-z0-9*,/?-]+\s+){4}[A-Za-z0-9*,/?-]+"
)
"""What the CRD takes for a schedule: no time zone in it, and no fractions."""

ZONES_SINCE = (3, 7)
"""The first release that looks at time zones before it runs anything."""


def check_cron(spec: Mapped, report: Report) -> None:
    """Schedules, time zone, and what happens to runs that overlap or are late."""
    one, many = spec.get("schedule", ""), spec.get("schedules", [])
    if not one and not many:
        _say_missing(report)
    if one and many and LISTS_SINCE <= report.releases.first < LISTS_ONLY_SINCE:
        message = "the CronWorkflow has both schedule and schedules"
        report.error("cron-schedule", ("spec", "schedule"), message, "leave schedules only")
    schedules = [(("spec", "schedules", number), schedule) for number, schedule in enumerate(many)]
    for path, schedule in [*([(("spec", "schedule"), one)] if one else []), *schedules]:
        if problem := schedule_problem(schedule):
            message = f"the schedule {schedule!r} cannot be read: {problem}"
            report.error("cron-schedule", path, message, "write minute, hour, day, month and day of the week")
        elif not IN_CRD.fullmatch(schedule):
            message = f"Argo reads the schedule {schedule!r}, and its default CRDs do not take it"
            report.since(FULL_CRDS, "crd-rule", path, message, "give the time zone in `timezone`, and whole numbers")
    zone, policy = spec.get("timezone", ""), spec.get("concurrencyPolicy", "")
    if not is_zone(zone):
        message = f"there is no time zone {zone!r}"
        hint = "use a name such as Europe/Berlin"
        report.since(ZONES_SINCE, "cron-timezone", ("spec", "timezone"), message, hint, before="warning")
    if policy and policy not in POLICIES:
        message = f"there is no concurrency policy {policy!r}"
        hint = report.meant(policy, POLICIES, f"use one of {', '.join(POLICIES)}")
        report.error("cron-policy", ("spec", "concurrencyPolicy"), message, hint)
    if spec.get("startingDeadlineSeconds", 0) < 0:
        message = "startingDeadlineSeconds is negative"
        report.error("cron-deadline", ("spec", "startingDeadlineSeconds"), message, "give a number of seconds")


def _say_missing(report: Report) -> None:
    """There is no schedule, which 3.6 and 3.7 take for a CronWorkflow that never runs."""
    is_taken = report.releases.first >= LISTS_SINCE and report.releases.last < LISTS_ONLY_SINCE
    say = report.warning if is_taken else report.error
    say("cron-schedule", ("spec",), "the CronWorkflow has no schedule", "list them in `schedules`")
