"""How a cluster is reached: as kubectl does, or from inside of it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from couler_plugins.errors import InvalidInput

OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
log = logging.getLogger(__name__)


def configuration_of(context: str) -> tuple[Any, str]:
    """How to reach the cluster, and the namespace that is meant where none is named.

    Args:
        context: the context of the kubeconfig; empty for its current one, or the cluster that we run in.

    Raises:
        InvalidInput: there is no such context, or no configuration at all.
    """
    import yaml
    from kubernetes import client
    from kubernetes import config as untyped

    config: Any = untyped
    configuration, file = client.Configuration(), os.environ.get("KUBECONFIG")
    try:
        config.load_kube_config(file, context or None, configuration, persist_config=False)
        contexts, current = config.list_kube_config_contexts(file)
        chosen = next((item for item in contexts if item["name"] == context), current)
        return configuration, str((chosen.get("context") or {}).get("namespace") or "default")
    except (config.ConfigException, OSError, yaml.YAMLError, KeyError, TypeError) as error:
        failure = error
    if not context and not file:
        try:
            config.load_incluster_config(configuration)
            return configuration, OWN_NAMESPACE.read_text().strip() if OWN_NAMESPACE.is_file() else "default"
        except (config.ConfigException, OSError) as error:
            log.info("not in a cluster: %s", error)
    # What is wrong with a kubeconfig may quote it, and it holds secrets: the name of the failure has to do.
    message = f"no cluster is configured: the kubeconfig cannot be used ({type(failure).__name__})"
    where = f"the context {context!r} in " if context else ""
    raise InvalidInput(message, hint=f"check {where}$KUBECONFIG, or give --context") from failure
