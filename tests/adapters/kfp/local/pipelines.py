"""Pipelines that run in the tests, as their authors write them; see `adapters.kfp.sources` about annotations."""

from collections.abc import Callable
from typing import Any

__all__ = ["configured", "containers", "decorated", "everything", "namesake", "outer", "sleeping", "writing"]


def writing(text: str) -> Any:
    """A pipeline that hands out an artifact with this text."""
    from kfp import dsl

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def write(text: str, out: dsl.Output[dsl.Dataset]) -> None:
        out.metadata["length"] = len(text)
        with open(out.path, "w") as stream:  # noqa: PTH123  # what is imported here is not there when it runs
            stream.write(text)

    @dsl.pipeline(name="writing")
    def pipeline() -> dsl.Dataset:
        return write(text=text).outputs["out"]

    return pipeline


def sleeping() -> Any:
    """A pipeline whose only step takes a minute."""
    from kfp import dsl

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def sleep() -> None:
        import time

        time.sleep(60)

    @dsl.pipeline(name="sleeping")
    def pipeline() -> None:
        sleep()

    return pipeline


def everything() -> Any:
    """Artifacts, a nested pipeline, a loop, branches and an exit handler; every component is called several times."""
    from kfp import dsl

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def write(text: str, out: dsl.Output[dsl.Dataset]) -> str:
        out.metadata["length"] = len(text)
        with open(out.path, "w") as stream:  # noqa: PTH123  # what is imported here is not there when it runs
            stream.write(text)
        return text.upper()

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def join(one: dsl.Input[dsl.Dataset], two: dsl.Input[dsl.Dataset]) -> str:
        with open(one.path) as first, open(two.path) as second:  # noqa: PTH123  # as above
            return f"{first.read()}+{second.read()}"

    @dsl.pipeline(name="pair")
    def pair(text: str) -> str:
        one, two = write(text=text), write(text="other")
        return join(one=one.outputs["out"], two=two.outputs["out"]).output

    @dsl.pipeline(name="everything", description="All that there is.")
    def pipeline(text: str = "given") -> str:
        last = write(text="the end")
        with dsl.ExitHandler(last):
            first = pair(text=text)
            with dsl.ParallelFor(["a", "b", "c"]) as item:
                inner = write(text=item)
                write(text=inner.outputs["Output"])
            with dsl.If(first.output == "given+other"):
                write(text="as expected")
            with dsl.Else():
                write(text="a surprise")
        one, two = write(text="one"), write(text="two")
        return join(one=one.outputs["out"], two=two.outputs["out"]).output

    return pipeline


def configured() -> Any:
    """Two tasks of one component, one of them on nodes with a label."""
    from kfp import dsl

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def square(number: int) -> int:
        return number * number

    @dsl.pipeline(name="configured")
    def pipeline(number: int = 3) -> int:
        here = square(number=number)
        here.platform_config = {"kubernetes": {"nodeSelector": {"labels": {"disk": "fast"}}}}
        again = square(number=here.output)
        return square(number=again.output).output

    return pipeline


def namesake() -> Any:
    """A pipeline with the name of a component in it."""
    from kfp import dsl

    @dsl.component(install_kfp_package=False, base_image="python:3.11")
    def square(number: int) -> int:
        return number * number

    @dsl.pipeline(name="square")
    def pipeline(count: int = 2) -> int:
        return square(number=square(number=count).output).output

    return pipeline


def outer(make: Callable[[], Any]) -> Any:
    """A pipeline around the one that `make` returns."""
    from kfp import dsl

    inner = make()

    @dsl.pipeline(name="outer")
    def pipeline() -> int:
        return inner(number=inner(number=2).output).output

    return pipeline


def containers() -> Any:
    """A pipeline of containers, which only a backend runs."""
    from kfp import dsl

    @dsl.container_component
    def say(text: str):  # type: ignore[no-untyped-def]  # KFP wants no annotation here
        return dsl.ContainerSpec(image="busybox", command=["echo"], args=[text])

    @dsl.pipeline(name="containers")
    def pipeline() -> None:
        say(text="one")
        say(text="two")

    return pipeline


def decorated(make: Callable[[], Any], pipeline: str, to: str | None = None) -> Any:
    """What `make` returns, optimized as its author would have it."""
    import couler_kfp

    return couler_kfp.optimize(pipeline=pipeline, to=to)(make())
