# Tasks that their owner declares pure: they are asked to be cached.
from airflow.sdk import dag, task

import couler_airflow


@couler_airflow.optimize
@dag(schedule=None)
def marked():
    @task
    def slow(x: int) -> int:
        return x * x

    @task
    def add(a: int, b: int) -> int:
        return a + b

    add(slow(2), slow(3))


marked()
