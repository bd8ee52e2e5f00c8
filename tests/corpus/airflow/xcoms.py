# Values that go from task to task: returned, pushed under a name, pulled by a template and by a function.
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG


def push(ti):
    ti.xcom_push(key="size", value=3)
    return "pushed"


def pull(ti, text):
    return ti.xcom_pull(task_ids="push", key="size"), text


with DAG("xcoms", schedule=None):
    first = PythonOperator(task_id="push", python_callable=push)
    shell = BashOperator(task_id="shell", bash_command="echo {{ ti.xcom_pull(task_ids='push') }}", do_xcom_push=True)
    last = PythonOperator(task_id="pull", python_callable=pull, op_kwargs={"text": shell.output})
    both = PythonOperator(task_id="both", python_callable=print, op_args=[first.output, [last.output, "x"]])
    first >> shell
    both.doc = "Reads two."
