"""Programs as Hera authors write them: what pods are given."""

from __future__ import annotations

from hera.workflows import (
    DAG,
    ConfigMapEnv,
    ConfigMapVolume,
    Container,
    Env,
    ExistingVolume,
    FieldEnv,
    GCSArtifact,
    GitArtifact,
    HTTPArtifact,
    Parameter,
    RawArtifact,
    ResourceEnv,
    S3Artifact,
    SecretEnv,
    SecretEnvFrom,
    SecretVolume,
    Task,
    UserContainer,
    Volume,
    Workflow,
)
from hera.workflows import models as m

__all__ = ["PROGRAMS"]

REGISTRY = "registry.example.com/shop"


def volumes() -> Workflow:
    claim = Volume(name="scratch", size="10Gi", mount_path="/scratch", storage_class_name="fast")
    with Workflow(
        generate_name="volumes-", entrypoint="main", volumes=[Volume(name="shared", size="1Gi", mount_path="/s")]
    ) as w:
        write = Container(name="write", image="busybox", command=["touch", "/scratch/a"], volumes=[claim])
        read = Container(
            name="read",
            image="busybox",
            command=["ls"],
            volumes=[
                claim,
                ExistingVolume(name="archive", claim_name="archive", mount_path="/archive", read_only=True),
                SecretVolume(name="key", secret_name="key", mount_path="/key"),
                ConfigMapVolume(name="settings", mount_path="/settings"),
            ],
        )
        with DAG(name="main"):
            Task(name="write", template=write) >> Task(name="read", template=read)
    return w


def artifact_stores() -> Workflow:
    with Workflow(
        generate_name="stores-", entrypoint="gather", artifact_gc=m.WorkflowLevelArtifactGC(strategy="Never")
    ) as w:
        Container(
            name="gather",
            image="busybox",
            command=["cat"],
            inputs=[
                RawArtifact(name="text", path="/text", data="line one\nline two\n"),
                GitArtifact(name="code", path="/code", repo="https://example.com/code.git", revision="v1", depth=1),
                HTTPArtifact(name="page", path="/page", url="https://example.com"),
                S3Artifact(name="in", path="/in", bucket="data", key="in/{{workflow.name}}.csv", optional=True),
            ],
            outputs=[
                GCSArtifact(name="gcs", path="/gcs", bucket="data", key="out.csv"),
                S3Artifact(
                    name="s3",
                    path="/s3",
                    endpoint="s3.example.com",
                    key="out/s3.tgz",
                    access_key_secret=m.SecretKeySelector(name="s3", key="access"),
                ),
            ],
        )
    return w


def sidecars_and_daemons() -> Workflow:
    with Workflow(generate_name="sides-", entrypoint="main") as w:
        ready = m.Probe(tcp_socket=m.TCPSocketAction(port=m.IntOrString(root=80)))
        server = Container(name="server", image="nginx", daemon=True, readiness_probe=ready)
        client = Container(
            name="client",
            image="curlimages/curl",
            args=["{{inputs.parameters.ip}}"],
            inputs=[Parameter(name="ip")],
            init_containers=[UserContainer(name="wait", image="busybox", command=["sleep", "1"])],
            sidecars=[UserContainer(name="proxy", image="envoy", mirror_volume_mounts=True)],
        )
        with DAG(name="main"):
            up = Task(name="server", template=server)
            up >> Task(name="client", template=client, arguments={"ip": up.ip})
    return w


def environment() -> Workflow:
    with Workflow(
        generate_name="env-", entrypoint="main", image_pull_secrets="registry", node_selector={"disk": "ssd"}
    ) as w:
        Container(
            name="main",
            image=f"{REGISTRY}/env:1",
            image_pull_policy="Always",
            env=[
                Env(name="MODE", value="fast"),
                Env(name="N", value=3),
                SecretEnv(name="TOKEN", secret_name="api", secret_key="token", optional=True),
                ConfigMapEnv(name="CONF", config_map_name="conf", config_map_key="a"),
                FieldEnv(name="POD", field_path="metadata.name"),
                ResourceEnv(name="CPU", resource="limits.cpu", divisor=m.Quantity(root="1")),
            ],
            env_from=[SecretEnvFrom(name="more", prefix="MORE_")],
            labels={"app": "env"},
            tolerations=[m.Toleration(key="gpu", operator="Exists", effect="NoSchedule")],
            pod_spec_patch='{"terminationGracePeriodSeconds": 3}',
        )
    return w


PROGRAMS = (volumes, artifact_stores, sidecars_and_daemons, environment)
