"""Training with PyTorch: `pytorch.train(image=…, command=…, num_workers=3)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_plugins.authoring.values import Returned
from couler_plugins.authoring.zoo.jobs import run_training


def train(
    image: str,
    command: str | list[str] | None = None,
    args: Any = None,
    num_workers: int = 1,
    clean_pod_policy: str = "Running",
    resources: Mapping[str, Any] | None = None,
    secret: list[str] | None = None,
    step_name: str | None = None,
    timeout: int | None = None,
    retry: int | None = None,
) -> Returned:
    """A PyTorchJob with one master: `pytorch-train` of the catalogue.

    Args:
        image, command, args, resources, secret, step_name, timeout, retry: as for all jobs (`zoo.jobs.run_training`).
        num_workers: how many pods there are beside the master.
        clean_pod_policy: which pods go once it has ended: `Running`, `All` or `None`.

    Raises:
        InvalidInput: an argument makes no sense.
    """
    counts = {"workers": num_workers, "clean": clean_pod_policy}
    return run_training("pytorch-train", image, command, args, resources, secret, step_name, timeout, retry, **counts)
