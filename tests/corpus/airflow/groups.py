# Groups of tasks, one within another, with defaults of their own.
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup

with DAG("groups", schedule=None):
    start = EmptyOperator(task_id="start")
    with TaskGroup("outer", tooltip="All of it", default_args={"retries": 1}) as outer:
        one = EmptyOperator(task_id="one")
        with TaskGroup("inner") as inner:
            EmptyOperator(task_id="two") >> EmptyOperator(task_id="three")
        one >> inner
    with TaskGroup("plain", prefix_group_id=False):
        EmptyOperator(task_id="four")
    start >> outer >> EmptyOperator(task_id="end")
