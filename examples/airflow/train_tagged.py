"""A DAG whose tasks are looked up before they run, by its tag: nothing of couler-plugins is imported.

Uninstall it, and the tag is a tag.
"""

from airflow.sdk import DAG, task

with DAG("train_tagged", schedule=None, tags=["couler-cache"]):

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
