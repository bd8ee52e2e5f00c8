"""Pipelines as their authors write them, with what the corpus lacks: compiled with the real `kfp` by the tests.

KFP reads annotations as they are when a function is decorated: they must not be postponed here.
"""

from typing import Any

__all__ = ["collecting", "nested", "reading", "sharing", "steps"]


def steps() -> dict[str, Any]:
    """Components that run in the tests' own process: nothing is installed, and no container is started."""
    from kfp import dsl

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def numbers(count: int) -> list[int]:
        return list(range(count))

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def square(number: int) -> int:
        return number * number

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def tell(text: str) -> str:
        return f"told {text}"

    return {"numbers": numbers, "square": square, "tell": tell}


def nested() -> Any:
    """A pipeline within a pipeline, with a loop, branches, retries, an exit handler and caching options."""
    from kfp import dsl

    made = steps()

    @dsl.pipeline(name="inner")
    def inner(count: int) -> int:
        squared = made["square"](number=count)
        squared.set_retry(3, backoff_duration="10s", backoff_factor=2.0, backoff_max_duration="60s")
        return squared.output

    @dsl.pipeline(name="nested", description="Everything at once.")
    def pipeline(count: int = 3) -> int:
        last = made["tell"](text="the end")
        with dsl.ExitHandler(last):
            squared = inner(count=count)
            listed = made["numbers"](count=squared.output).set_caching_options(False)
            with dsl.ParallelFor(listed.output, parallelism=2) as number:
                made["square"](number=number)
            with dsl.If(squared.output == 9):
                made["tell"](text=f"nine, from {count}")
            with dsl.Else():
                made["tell"](text="another number")
        again = made["square"](number=count).set_retry(2)
        return again.output

    return pipeline


def collecting() -> Any:
    """A task reads what all runs of a loop gave: whole numbers, and texts that look like some."""
    from kfp import dsl

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def name(number: int) -> str:
        return str(number)

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def joined(numbers: list[int], names: list[str]) -> str:
        return f"{int(sum(numbers))} {'+'.join(names)}"

    @dsl.pipeline(name="collecting")
    def pipeline() -> str:
        with dsl.ParallelFor([1, 2, 3]) as number:
            squared, named = steps()["square"](number=number), name(number=number)
        return joined(numbers=dsl.Collected(squared.output), names=dsl.Collected(named.output)).output

    return pipeline


def sharing() -> Any:
    """Two tasks of one component write an artifact each, and a third reads both."""
    from kfp import dsl

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def write(number: int, out: dsl.Output[dsl.Dataset]) -> None:
        with open(out.path, "w") as stream:  # noqa: PTH123  # what is imported here is not there when it runs
            stream.write(str(number))

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def read(one: dsl.Input[dsl.Dataset], two: dsl.Input[dsl.Dataset]) -> str:
        with open(one.path) as first, open(two.path) as second:  # noqa: PTH123  # as above
            return f"{first.read()}/{second.read()}"

    @dsl.pipeline(name="sharing")
    def pipeline() -> str:
        one, two = write(number=1), write(number=2)
        return read(one=one.outputs["out"], two=two.outputs["out"]).output

    return pipeline


def reading() -> Any:
    """A component that reads a dataset."""
    from kfp import dsl

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def count(url: str, version: str) -> int:
        from couler_plugins import dataset

        return len(dataset(url, version=version).read_text().splitlines())

    return count
