"""Studies: trials in a storage that several processes or pods share, and who runs each of them."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.hookspecs import Tuner
from couler_plugins.hookspecs.trials import Task, Trial, best_of
from couler_plugins.hpo.optuna_tuner import require_optuna
from couler_plugins.hpo.proposals import ask_tuner
from couler_plugins.hpo.storages import open_storage, storage_errors

if TYPE_CHECKING:
    from pathlib import Path

    import optuna
    from optuna.trial import FrozenTrial


def _processes() -> str:
    """What tells apart whose process numbers mean the same: pods may share their node's name, and not its processes."""
    with contextlib.suppress(OSError):
        return f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink()}"
    return socket.gethostname()


HOST = _processes()


class _Signature(msgspec.Struct, frozen=True):
    host: str
    process: int
    until: float


def signature(until: float) -> str:
    """This process's signature, good until a time in seconds since 1970."""
    return msgspec.json.encode(_Signature(HOST, os.getpid(), until)).decode()


def is_left(text: str, now: float) -> bool:
    """Whether who signed is gone: its time is over, or it was a process of this host that is no more."""
    try:
        signed = msgspec.json.decode(text, type=_Signature)
    except msgspec.DecodeError:
        return False  # somebody else's trial
    return signed.until < now or (signed.host == HOST and not _is_alive(signed.process))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


LEASE = 3_600.0
"""Seconds without a sign of life after which a trial may be run by somebody else."""

TASK, PROGRAM, OWNER = "couler.task", "couler.program", "couler.owner"
BEATS = 4
"""How often a trial says that it is alive while a lease lasts."""

log = logging.getLogger(__name__)


class Study:
    """One study. What it holds is in its storage only, so that any number of these may be open, anywhere.

    Args:
        task: what is tuned; a study that is there already has to be of the same one.
        name: of the study in its storage.
        storage: a database's URL as SQLAlchemy writes it (`sqlite:///study.db`, `postgresql://…`), a file of SQLite, or
            empty for this process's memory. PostgreSQL needs psycopg, of the extra `index`.
        pruner: one of Optuna's, to stop bad trials early; None to stop none.
        fresh: whether to delete what the storage holds of this study, and begin anew.
        lease: seconds without a report after which a trial counts as abandoned.
        clock: seconds since 1970.

    Raises:
        InvalidInput: Optuna is not installed, the URL is none, or the study is of another task.
        EngineError: the storage cannot be used.
    """

    def __init__(
        self,
        task: Task,
        name: str,
        storage: str | Path = "",
        *,
        pruner: optuna.pruners.BasePruner | None = None,
        fresh: bool = False,
        lease: float = LEASE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        require_optuna()
        import optuna

        self.task, self.name = task, name
        self._lease, self._clock = lease, clock
        with storage_errors():
            database = open_storage(storage) if storage else None
            if database is not None and fresh:
                with suppress(KeyError):  # there is none
                    optuna.delete_study(study_name=name, storage=database)
            self._study = optuna.create_study(
                study_name=name,
                storage=database,
                pruner=pruner or optuna.pruners.NopPruner(),
                direction=task.data.goal,
                load_if_exists=True,
            )
            self._check_task()

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials, in order; those that nothing was proposed for are none."""
        trials = (self._thawed(trial) for trial in self._all())
        return tuple(trial for trial in trials if trial.values or trial.state == "running")

    @property
    def best(self) -> Trial:
        """The completed trial with the best value.

        Raises:
            InvalidInput: none was completed.
        """
        return best_of(self.task, self.trials)

    def is_of_program(self, program: str) -> bool:
        """Whether this text is the one that the study's first call gave: what its trials ran, in short."""
        with storage_errors():
            begun = self._study.user_attrs.get(PROGRAM)
            if begun is None:
                self._study.set_user_attr(PROGRAM, program)
        return begun in (None, program)

    def ask(self, tuner: Tuner, limit: int | None = None) -> Trial | None:
        """A new trial for the caller to run.

        Its number is taken before the tuner is asked, so that no two processes get the same one.

        Args:
            tuner: what proposes.
            limit: how many trials there may be; None for any number.

        Returns:
            The trial; None where there are as many as there may be, or the tuner has nothing left to propose.

        Raises:
            PluginFailure: the tuner failed.
            EngineError: the storage failed.
        """
        if limit is not None and len(self._all()) >= limit:
            return None
        with storage_errors():
            trial = self._study.ask()
            trial.set_user_attr(OWNER, signature(self._clock() + self._lease))
        if limit is not None and trial.number >= limit:  # others asked at the same time
            self.tell(trial.number, None)
            return None
        return self._propose(trial, tuner)

    def resume(self, tuner: Tuner) -> Trial | None:
        """A trial that whoever ran it has left, for the caller to run again, under its own number; None without one.

        Raises:
            PluginFailure: the tuner failed.
            EngineError: the storage failed.
        """
        import optuna

        for trial in self._all():
            if trial.state != optuna.trial.TrialState.RUNNING or not is_left(
                trial.user_attrs.get(OWNER, ""), self._clock()
            ):
                continue
            with storage_errors():
                ours = self._open(trial)
                ours.set_user_attr(OWNER, signature(self._clock() + self._lease))
            return self._thawed(trial) if trial.params else self._propose(ours, tuner)
        return None

    def report(self, number: int, step: int, value: float) -> bool:
        """Notes the metric on the way, which also says that the trial is alive, and says whether to stop it early."""
        with storage_errors():
            trial = self._open(self._all()[number])
            trial.set_user_attr(OWNER, signature(self._clock() + self._lease))
            trial.report(value, step)
            return trial.should_prune()

    @contextmanager
    def kept_alive(self, number: int) -> Iterator[None]:
        """Says again and again that a trial is alive, as long as the block takes."""
        over = threading.Event()

        def sign() -> None:
            while not over.wait(self._lease / BEATS):
                try:
                    with storage_errors():
                        self._open(self._all()[number]).set_user_attr(OWNER, signature(self._clock() + self._lease))
                except CoulerError as error:
                    log.warning("trial %d may be run by somebody else: %s", number, error.message)

        thread = threading.Thread(target=sign, name=f"couler trial {number}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def tell(self, number: int, value: float | None, *, pruned: bool = False) -> None:
        """Ends a trial; one that was ended already stays as it was.

        Args:
            number: of the trial.
            value: the metric at its end; None, or what is no number, where it failed.
            pruned: whether it was stopped early.
        """
        from optuna.trial import TrialState

        failed = value is None or not math.isfinite(value)
        state = TrialState.PRUNED if pruned else TrialState.FAIL if failed else TrialState.COMPLETE
        with storage_errors():
            self._study.tell(number, value if state == TrialState.COMPLETE else None, state, skip_if_finished=True)

    def _propose(self, trial: optuna.Trial, tuner: Tuner) -> Trial | None:
        from couler_plugins.hpo.optuna_bridge import NOTES, Given, inner, suggested

        others = [other for other in self.trials if other.number != trial.number]
        try:
            proposal = ask_tuner(tuner, self.task, others, trial.number)
        except BaseException:
            self.tell(trial.number, None)
            raise
        if proposal is None:
            self.tell(trial.number, None)
            return None
        parameters = dict(self.task.space.parameters)
        notes = {**dict(proposal.notes), "reason": proposal.reason, "predicted": proposal.predicted}
        with storage_errors():
            trial.set_user_attr(NOTES, json.dumps(notes))
            self._study.sampler = Given({name: inner(parameters[name], value) for name, value in proposal.values})
            suggested(trial, self.task.space)
        return self._thawed(self._all()[trial.number])

    def _all(self) -> list[FrozenTrial]:
        with storage_errors():
            return self._study.get_trials(deepcopy=False)

    def _thawed(self, trial: FrozenTrial) -> Trial:
        from couler_plugins.hpo.optuna_bridge import thawed

        return thawed(trial, self.task.space)

    def _open(self, trial: FrozenTrial) -> optuna.Trial:
        from optuna.trial import Trial as Opened

        return Opened(self._study, trial._trial_id)  # the only name that its own storage knows it by

    def _check_task(self) -> None:
        """Sees to it that the study is of this task: trials of another space would mislead every tuner."""
        if self._study.direction.name.lower() != self.task.data.goal:
            raise InvalidInput(
                f"the study {self.name!r} is to {self._study.direction.name.lower()} {self.task.data.metric}",
                hint="give the study another name, or the metric the direction that it had",
            )
        own = msgspec.json.encode([self.task.space, self.task.data.metric]).decode()
        if self._study.user_attrs.setdefault(TASK, own) != own:
            raise InvalidInput(
                f"the study {self.name!r} is of another search space or metric",
                hint="give the study another name, or the file as it was",
            )
        self._study.set_user_attr(TASK, own)
