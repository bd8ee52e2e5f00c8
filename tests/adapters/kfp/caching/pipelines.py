"""Pipelines whose tasks are of all kinds that caching tells apart; what is pure in them is said with the marks.

KFP reads annotations as they are when a function is decorated: they must not be postponed here.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["branches", "chain", "deciders", "functions", "lightweight", "readers", "steps", "training"]


def steps() -> dict[str, Any]:
    """Components that run in the tests' own process: nothing is installed, and no container is started."""
    from kfp import dsl

    component = dsl.component(install_kfp_package=False, base_image="python:3.11")

    @component
    def write(number: int, out: dsl.Output[dsl.Dataset]) -> None:
        with open(out.path, "w") as stream:  # noqa: PTH123  # what is imported here is not there when it runs
            stream.write(str(number))

    @component
    def double(data: dsl.Input[dsl.Dataset], factor: int = 2) -> int:
        with open(data.path) as stream:  # noqa: PTH123  # as above
            return int(stream.read()) * factor

    @component
    def add(one: int, two: int) -> int:
        return one + two

    @component
    def flip() -> str:
        import random

        return random.choice(["heads", "tails"])

    @component
    def say(text: str) -> None:
        print(text)  # noqa: T201  # that is all it does

    @component
    def numbers(count: int) -> list[int]:
        return list(range(count))

    @component
    def size(items: list[int]) -> int:
        return len(items)

    @component
    def square(number: int) -> int:
        return number * number

    @component
    def tell(text: str) -> str:
        return f"told {text}"

    more = {"numbers": numbers, "size": size, "square": square, "tell": tell}
    return {**more, "write": write, "double": double, "add": add, "flip": flip, "say": say}


def chain(mark: Callable[[Any], Any] = lambda task: task) -> Any:
    """An artifact, values, a pipeline parameter, chance, and a step that only prints.

    Args:
        mark: is applied to the tasks that are pure.
    """
    from kfp import dsl

    made = steps()

    @dsl.pipeline(name="chain")
    def pipeline(count: int = 3) -> int:
        data = mark(made["write"](number=5))
        doubled = mark(made["double"](data=data.outputs["out"]))
        total = mark(made["add"](one=doubled.output, two=count))
        coin = made["flip"]()
        made["say"](text=coin.output)
        return total.output

    return pipeline


def readers(mark: Callable[[Any], Any] = lambda task: task) -> Any:
    """Values that a text, a condition and a loop read."""
    from kfp import dsl

    made = steps()

    @dsl.pipeline(name="readers")
    def pipeline() -> str:
        listed = mark(made["numbers"](count=3))
        counted = mark(made["size"](items=listed.output))
        decided = mark(made["size"](items=listed.output))
        with dsl.ParallelFor(listed.output) as number:
            made["square"](number=number)
        with dsl.If(decided.output == 3):
            made["tell"](text="three")
        return made["tell"](text=f"there are {counted.output}").output

    return pipeline


def branches() -> Any:
    """A branch of two is taken by what a task made."""
    from kfp import dsl

    made = steps()

    @dsl.pipeline(name="branches")
    def pipeline() -> str:
        counted = made["size"](items=made["numbers"](count=3).output)
        with dsl.If(counted.output == 3):
            made["tell"](text="three")
        with dsl.Else():
            made["say"](text="another number")
        return made["tell"](text="the end").output

    return pipeline


def training(mark: Callable[[Any], Any] = lambda task: task) -> Any:
    """Seven tasks that draw by chance, each after it has set its seed.

    Args:
        mark: is applied to each task.
    """
    from kfp import dsl

    component = dsl.component(install_kfp_package=False, base_image="python:3.11")

    @component
    def load(rows: int, data: dsl.Output[dsl.Dataset]) -> None:
        import random

        random.seed(7)
        with open(data.path, "w") as stream:  # noqa: PTH123  # what is imported here is not there when it runs
            stream.write(" ".join(str(random.random()) for _ in range(rows)))

    @component
    def clean(data: dsl.Input[dsl.Dataset], kept: dsl.Output[dsl.Dataset]) -> None:
        import random

        random.seed(7)
        with open(data.path) as source, open(kept.path, "w") as target:  # noqa: PTH123  # as above
            target.write(" ".join(item for item in source.read().split() if random.random() < 0.9))

    @component
    def train(data: dsl.Input[dsl.Dataset], depth: int, model: dsl.Output[dsl.Model]) -> None:
        import random

        random.seed(7)
        with open(data.path) as source, open(model.path, "w") as target:  # noqa: PTH123  # as above
            target.write(str(sum(map(float, source.read().split())) * depth + random.random()))

    @component
    def score(model: dsl.Input[dsl.Model]) -> float:
        import random

        random.seed(7)
        with open(model.path) as stream:  # noqa: PTH123  # as above
            return float(stream.read()) + random.random()

    @component
    def choose(one: float, two: float) -> str:
        import random

        random.seed(7)
        return "one" if one + random.random() > two else "two"

    @dsl.pipeline(name="training")
    def pipeline(rows: int = 20) -> str:
        loaded = mark(load(rows=rows))
        cleaned = mark(clean(data=loaded.outputs["data"]))
        one = mark(train(data=cleaned.outputs["kept"], depth=3))
        two = mark(train(data=cleaned.outputs["kept"], depth=5))
        one_score = mark(score(model=one.outputs["model"]))
        two_score = mark(score(model=two.outputs["model"]))
        return mark(choose(one=one_score.output, two=two_score.output)).output

    return pipeline


def lightweight(**options: Any) -> Any:
    """A lightweight component, made with these options of the SDK's decorator."""
    from kfp import dsl

    @dsl.component(**options)
    def double(number: int) -> int:
        return 2 * number

    return double


def functions(mark: Callable[[Any], Any] = lambda task: task) -> Any:
    """Python components: a draw by chance that makes an artifact, and a pure one with outputs of all kinds."""
    from kfp import dsl

    component = dsl.component(install_kfp_package=False, base_image="python:3.11")

    @component
    def draw(text: str, data: dsl.Output[dsl.Dataset]) -> None:
        import os

        with open(os.environ["COULER_TEST_LOG"], "a") as log, open(data.path, "w") as stream:  # noqa: PTH123
            log.write("draw ")
            stream.write(os.environ.get("DRAWN", text))

    @component
    def train(
        data: dsl.Input[dsl.Dataset], factor: int, model: dsl.Output[dsl.Model], metrics: dsl.Output[dsl.Metrics]
    ) -> int:
        import os

        with open(os.environ["COULER_TEST_LOG"], "a") as log:  # noqa: PTH123
            log.write("train ")
        with open(data.path) as source, open(model.path, "w") as target:  # noqa: PTH123
            text = source.read()
            target.write(text * factor)
        model.metadata["length"] = len(text)
        metrics.log_metric("accuracy", 0.5)
        return len(text) * factor

    @dsl.pipeline(name="functions")
    def pipeline(text: str = "abc") -> int:
        drawn = draw(text=text)
        return mark(train(data=drawn.outputs["data"], factor=2)).outputs["Output"]

    return pipeline


def deciders(mark: Callable[[Any], Any], *, looped: bool) -> Any:
    """A pipeline whose groups decide by what they are given: by a size, or by the items of a list."""
    from kfp import dsl

    made = steps()

    @dsl.pipeline
    def inner(items: list[int]) -> None:
        with dsl.ParallelFor(items) as item:
            made["square"](number=item)

    @dsl.pipeline(name="deciders")
    def pipeline() -> None:
        numbers = mark(made["numbers"](count=3))
        if looped:
            inner(items=numbers.output)
            return
        size = mark(made["size"](items=numbers.output))
        with dsl.If(size.output == 3):
            made["tell"](text="three")
        with dsl.Else():
            made["say"](text="another")

    return pipeline
