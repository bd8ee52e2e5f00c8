# A diamond of empty tasks: order, and nothing else.
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("diamond", schedule=None):
    first, left, right, last = (EmptyOperator(task_id=name) for name in ("first", "left", "right", "last"))
    first >> [left, right] >> last
