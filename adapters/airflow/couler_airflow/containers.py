"""Operators that start a container, or a command: told by the names of their classes, so no provider is needed.

What such an operator runs is the value of its template fields, which the step passes to it: a container's fields
refer to these.
Sources: `airflow.providers.cncf.kubernetes.operators.pod`, `airflow.providers.docker.operators.docker`,
`airflow.providers.standard.operators.bash`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Known:
    """A kind of operator that starts a container.

    Attributes:
        module: what its module is called, from its end.
        image, command, arguments, environment: the names of the fields; empty where it has none.
        prefix: the command, where it is always the same.
        ignored: arguments of the operator that say nothing of what runs, but how Airflow follows it.
    """

    module: str
    image: str = ""
    command: str = ""
    arguments: str = ""
    environment: str = ""
    prefix: tuple[str, ...] = ()
    ignored: frozenset[str] = frozenset()


POD = "KubernetesPodOperator"
KNOWN: Mapping[str, Known] = {
    POD: Known(
        "cncf.kubernetes.operators.pod",
        image="image",
        command="cmds",
        arguments="arguments",
        environment="env_vars",
        ignored=frozenset(
            [
                "base_container_name",
                "base_container_status_polling_interval",
                "config_file",
                "deferrable",
                "do_xcom_push",
                "get_logs",
                "in_cluster",
                "is_delete_operator_pod",
                "kubernetes_conn_id",
                "log_events_on_failure",
                "log_events_on_startup",
                "log_pod_spec_on_failure",
                "logging_interval",
                "name",
                "on_finish_action",
                "on_kill_action",
                "poll_interval",
                "random_name_suffix",
                "reattach_on_restart",
                "startup_check_interval_seconds",
                "startup_timeout_seconds",
            ]
        ),
    ),
    "DockerOperator": Known(
        "docker.operators.docker",
        image="image",
        command="entrypoint",
        arguments="command",
        environment="environment",
        ignored=frozenset(
            [
                "api_version",
                "auto_remove",
                "container_name",
                "docker_conn_id",
                "docker_url",
                "do_xcom_push",
                "force_pull",
                "mount_tmp_dir",
                "timeout",
                "tls_ca_cert",
                "tls_client_cert",
                "tls_client_key",
                "tls_hostname",
                "tls_ssl_version",
                "tls_verify",
            ]
        ),
    ),
    "BashOperator": Known(
        "standard.operators.bash",
        arguments="bash_command",
        environment="env",
        prefix=("bash", "-c"),
        ignored=frozenset({"do_xcom_push"}),
    ),
}
EMPTY = "EmptyOperator"


def known_of(task: Any) -> Known | None:
    """What is known of an operator's class; None for one that starts no container, and for one derived from these."""
    operator = task.operator_class
    container = KNOWN.get(operator.__name__)
    return container if container is not None and operator.__module__.endswith(container.module) else None


def field_of(task: Any, name: str) -> Any:
    """What an operator was given for a field; for a mapped one, what is the same in all its runs."""
    if not name:
        return None
    return task.partial_kwargs.get(name) if task.is_mapped else getattr(task, name, None)
