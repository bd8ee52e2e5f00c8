# Tasks that their owner declares pure: they are asked to be cached.
from airflow.sdk import dag, task


@dag(schedule=None, tags=["couler-cache"])
def marked():
    @task
    def slow(x: int) -> int:
        return x * x

    @task
    def add(a: int, b: int) -> int:
        return a + b

    add(slow(2), slow(3))


marked()
