# A whole group of tasks for each item of a list.
from airflow.sdk import dag, task, task_group


@dag(schedule=None)
def mapped_groups():
    @task
    def names() -> list[str]:
        return ["a", "b"]

    @task
    def load(name: str) -> int:
        return len(name)

    @task
    def check(size: int) -> int:
        return size

    @task_group
    def each(name: str) -> int:
        return check(load(name))

    @task
    def total(sizes: list[int]) -> int:
        return sum(sizes)

    total(each.expand(name=names()))


mapped_groups()
