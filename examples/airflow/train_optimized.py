"""The same with a call, for what a tag cannot say: a pipeline, past runs, marks of single tasks.

All of it stands at the end, in a block that does nothing where couler-plugins is not installed.
"""

from contextlib import suppress

from airflow.sdk import DAG, task

with DAG("train_optimized", schedule=None) as dag:

    @task
    def numbers() -> list[int]:
        return [1, 2, 3]

    @task
    def square(number: int) -> int:
        return number**2

    @task
    def total(squares: list[int]) -> int:
        return sum(squares)

    total(square.expand(number=numbers()))

with suppress(ImportError):  # without couler-plugins, the DAG runs as it is written
    from couler_airflow import cached, never, optimize

    cached(square, version="2")
    never(total)
    optimize(dag)
