# Tasks for each item of a list: constant, computed, zipped, in products, and of whole sets of arguments.
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag, task


@dag(schedule=None)
def mapping():
    @task
    def numbers() -> list[int]:
        return [1, 2, 3]

    @task
    def add(x: int, y: int) -> int:
        return x + y

    @task
    def total(values: list[int]) -> int:
        return sum(values)

    @task
    def commands() -> list[dict[str, str]]:
        return [{"bash_command": "echo a"}, {"bash_command": "echo b"}]

    added = add.partial(y=10).expand(x=numbers())
    total(added)
    add.override(task_id="product").expand(x=[1, 2], y=[3, 4])
    add.override(task_id="zipped").expand_kwargs(
        numbers().zip(numbers()).map(lambda pair: {"x": pair[0], "y": pair[1]})
    )
    BashOperator.partial(task_id="run").expand_kwargs(commands())


mapping()
