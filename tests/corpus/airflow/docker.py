# Tasks that run in containers: of Docker.
from airflow.providers.docker.operators.docker import DockerOperator
from airflow.sdk import DAG

with DAG("docker", schedule=None):
    DockerOperator(
        task_id="count",
        image="busybox:1.36",
        command="sh -c date",
        environment={"LEVEL": "debug"},
        mount_tmp_dir=False,
    ) >> DockerOperator(task_id="date", image="busybox:1.36", command=["date", "-u"], mount_tmp_dir=False)
