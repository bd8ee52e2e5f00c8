# An operator of the owner's, with fields that are templates and ones that are not.
from airflow.sdk import DAG, BaseOperator


class Copy(BaseOperator):
    """Copy a table."""

    template_fields = ("source", "options")
    template_fields_renderers = {"options": "json"}
    ui_color = "#abcdef"

    def __init__(self, *, source: str, options: dict | None = None, target: str = "", **kwargs):
        super().__init__(**kwargs)
        self.source = source
        self.options = options or {}
        self.target = target

    def execute(self, context):
        return f"{self.source} {self.target}"


with DAG("own_operator", schedule=None):
    first = Copy(task_id="first", source="orders_{{ ds_nodash }}", options={"limit": "{{ params.get('limit', 5) }}"})
    second = Copy(task_id="second", source="items", target="backup")
    second.source = first.output
