# Tasks that only run in the newest run, and those that wait for their own past.
from datetime import datetime

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow.sdk import DAG

with DAG("newest_run", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    LatestOnlyOperator(task_id="latest_only") >> EmptyOperator(task_id="publish", wait_for_downstream=True)
    EmptyOperator(task_id="each_time")
