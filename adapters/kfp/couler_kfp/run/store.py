"""Hand-off files: where a run in a cluster has written down what it hands out, and how that is read from here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from couler_kfp.split.handoff import FILE, Crossing, read_handoff
from couler_plugins.errors import EngineError, InvalidInput, install_hint

SETTING = "COULER_KFP_PIPELINE_ROOT"
"""The environment variable that says where the runs keep what they make."""
MOST = 64 * 1024**2
"""Bytes of a hand-off file: more than KFP takes as the parameters of a run."""


def root_of(spec: Mapping[str, Any]) -> str:
    """Where runs of a pipeline keep what they make; empty where only the cluster knows."""
    return str(spec.get("defaultPipelineRoot") or os.environ.get(SETTING, "")).split("?")[0].rstrip("/")


def needed_root(spec: Mapping[str, Any], pipeline: str) -> str:
    """The same, where it has to be known.

    Raises:
        InvalidInput: it is not.
    """
    if root := root_of(spec):
        return root
    message = f"the pipeline root of {pipeline!r} is not known"
    hint = f"set {SETTING} to the cluster's pipeline root, such as minio://mlpipeline/v2/artifacts"
    raise InvalidInput(message, engine="kfp", hint=hint)


def fetched(root: str, pipeline: str, run: str) -> Crossing:
    """What a run has handed out.

    Args:
        root: where runs keep what they make.
        pipeline: the name of the pipeline.
        run: the id of the run.

    Raises:
        EngineError: the file is not there, or cannot be read.
    """
    import fsspec

    url = f"{root}/{pipeline}/{run}/{FILE}"
    if url.startswith("minio://"):
        url = f"s3://{url.removeprefix('minio://')}"
    try:
        with fsspec.open(url, "rb") as stream:
            text = stream.read(MOST)
    except ImportError as error:
        raise EngineError(f"{url} cannot be read: {error}", engine="kfp", hint=install_hint("storage")) from error
    except Exception as error:  # whatever the store of that scheme raises
        hint = "it is read with your own credentials: AWS_ENDPOINT_URL and keys for S3 and MinIO"
        message = f"what {pipeline} has handed out cannot be read from {url}: {type(error).__name__}"
        raise EngineError(message, engine="kfp", hint=hint) from error
    return read_handoff(text, url)
