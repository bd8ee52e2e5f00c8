"""When a CronWorkflow runs."""

from __future__ import annotations

import re
from typing import Any

from couler_argo.checks.report import Report
from couler_plugins.portable.schedules import is_zone, schedule_problem

__all__ = ["check_cron"]

Mapping = dict[str, Any]
POLICIES = ("Allow", "Forbid", "Replace")
IN_CRD = re.compile(
    r"@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every\s+([0-9]+(ns|us|µs|ms|s|m|h))+"
    r"|([A-Za-z0-9*,/?-]+\s+){4}[A-Za-z0-9*,/?-]+"
)
"""What the CRD takes for a schedule: no time zone in it, and no fractions."""


def check_cron(spec: Mapping, report: Report) -> None:
    """Schedules, time zone, and what happens to runs that overlap or are late."""
    schedules = spec.get("schedules", [])
    if not schedules:
        hint = "Argo 4 reads `schedules`, a list" if "schedule" in spec else "list them in `schedules`"
        report.error("cron-schedule", ("spec",), "the CronWorkflow has no schedule", hint)
    for number, schedule in enumerate(schedules):
        path = ("spec", "schedules", number)
        if problem := schedule_problem(schedule):
            message = f"the schedule {schedule!r} cannot be read: {problem}"
            report.error("cron-schedule", path, message, "write minute, hour, day, month and day of the week")
        elif not IN_CRD.fullmatch(schedule):
            message = f"Argo reads the schedule {schedule!r}, and its default CRDs do not take it"
            report.error("crd-rule", path, message, "give the time zone in `timezone`, and whole numbers")
    zone, policy = spec.get("timezone", ""), spec.get("concurrencyPolicy", "")
    if not is_zone(zone):
        message = f"there is no time zone {zone!r}"
        report.error("cron-timezone", ("spec", "timezone"), message, "use a name such as Europe/Berlin")
    if policy and policy not in POLICIES:
        message = f"there is no concurrency policy {policy!r}"
        hint = report.meant(policy, POLICIES, f"use one of {', '.join(POLICIES)}")
        report.error("cron-policy", ("spec", "concurrencyPolicy"), message, hint)
    if spec.get("startingDeadlineSeconds", 0) < 0:
        message = "startingDeadlineSeconds is negative"
        report.error("cron-deadline", ("spec", "startingDeadlineSeconds"), message, "give a number of seconds")
