"""Which workflow a call belongs to: the block around it, or one of its own thread or task, which `written` ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

import couler_plugins.authoring as couler
from couler_plugins.authoring import AuthoredWorkflow, workflow
from couler_plugins.errors import InvalidInput


def job(name: str) -> None:
    couler.run_container("busybox", ["echo"], [name], step_name=name)


def names(written: AuthoredWorkflow) -> list[str]:
    return [step.name for step in written.ir.graphs[0].steps]


def test_calls_outside_of_blocks_make_a_workflow_named_after_the_file() -> None:
    job("a")
    first = couler.written()
    job("b")
    second = couler.written("second", timeout=5)
    assert (first.name, names(first), second.name, names(second)) == ("test-contexts", ["a"], "second", ["b"])


def test_a_workflow_that_cannot_be_made_is_forgotten_as_well() -> None:
    couler.set_dependencies(lambda: job("a"), dependencies=["nowhere"])
    with pytest.raises(InvalidInput, match="nowhere"):
        couler.written("broken")
    job("b")
    assert names(couler.written("whole")) == ["b"]


def test_nothing_written_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="no workflow was written in this thread"):
        couler.written("empty")
    with pytest.raises(InvalidInput, match="nothing runs in the workflow 'empty'"), workflow("empty"):
        pass


def test_a_block_takes_nothing_from_around_it_and_leaves_nothing() -> None:
    job("outside")
    with workflow("inside") as inside:
        job("a")
    job("outside-too")
    assert (names(inside), names(couler.written("outside"))) == (["a"], ["outside", "outside-too"])


def test_a_block_that_fails_leaves_nothing() -> None:
    broken = workflow("w")

    def write() -> None:
        with broken:
            job("a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    with pytest.raises(InvalidInput, match="is not finished"):
        broken.to("argo")
    job("b")
    assert names(couler.written("whole")) == ["b"]


def test_blocks_do_not_nest() -> None:
    with pytest.raises(InvalidInput, match="inside another one"), workflow("outer"), workflow("inner"):
        pass


def test_threads_know_nothing_of_each_other() -> None:
    gate = threading.Barrier(4)
    found: dict[str, list[str]] = {}

    def write(name: str) -> None:
        gate.wait()
        for number in range(20):
            job(f"{name}-{number}")
        found[name] = names(couler.written(name))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {name: [f"{name}-{number}" for number in range(20)] for name in "abcd"}


def test_tasks_know_nothing_of_each_other() -> None:
    async def write(name: str) -> list[str]:
        for number in range(3):
            job(f"{name}-{number}")
            await asyncio.sleep(0)
        return names(couler.written(name))

    async def main() -> list[list[str]]:
        return list(await asyncio.gather(write("a"), write("b")))

    job("outside")
    assert asyncio.run(main()) == [["a-0", "a-1", "a-2"], ["b-0", "b-1", "b-2"]]
    assert names(couler.written("outside")) == ["outside"]


REFUSED = "called in another thread or task than the block of the workflow 'w'"


def in_thread(write: Callable[[], None]) -> BaseException | None:
    """What a call raises in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(write).exception()


def test_a_thread_that_is_started_in_a_block_does_not_lose_its_calls() -> None:
    with workflow("w") as written:
        job("a")
        error = in_thread(lambda: job("b"))
    assert isinstance(error, InvalidInput)
    assert REFUSED in error.message
    assert "of its own" in str(error.hint)
    assert str(error.file).endswith("test_contexts.py")
    assert names(written) == ["a"]


def test_a_pool_that_is_older_than_the_block_neither() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: None).result()
        with workflow("w"):
            job("a")
            error = pool.submit(job, "b").exception()
        assert isinstance(error, InvalidInput)
        assert REFUSED in error.message


def test_a_thread_with_the_context_of_the_block_neither() -> None:
    with workflow("w"):
        job("a")
        inside = copy_context()
        error = in_thread(lambda: inside.run(job, "b"))
    assert isinstance(error, InvalidInput)
    assert REFUSED in error.message


def test_tasks_that_are_started_in_a_block_neither() -> None:
    async def write() -> None:
        job("b")

    async def main() -> tuple[BaseException | None, ...]:
        with workflow("w"):
            job("a")
            return await asyncio.gather(write(), asyncio.to_thread(job, "c"), return_exceptions=True)

    for error in asyncio.run(main()):
        assert isinstance(error, InvalidInput)
        assert REFUSED in error.message


def test_a_thread_in_a_block_may_write_a_workflow_of_its_own() -> None:
    inner = workflow("inner")

    def write() -> None:
        with inner:
            job("b")

    with workflow("w") as outer:
        job("a")
        assert in_thread(write) is None
        job("c")
    assert (names(outer), names(inner)) == (["a", "c"], ["b"])


def test_blocks_of_two_threads_do_not_mix() -> None:
    gate = threading.Barrier(2)

    def write(name: str) -> list[str]:
        with workflow(name) as written:
            for number in range(20):
                gate.wait()
                job(f"{name}-{number}")
        return names(written)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(write, "ab"))
    assert found == [[f"{name}-{number}" for number in range(20)] for name in "ab"]


def test_a_thread_that_has_begun_outside_of_any_block_goes_on() -> None:
    begun, opened = threading.Event(), threading.Event()

    def write() -> list[str]:
        job("a")
        begun.set()
        opened.wait()
        job("b")
        return names(couler.written("own"))

    with ThreadPoolExecutor(1) as pool:
        own = pool.submit(write)
        begun.wait()
        with workflow("w") as written:
            job("c")
            opened.set()
            assert own.result() == ["a", "b"]
    assert names(written) == ["c"]


def test_the_main_thread_was_started_in_no_block() -> None:
    opened, done = threading.Event(), threading.Event()

    def write() -> list[str]:
        with workflow("w") as written:
            job("a")
            opened.set()
            done.wait()
        return names(written)

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(write)
        opened.wait()
        try:
            job("b")
            assert names(couler.written("own")) == ["b"]
        finally:
            done.set()
        assert other.result() == ["a"]


def test_a_function_may_write_a_workflow_with_its_parameters() -> None:
    @couler.workflow
    def say_hello(who: str = "world", times: int = 2) -> None:
        couler.run_container("busybox", ["echo"], [f"{who} {times}"])

    @couler.workflow("named", parameters={"day": None})
    def other() -> None:
        job("a")

    assert (say_hello.name, other.name) == ("say-hello", "named")
    ports = [(port.name, getattr(port.value, "value", None)) for port in say_hello.ir.parameters]
    assert ports == [("who", "world"), ("times", "2")]
    assert names(say_hello) == ["say-hello"]
    with pytest.raises(InvalidInput, match="has no parameter 'when'"):
        other.parameter("when")
    with pytest.raises(InvalidInput, match="no setting 'tiemout'"):
        workflow("w", tiemout=5)
