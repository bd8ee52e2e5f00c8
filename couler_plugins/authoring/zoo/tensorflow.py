"""Training with TensorFlow: `tensorflow.train(image=…, command=…, num_workers=3)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_plugins.authoring.values import Returned, as_value
from couler_plugins.authoring.zoo.jobs import run_training


def train(
    image: str,
    command: str | list[str] | None = None,
    args: Any = None,
    num_workers: int = 1,
    num_ps: int = 0,
    num_evaluators: int = 0,
    no_chief: bool = True,
    clean_pod_policy: str = "Running",
    input_batch_size: Any = None,
    resources: Mapping[str, Any] | None = None,
    secret: list[str] | None = None,
    step_name: str | None = None,
    timeout: int | None = None,
    retry: int | None = None,
) -> Returned:
    """A TFJob: `tensorflow-train` of the catalogue.

    Args:
        image, command, args, resources, secret, step_name, timeout, retry: as for all jobs (`zoo.jobs.run_training`).
        num_workers, num_ps, num_evaluators: how many pods there are of each kind.
        no_chief: whether the workers lead themselves.
        clean_pod_policy: which pods go once it has ended: `Running`, `All` or `None`.
        input_batch_size: what the program gets as `--input-batch-size=`.

    Raises:
        InvalidInput: an argument makes no sense.
    """
    if input_batch_size is not None:
        as_value(input_batch_size, "input_batch_size")
    batch = [] if input_batch_size is None else [f"--input-batch-size={input_batch_size}"]
    return run_training(
        "tensorflow-train",
        image,
        command,
        [args, batch],
        resources,
        secret,
        step_name,
        timeout,
        retry,
        workers=num_workers,
        parameter_servers=num_ps,
        evaluators=num_evaluators,
        chief=not no_chief,
        clean=clean_pod_policy,
    )
