# Assets that tasks make and read, and a function that is one.
from airflow.sdk import DAG, Asset, asset, task

TABLE = Asset("orders", "postgres://warehouse/orders")


@asset(schedule=None, uri="file:///data/report.csv")
def report_file(self):
    """Write a report."""


with DAG("assets", schedule=None):

    @task(outlets=[TABLE])
    def fill() -> int:
        return 3

    @task(inlets=[TABLE])
    def read(rows: int) -> int:
        return rows

    read(fill())
