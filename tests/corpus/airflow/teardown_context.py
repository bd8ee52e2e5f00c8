# Operators as setup and teardown, around what is written in between.
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("teardown_context", schedule=None):
    make = BashOperator(task_id="make", bash_command="mkdir -p /tmp/work").as_setup()
    clean = BashOperator(task_id="clean", bash_command="rm -r /tmp/work").as_teardown(setups=make)
    with clean:
        BashOperator(task_id="use", bash_command="ls /tmp/work")
