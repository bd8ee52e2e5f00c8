# What skips all that comes after it, and what skips only what comes next.
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import ShortCircuitOperator
from airflow.sdk import DAG, task

with DAG("short_circuit", schedule=None):
    stop = ShortCircuitOperator(task_id="stop", python_callable=lambda: False)
    stop >> EmptyOperator(task_id="after") >> EmptyOperator(task_id="later", trigger_rule="all_done")

    @task.short_circuit(ignore_downstream_trigger_rules=False)
    def ask() -> bool:
        return True

    ask() >> EmptyOperator(task_id="next") >> EmptyOperator(task_id="always", trigger_rule="all_done")
