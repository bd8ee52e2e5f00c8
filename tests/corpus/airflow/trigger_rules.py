# One task for each rule that says when a task may start.
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

RULES = (
    "all_success",
    "all_failed",
    "all_done",
    "all_skipped",
    "one_success",
    "one_failed",
    "one_done",
    "none_failed",
    "none_skipped",
    "none_failed_min_one_success",
    "all_done_min_one_success",
    "always",
)

with DAG("trigger_rules", schedule=None):
    works = EmptyOperator(task_id="works")
    fails = BashOperator(task_id="fails", bash_command="exit 1")
    for rule in RULES:
        [works, fails] >> EmptyOperator(task_id=rule, trigger_rule=rule)
