# Parameters of a DAG: with defaults, with schemas, read by templates and by functions.
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param, task

with DAG(
    "parameters",
    schedule=None,
    params={
        "name": "world",
        "count": Param(3, type="integer", minimum=1, description="How often."),
        "mode": Param("full", enum=["full", "quick"]),
        "note": Param(None, type=["null", "string"]),
    },
    render_template_as_native_obj=True,
    doc_md="Says hello.",
):
    say = BashOperator(
        task_id="say", bash_command="echo hello {{ params.name }} on {{ ds }}", env={"MODE": "{{ params.mode }}"}
    )

    @task
    def repeat(count: int, text: str) -> list[str]:
        return [text] * count

    repeat("{{ params.count }}", say.output)
