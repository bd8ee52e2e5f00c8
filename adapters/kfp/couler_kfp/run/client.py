"""What running says to KFP's API, by the client of `kfp`.

The client finds the API by `KF_PIPELINES_ENDPOINT`, in the cluster that it runs in, or through the proxy of the
Kubernetes API (`kfp.Client._load_config` in 2.17.3). Runs have no names that are unique: whoever looks one up by its
name before it is made, and keeps others from doing the same, finds what is there.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import stamina

from couler_plugins.documents import Mapped, dump_yaml
from couler_plugins.engine_kit.kubernetes.access import configuration_of
from couler_plugins.errors import EngineError, InvalidInput, restating
from couler_plugins.net.redacting import redact_url

ADDRESS = "KF_PIPELINES_ENDPOINT"
"""The environment variable that says where the API is, as `kfp` reads it."""
ATTEMPTS = 5
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
HINTS = {
    401: "log in again, or renew the token",
    403: "your account has to be allowed that in this namespace",
    404: "is this the address of KFP's API? It is told by KF_PIPELINES_ENDPOINT",
}
MOST = 400  # characters of a server's own words
RETRIES = stamina.RetryingCaller(attempts=ATTEMPTS, wait_initial=0.1, timeout=60.0)
log = logging.getLogger(__name__)


class Calls:
    """One KFP, reached as `kfp.Client` does.

    Args:
        context: the context of the kubeconfig; empty for its current one.
        namespace: whose runs these are; empty where KFP has no users, or for the one that the client is set to.

    Raises:
        InvalidInput: `kfp` is not installed, or nothing says where the API is.
        EngineError: KFP does not answer.
    """

    def __init__(self, context: str = "", namespace: str = "") -> None:
        with restating(ImportError, "kfp is not installed", reason=False, extra="kfp", engine="kfp"):
            from kfp import Client
        _check_address(context)
        self._namespace = namespace or None
        with _quiet():
            self._client = _asked("connect", lambda: Client(kube_context=context or None))

    def find(self, name: str) -> Mapped | None:
        """The newest run of that name; None where there is none.

        Raises:
            EngineError: KFP does not answer, or does not tell us.
        """
        wanted = {"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": name}]}

        def ask() -> Any:
            options = {"sort_by": "created_at desc", "namespace": self._namespace, "filter": json.dumps(wanted)}
            return self._client.list_runs(page_size=1, **options)

        runs = _asked("list runs", ask).runs or []
        return runs[0].to_dict() if runs else None

    def create(self, name: str, spec: Mapped, platform: Mapped | None, arguments: Mapped, root: str) -> None:
        """Makes a run.

        Raises:
            EngineError: KFP does not answer, or refuses; the run may be there all the same where it did not answer.
        """
        with tempfile.TemporaryDirectory() as folder, _quiet():
            path = Path(folder) / "pipeline.yaml"
            path.write_text("---\n".join(map(dump_yaml, (spec, *([platform] if platform else [])))), "utf-8")
            where = {"namespace": self._namespace, "pipeline_root": root or None}
            create = self._client.create_run_from_pipeline_package
            _asked("create a run", lambda: create(str(path), arguments=arguments, run_name=name, **where), tries=False)

    def get(self, ident: str) -> Mapped:
        """A run.

        Raises:
            EngineError: KFP does not answer, or does not tell us.
        """
        run: Mapped = _asked("get a run", lambda: self._client.get_run(ident)).to_dict()
        return run

    def terminate(self, ident: str) -> None:
        """Ends a run.

        Raises:
            EngineError: KFP does not answer, or does not let us.
        """
        _asked("terminate a run", lambda: self._client.terminate_run(ident))


def _check_address(context: str) -> None:
    """Refuse what `kfp` would try all the same: an address that is none, and its own machine where there is none."""
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    details: Any = {"reason": False, "engine": "kfp", "hint": f"export {ADDRESS}=http://localhost:8888, or where it is"}
    if address := os.environ.get(ADDRESS):
        with restating(LocationParseError, f"{ADDRESS} is no address of KFP's API: {redact_url(address)}", **details):
            parse_url(address if address.startswith("http") else f"https://{address}")  # as `kfp` does
    else:
        with restating(InvalidInput, f"{ADDRESS} is not set, and no cluster is known otherwise", **details):
            configuration_of(context)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What `kfp` prints goes to stderr, and its warnings nowhere."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        yield


def _asked(what: str, call: Callable[[], Any], *, tries: bool = True) -> Any:
    """What KFP answers; transient failures are tried again unless that would do something twice.

    Raises:
        EngineError: it says no, or nothing.
    """
    from kfp_server_api.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        return RETRIES(_is_transient, call) if tries else call()
    except ApiException as error:
        words = _words(error.body)
        message = f"KFP refused to {what}: {error.status} {error.reason}{f': {words}' if words else ''}"
        raise EngineError(message, engine="kfp", hint=HINTS.get(int(error.status or 0))) from error
    except HTTPError as error:
        hint = "is it reachable from here? KF_PIPELINES_ENDPOINT says where it is"
        raise EngineError(f"KFP does not answer ({what}): {type(error).__name__}", engine="kfp", hint=hint) from error


def _is_transient(error: Exception) -> bool:
    from urllib3.exceptions import HTTPError

    return getattr(error, "status", None) in TRANSIENT or isinstance(error, HTTPError)


def _words(body: Any) -> str:
    """What KFP says in its own error object; whatever else answers may say anything."""
    try:
        said = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        return ""
    return " ".join(str(said).split())[:MOST]
