# Tasks that run in containers: pods of Kubernetes.
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG, Param

with DAG("containers", schedule=None, params={"text": Param("hello", type="string")}):
    first = KubernetesPodOperator(
        task_id="first",
        image="busybox:1.36",
        cmds=["sh", "-c"],
        arguments=["echo {{ params.text }}"],
        env_vars={"LEVEL": "debug", "DAY": "{{ ds }}"},
        namespace="jobs",
        do_xcom_push=False,
    )
    second = KubernetesPodOperator(task_id="second", image="busybox:1.36", cmds=["date"], retries=1)
    first >> second
    KubernetesPodOperator.partial(task_id="each", image="busybox:1.36", cmds=["echo"]).expand(arguments=[["a"], ["b"]])
