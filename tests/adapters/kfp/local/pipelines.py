"""Pipelines that run in the tests, as their authors write them; see `adapters.kfp.sources` about annotations."""

from typing import Any

__all__ = ["sleeping", "writing"]


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
