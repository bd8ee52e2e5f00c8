# Callbacks of the DAG and of tasks: they belong to the owner, and stay as they are.
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG


def tell(context):
    print(context)


with DAG("callbacks", schedule=None, on_success_callback=tell, on_failure_callback=[tell]):
    EmptyOperator(task_id="a", on_execute_callback=tell, on_failure_callback=tell) >> EmptyOperator(task_id="b")
