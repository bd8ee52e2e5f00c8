# Functions as tasks; what one returns is an argument of the next.
from airflow.sdk import dag, task


@dag(schedule=None, tags=["corpus"])
def functions():
    @task
    def extract() -> dict[str, int]:
        return {"a": 1, "b": 2}

    @task(multiple_outputs=True)
    def split(data: dict[str, int]) -> dict[str, int]:
        return {"total": sum(data.values()), "count": len(data)}

    @task(retries=2)
    def report(total: int, count: int) -> str:
        return f"{total} in {count}"

    parts = split(extract())
    report(parts["total"], parts["count"])


functions()
