# Branches: by a function, by a decorated one, and where they meet again.
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import BranchPythonOperator
from airflow.sdk import DAG, Label, task

with DAG("branches", schedule=None):
    choose = BranchPythonOperator(task_id="choose", python_callable=lambda: "left")
    left, right = EmptyOperator(task_id="left"), EmptyOperator(task_id="right")
    join = EmptyOperator(task_id="join", trigger_rule="none_failed_min_one_success")
    choose >> Label("small") >> left >> join
    choose >> Label("large") >> right >> join

    @task.branch
    def again() -> list[str]:
        return ["one", "two"]

    join >> again() >> [EmptyOperator(task_id=name) for name in ("one", "two", "three")]
