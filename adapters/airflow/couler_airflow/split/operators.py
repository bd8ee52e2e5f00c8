"""The tasks of a DAG that was split: what starts a part and waits for it, what stands for tasks of other parts.

Workers import this module by the DAG file that was split, so Airflow is there. Sources: the Task SDK's `task_runner`
(`DagRunTriggerException`, `get_task_states`), `TriggerDagRunOperator` of the standard provider, and
`DagRun._tis_for_dagrun_state`, which says of what tasks the state of a run is made.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator  # noqa: TID253  # who imports this has Airflow
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator  # noqa: TID253  # as above
from airflow.sdk import BaseOperator  # noqa: TID253  # as above
from airflow.sdk.exceptions import (  # noqa: TID253  # as above
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
)

log = logging.getLogger(__name__)
RUN_PREFIX = "couler__"
"""Before the id of the run that the parts belong to: all parts of a run have one run id."""
POLL = 5
"""Seconds between two looks at whether a part has ended."""
RUNNING = ("queued", "running")
TESTING = "dag_test"
"""Who `dag.test()` and `airflow dags test` say has started a run."""
WHOLE = "to test the DAG in one piece, set AIRFLOW__COULER__ENABLED=False"
MOST = 100
"""Tasks whose states are asked for at once: their ids, of up to 250 characters, go into a URL."""
FAILED = "couler_part_failed"
"""What a trigger remembers of its last try, where Airflow keeps such things (3.3): the part failed under it."""


class PartTrigger(TriggerDagRunOperator):
    """Runs one part, with the dates and the configuration of this run, and ends as the part does.

    Cleared, it runs the whole part again, with two exceptions: a part that runs, since somebody has cleared tasks in
    it, is waited for; and where the part failed under this task, and has ended well since then, that is what counts.
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, part: str, **kwargs: Any) -> None:
        super().__init__(
            trigger_dag_id=part,
            wait_for_completion=True,
            deferrable=True,
            reset_dag_run=True,
            fail_when_dag_is_paused=True,  # a part that is paused would keep its run waiting without a word
            poke_interval=POLL,
            retries=0,  # another try would run all of the part again
            execution_timeout=None,  # a default of this Airflow is meant for tasks, and not for parts of DAGs
            trigger_rule="all_done",  # what comes after a task that failed may well run: proxies tell it
            **kwargs,
        )
        self.couler_fields = {"part": part}

    def execute(self, context: Any) -> None:
        """Triggers the part; or waits for its run, or takes it as it is, where that is what clearing meant.

        Raises:
            AirflowFailException: the DAG is being tested in one process, where nothing would ever run the part.
            Exception: those by which Airflow triggers a run and defers the task.
        """
        run = context["dag_run"]
        if getattr(run, "triggering_user_name", None) == TESTING:
            raise AirflowFailException(f"`dag.test()` has no scheduler that starts {self.trigger_dag_id}: {WHOLE}")
        run_id = self.trigger_run_id = RUN_PREFIX + run.run_id
        self.logical_date = run.logical_date
        self.run_after = run.run_after
        self.conf = dict(run.conf or {})
        state = self._state(context["ti"], run_id) if context["ti"].try_number > 1 else None
        if state in RUNNING:
            log.info("the part runs already, since somebody has cleared tasks in it: waiting for it")
            self._wait(run_id)
        if state == "success" and _memory(context, "get", FAILED):
            log.info("the part failed before, and has ended well since then")
            _memory(context, "delete", FAILED)
            return
        super().execute(context)

    def execute_complete(self, context: Any, event: tuple[str, dict[str, Any]]) -> None:
        """Ends as the part did.

        Raises:
            AirflowException: it failed.
        """
        try:
            super().execute_complete(context, event)
        except AirflowException:
            _memory(context, "set", FAILED, True)
            raise
        _memory(context, "delete", FAILED)

    def _state(self, ti: Any, run_id: str) -> str | None:
        try:
            state = ti.get_dagrun_state(self.trigger_dag_id, run_id)
        except Exception as error:  # noqa: BLE001  # there may be no such run, which each version says otherwise
            log.info("nothing is known of the part's run: %s", type(error).__name__)
            return None
        return str(getattr(state, "value", state))

    def _wait(self, run_id: str) -> None:
        from airflow.providers.standard.triggers.external_task import DagStateTrigger

        states = [*self.allowed_states, *self.failed_states]
        trigger = DagStateTrigger(
            dag_id=self.trigger_dag_id,
            states=states,
            execution_dates=None,
            run_ids=[run_id],
            poll_interval=POLL,
        )
        self.defer(trigger=trigger, method_name="execute_complete")


class PartProxy(BaseOperator):
    """Stands for a task of another part, under its name: ends as it did, and hands on what it left.

    Args:
        part: the DAG in which the task is.
        keys: of the XComs that are handed on, as far as there are any.
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, part: str, keys: Sequence[str], **kwargs: Any) -> None:
        super().__init__(retries=0, trigger_rule="all_done", **kwargs)  # after other proxies, however those end
        self.couler_fields = {"part": part, "keys": list(keys)}

    def execute(self, context: Any) -> None:
        """Looks the task up in this run of its part.

        Raises:
            AirflowSkipException: it was skipped.
            AirflowFailException: it failed, or never ran.
        """
        ti, part = context["ti"], self.couler_fields["part"]
        states = ti.get_task_states(dag_id=part, task_ids=[self.task_id], run_ids=[ti.run_id])
        state = states.get(ti.run_id, {}).get(self.task_id)
        if state == "skipped":
            raise AirflowSkipException(f"{self.task_id} was skipped in {part}")
        if state != "success":
            raise AirflowFailException(f"{self.task_id} ended as {state} in {part}")
        for key in self.couler_fields["keys"]:
            value = ti.xcom_pull(task_ids=self.task_id, dag_id=part, key=key)
            if value is not None:
                ti.xcom_push(key, value)


class PartGate(EmptyOperator):
    """Opens when the proxies of a part have ended, however they did: for tasks that read what they do not wait for."""

    template_fields: Sequence[str] = ()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_done", **kwargs)


class RunWatcher(BaseOperator):
    """Gives the run the state that it would have in one piece: that of the tasks which nothing comes after.

    Args:
        leaves: by the DAG of the part, its tasks of which the state of the run is made.
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, leaves: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(retries=0, trigger_rule="all_done", **kwargs)
        self.couler_fields = {"leaves": {part: list(tasks) for part, tasks in leaves.items()}}

    def execute(self, context: Any) -> None:
        """Looks at the leaves of all parts.

        Raises:
            AirflowFailException: one of them failed, or never ran.
        """
        ti = context["ti"]
        run_id = RUN_PREFIX + context["dag_run"].run_id
        for part, tasks in self.couler_fields["leaves"].items():
            for some in (tasks[at : at + MOST] for at in range(0, len(tasks), MOST)):
                ended = {"dag_id": part, "task_ids": some, "run_ids": [run_id]}
                whole = ti.get_ti_count(**ended)
                well = ti.get_ti_count(**ended, states=["success", "skipped", "removed"])
                if not whole:
                    raise AirflowFailException(f"{part} has not run")
                if well < whole:
                    raise AirflowFailException(f"of {whole} last tasks of {part}, {whole - well} did not end well")


def _memory(context: Mapping[str, Any], method: str, *arguments: Any) -> Any:
    """Asks what Airflow keeps of a task from one try to the next; nothing fails where it keeps nothing."""
    try:
        return getattr(context["task_state_store"], method)(*arguments)
    except Exception as error:  # noqa: BLE001  # it came with Airflow 3.3, and its backend is anyone's
        log.info("Airflow remembers nothing of earlier tries: %s", type(error).__name__)
        return None
