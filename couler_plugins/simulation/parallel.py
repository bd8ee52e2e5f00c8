"""The same work on many tasks, in processes that end with the one that started them, however that ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from typing import Any, TypeVar

from couler_plugins.errors import EngineError

__all__ = ["in_processes"]

Given = TypeVar("Given")
Task = TypeVar("Task")
Found = TypeVar("Found")
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What asks a process to end."""


def in_processes(
    start: Callable[[Given], Callable[[Task], Found]], shared: Given, tasks: Sequence[Task], jobs: int
) -> Iterator[tuple[Task, Found]]:
    """Each task with what came out of it, as they end.

    Args:
        start: makes what does a task; each process calls it once. With one job it is called here.
        shared: what it is made of.
        tasks: each different, and each to be done once.
        jobs: processes at once.

    Raises:
        EngineError: a process was killed.
    """
    if jobs == 1:
        work = start(shared)
        yield from ((task, work(task)) for task in tasks)
        return
    # Spawned, so that it works alike everywhere and whatever threads there are.
    others = set(active_children())
    with _signals_wait():  # here it starts a process that keeps account of semaphores
        pool = ProcessPoolExecutor(jobs, get_context("spawn"), _start, (start, shared))
    with pool:
        try:
            with _signals_wait():
                pending = {pool.submit(_run, task): task for task in tasks}
            for done in as_completed(pending):
                yield pending[done], done.result()
        except BrokenProcessPool as error:
            hint = "it may have run out of memory: try fewer --jobs"
            raise EngineError("a process of the simulation was killed", hint=hint) from error
        except BaseException:
            for child in set(active_children()) - others:
                child.kill()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """What would end us waits meanwhile: a process that is just being started would escape.

    The processes inherit that. So Ctrl-C, which a terminal sends to all of them, ends this one, and this one the rest.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_work: Callable[[Any], Any]


def _start(start: Callable[[Any], Callable[[Any], Any]], shared: Any) -> None:
    global _work  # noqa: PLW0603 - what a process of the pool works with
    _work = start(shared)
    sys.stdout = sys.stderr  # data goes to stdout, and what a policy prints is none
    signal.pthread_sigmask(signal.SIG_UNBLOCK, set(ENDING) - {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Waits until the process that started this one is gone, however it went."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(task: Any) -> Any:
    return _work(task)
