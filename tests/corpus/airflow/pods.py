# What pods get: by the fields of operators that start them, and by executor_config of tasks that run in their workers'.
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task
from kubernetes.client import models as k8s

SECRET = k8s.V1EnvVar(
    name="TOKEN",
    value_from=k8s.V1EnvVarSource(secret_key_ref=k8s.V1SecretKeySelector(name="api", key="token")),
)
SMALL = k8s.V1ResourceRequirements(requests={"cpu": "100m", "memory": "128Mi"}, limits={"memory": "256Mi"})
WORKER = {"pod_override": k8s.V1Pod(metadata=k8s.V1ObjectMeta(labels={"release": "stable"}))}

with DAG("pods", schedule=None):
    sized = KubernetesPodOperator(
        task_id="sized",
        namespace="jobs",
        image="busybox:1.36",
        container_resources=SMALL,
        env_vars=[SECRET, k8s.V1EnvVar(name="LEVEL", value="debug")],
        labels={"team": "data", "day": "{{ ds }}"},
        annotations={"note": "nightly"},
        node_selector={"disk": "ssd"},
        priority_class_name="high",
    )
    plain = KubernetesPodOperator(task_id="plain", namespace="jobs", image="busybox:1.36")
    described = KubernetesPodOperator(
        task_id="described", image="busybox:1.36", pod_template_dict={"metadata": {"labels": {"a": "b"}}}
    )
    pulled = KubernetesPodOperator(
        task_id="pulled", image="busybox:1.36", labels={"size": "{{ ti.xcom_pull(task_ids='sized') }}"}
    )
    sized >> [plain, described, pulled]
    KubernetesPodOperator.partial(
        task_id="each", image="busybox:1.36", cmds=["env"], arguments=["-0"], labels={"team": "data"}
    ).expand(env_vars=[{"N": "1"}, {"N": "2"}])

    @task.kubernetes(image="python:3.12", namespace="jobs")
    def decorated() -> int:
        return 1

    @task(executor_config=WORKER)
    def released(value: int) -> int:
        return value

    @task(executor_config=WORKER)
    def mapped(value: int) -> int:
        return value

    released(decorated())
    mapped.expand(value=[1, 2])
    BashOperator(task_id="here", bash_command="env", env={"LEVEL": "debug"})
