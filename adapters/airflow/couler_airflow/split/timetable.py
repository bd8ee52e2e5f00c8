"""The timetable of a part: it is never scheduled, and its runs have the data interval of the run that they belong to.

Airflow derives the interval of a triggered run from its `run_after` and the DAG's timetable; a part is passed the
`run_after` of the whole run, and asks the timetable of the whole DAG. Source: `airflow.api.common.trigger_dag`.
"""

from __future__ import annotations

from typing import Any

from airflow.timetables.base import Timetable  # noqa: TID253  # who imports this module has imported Airflow

EXACT = frozenset({"ContinuousTimetable", "NullTimetable", "OnceTimetable"})
"""Those whose triggered runs have an interval without length, as without a schedule."""
TRIGGERS = frozenset({"CronTriggerTimetable", "DeltaTriggerTimetable"})
"""As above, unless they are given an interval."""


class PartTimetable(Timetable):
    """Never schedules anything; asks another timetable for the interval of a run.

    Args:
        whole: the timetable of the DAG that was split.
    """

    description = "As a part of another DAG, which triggers it"
    periodic = False
    can_be_scheduled = False

    def __init__(self, whole: Any) -> None:
        self._whole = whole

    def next_dagrun_info(self, **_: Any) -> None:
        """None: it is only triggered."""

    def infer_manual_data_interval(self, *, run_after: Any) -> Any:
        """The interval that the whole run has."""
        return self._whole.infer_manual_data_interval(run_after=run_after)

    def serialize(self) -> dict[str, Any]:
        """With the other timetable in it."""
        from airflow.serialization.encoders import encode_timetable

        return {"whole": encode_timetable(self._whole)}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> PartTimetable:
        """As it was serialized."""
        from airflow.serialization.decoders import decode_timetable

        return cls(decode_timetable(data["whole"]))


def timetable_of_part(whole: Any) -> Any:
    """The timetable of the parts of a DAG; Airflow's own one where that does."""
    name = type(whole).__name__
    if name in EXACT or (name in TRIGGERS and not whole.interval):
        from airflow.sdk.definitions.timetables.simple import NullTimetable as Unscheduled

        return Unscheduled()
    return PartTimetable(whole)
