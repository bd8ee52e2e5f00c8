"""Authoring API: workflows written once in Python, for any engine."""

from couler_plugins.authoring.artifacts import (
    create_gcs_artifact,
    create_git_artifact,
    create_hdfs_artifact,
    create_local_artifact,
    create_oss_artifact,
    create_parameter_artifact,
    create_s3_artifact,
)
from couler_plugins.authoring.catalogue import run_step
from couler_plugins.authoring.conditions import bigger, bigger_equal, equal, not_equal, smaller, smaller_equal
from couler_plugins.authoring.loops import exec_while, map  # noqa: A004  # the paper's name
from couler_plugins.authoring.order import WFStatus, concurrent, dag, set_dependencies, set_exit_handler, when
from couler_plugins.authoring.secrets import (
    Secret,
    Volume,
    VolumeClaimTemplate,
    VolumeMount,
    add_volume,
    create_workflow_volume,
    obtain_secret,
)
from couler_plugins.authoring.settings import Schedule
from couler_plugins.authoring.source import to_python
from couler_plugins.authoring.steps import get_step_output, run_container, run_job, run_script
from couler_plugins.authoring.submitters import (
    AirflowSubmitter,
    ArgoSubmitter,
    KfpSubmitter,
    TektonSubmitter,
    run,
    written,
)
from couler_plugins.authoring.values import Returned, RunValue
from couler_plugins.authoring.workflow import AuthoredWorkflow, workflow

__all__ = [
    "AirflowSubmitter",
    "ArgoSubmitter",
    "AuthoredWorkflow",
    "KfpSubmitter",
    "Returned",
    "RunValue",
    "Schedule",
    "Secret",
    "TektonSubmitter",
    "Volume",
    "VolumeClaimTemplate",
    "VolumeMount",
    "WFStatus",
    "add_volume",
    "bigger",
    "bigger_equal",
    "concurrent",
    "create_gcs_artifact",
    "create_git_artifact",
    "create_hdfs_artifact",
    "create_local_artifact",
    "create_oss_artifact",
    "create_parameter_artifact",
    "create_s3_artifact",
    "create_workflow_volume",
    "dag",
    "equal",
    "exec_while",
    "get_step_output",
    "map",
    "not_equal",
    "obtain_secret",
    "run",
    "run_container",
    "run_job",
    "run_script",
    "run_step",
    "set_dependencies",
    "set_exit_handler",
    "smaller",
    "smaller_equal",
    "to_python",
    "when",
    "workflow",
    "written",
]
