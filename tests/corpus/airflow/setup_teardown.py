# A cluster that is made before the work, and taken down after it whatever became of it.
from airflow.sdk import dag, setup, task, teardown


@dag(schedule=None)
def setup_teardown():
    @setup
    def create() -> str:
        return "cluster"

    @task
    def work(cluster: str) -> str:
        return cluster.upper()

    @teardown(on_failure_fail_dagrun=True)
    def delete(cluster: str) -> None:
        print(cluster)

    @task
    def check() -> None:
        pass

    cluster = create()
    worked = work(cluster)
    worked >> check() >> delete(cluster)
    cluster >> worked


setup_teardown()
