# A DAG that starts another one and waits for it, and one that only looks at another.
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.sensors.external_task import ExternalTaskSensor
from airflow.sdk import DAG

with DAG("caller", schedule=None):
    TriggerDagRunOperator(
        task_id="start", trigger_dag_id="callee", conf={"day": "{{ ds }}"}, wait_for_completion=True, poke_interval=5
    ) >> EmptyOperator(task_id="after")
with DAG("callee", schedule=None):
    EmptyOperator(task_id="work")
with DAG("looker", schedule=None):
    ExternalTaskSensor(task_id="look", external_dag_id="callee", external_task_id="work")
