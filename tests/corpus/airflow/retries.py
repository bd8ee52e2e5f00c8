# Retries and timeouts, of single tasks and by default; pools, priorities and owners.
from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

SLOWER = {"retry_exponential_backoff": True, "max_retry_delay": timedelta(minutes=20)}
DEFAULTS = {"retries": 2, "retry_delay": timedelta(minutes=1), "owner": "data"}

with DAG("retries", schedule=None, default_args=DEFAULTS, dagrun_timeout=timedelta(hours=2)):
    BashOperator(task_id="patient", bash_command="exit 0", retries=5, **SLOWER)
    BashOperator(task_id="short", bash_command="sleep 1", execution_timeout=timedelta(seconds=30))
    BashOperator(task_id="once", bash_command="true", retries=0, pool="narrow", priority_weight=10)
    BashOperator(task_id="alone", bash_command="true", depends_on_past=True, max_active_tis_per_dag=1)
