"""Which files of the corpus run with `kfp.local` (measured with 2.17.3), with which arguments; why others do not."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.subjects import KFP

__all__ = ["ARGUMENTS", "BY_CHANCE", "FAILING", "FILES", "LEFT_OUT", "QUICK", "SLOW", "running"]

FILES = {KFP.shown(path): path for path in KFP.files()}
"""The files of the corpus by name."""

OWN = (
    "own/functions.yaml",
    "own/python-artifacts.yaml",
    "own/python-branches.yaml",
    "own/python-loops.yaml",
)
"""Our own pipelines of Python components; all the others are of containers, which `kfp.local` does not run here."""

QUICK = (
    *OWN,
    "critical/multiple_parameters_namedtuple.yaml",
    "essential/pipeline_with_params_containing_format.yaml",
    "local_execution/local_execution_pipeline_with_oneof.yaml",
    "parallel_and_nested/nested_parallel_for_secret.yaml",
)
"""What runs in every run of the tests; the others are slow."""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "critical/add_numbers.yaml": {"a": 3, "b": 4},
    "env-var.yaml": {"env_var": "HOME"},
    "essential/lightweight_python_functions_pipeline.yaml": {"message": "hello"},
    "identity.yaml": {"value": "same"},
    "local_execution/local_execution_pipeline_with_ignore_upstream_failure.yaml": {"marker_path": "marker"},
    "pipeline_with_parallelfor_pipeline_param.yaml": {"loop_parameter": ["a", "b", "c"], "prefix": "p-"},
    "pvc_mount.yaml": {"pvc_name": "data"},
    "containerized_python_component.yaml": {"message1": "hello", "message2": "world"},
}
"""What a pipeline has to be given."""

FAILING = {
    "failing/pipeline_with_exit_handler.yaml": "Inner task failed: 'fail-op' inside 'exit-handler-1'",
    "local_execution/local_execution_pipeline_with_ignore_upstream_failure.yaml": "Inner task failed: 'fail-always'",
    "pipeline_with_task_final_status.yaml": "Inner task failed: 'fail-op' inside 'exit-handler-1'",
}
"""Pipelines whose authors want them to fail, with the error: they run, and are compared as the others are."""

CONTAINER = "You are attempting to run a Container Component"
CONTAINERIZED = "You are attempting to run a Containerized Python Component"
NOTHING_GIVEN = "ValueError: Unknown value type"  # an input without a default that is not given, optional or not
FLOAT = "returned value of type <class 'float'>; want type <class 'int'>"  # what `dsl.Collected` collects
SLOW = "it takes more than"

LEFT_OUT: dict[str, str] = {
    "artifacts_complex.yaml": "from task 'condition-5', but task 'condition-5' not found",
    "collected_artifacts.yaml": "'list' object has no attribute 'name'",
    "component_with_task_final_status_GH-12033.yaml": NOTHING_GIVEN,
    "conditional_producer_and_consumers.yaml": "from task 'condition-3', but task 'condition-3' not found",
    "container_with_artifact_output.yaml": NOTHING_GIVEN,
    "container_with_if_placeholder.yaml": CONTAINER,
    "containerized_python_component.yaml": CONTAINERIZED,
    "critical/missing_kubernetes_optional_inputs.yaml": NOTHING_GIVEN,
    "critical/modelcar.yaml": "The model does not exist at: /oci/",
    "critical/pipeline_with_artifact_custom_path.yaml": "component-output-artifact/out_dataset'",
    "critical/pipeline_with_env.yaml": CONTAINER,
    "critical/pipeline_with_input_status_state.yaml": "Inner task failed: 'echo-state'",
    "critical/pipeline_with_pod_metadata.yaml": "Inner task failed: 'validate-",  # either of two that run at once
    "critical/pipeline_with_secret_as_env.yaml": "Inner task failed: 'comp'",
    "critical/pipeline_with_volume_long_name.yaml": CONTAINER,
    "critical/producer_consumer_param_pipeline.yaml": CONTAINER,
    "critical/two_step_pipeline_containerized.yaml": CONTAINER,
    "essential/container_no_input.yaml": CONTAINER,
    "essential/pipeline_with_after.yaml": CONTAINER,
    "essential/pipeline_with_nested_conditions_yaml.yaml": CONTAINER,
    "essential/placeholder_with_if_placeholder_none_input_value.yaml": CONTAINER,
    "gpu-scheduling/nvidia_gpu_scheduling_check.yaml": CONTAINER,
    "integration/ray_integration_compiled.yaml": "No module named 'ray'",
    "log_streaming_compiled.yaml": SLOW,
    "mounted_cabundle_secret.yaml": CONTAINER,
    "nested_with_parameters.yaml": "add_two_nums() missing 1 required positional argument: 'y'",
    "parallel_and_nested/nested_pipeline_opt_inputs_nil_compiled.yaml": NOTHING_GIVEN,
    "parallel_and_nested/parallel_for_mount_pvc.yaml": CONTAINER,
    "parallel_and_nested/pipeline_in_pipeline.yaml": CONTAINER,
    "parallel_and_nested/pipeline_in_pipeline_loaded_from_yaml.yaml": CONTAINER,
    "parameters_complex.yaml": FLOAT,
    "pipeline_producer_consumer.yaml": FLOAT,
    "pipeline_with_condition_dynamic_task_output_custom_training_job.yaml": NOTHING_GIVEN,
    "pipeline_with_dynamic_task_output_custom_training_job.yaml": NOTHING_GIVEN,
    "pipeline_with_importer.yaml": "No such file or directory: '/gcs/",
    "pipeline_with_nested_loops.yaml": "input argument 'pipelinechannel--loop_parameter-subvar-p_a' not found",
    "pipeline_with_task_using_ignore_upstream_failure.yaml": "from task 'fail-op', but task 'fail-op' not found",
    "pipeline_with_various_io_types.yaml": NOTHING_GIVEN,
    "pipeline_with_volume_no_cache.yaml": CONTAINER,
    "pvc_mount.yaml": "No such file or directory: '/data/file.txt'",
    "run_as_user_cache_disabled.yaml": CONTAINER,
    "sequential_v1.yaml": NOTHING_GIVEN,
    "take_nap_compiled.yaml": SLOW,
    "two_step_pipeline.yaml": CONTAINER,
    "xgboost_sample_pipeline.yaml": CONTAINER,
}
"""What keeps a file out: text in the error, or in what was printed."""


BY_CHANCE = {
    "metrics_visualization_v2.yaml": "it trains with NumPy's generator, without a seed: no two runs of it are equal",
}
"""Pipelines that run, and of which no two runs can be compared."""


def running() -> list[Any]:
    """Parameters for tests: the names of the files that run, those marked slow that are."""
    shared = [name for name, path in FILES.items() if path.is_relative_to(KFP.root)]
    return [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in [*OWN, *shared]
        if name not in LEFT_OUT | BY_CHANCE
    ]
