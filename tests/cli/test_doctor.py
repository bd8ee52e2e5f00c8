"""`couler doctor` against a server that answers by path; on a real cluster: tests/cluster/test_doctor.py."""

from __future__ import annotations

import importlib.metadata
import json
import re
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapters.kfp.split.kfp_server import kfp_server
from couler_plugins.cli.doctor import EXTRAS
from couler_plugins.cli.group import couler
from couler_plugins.errors import NAME
from pluginbox import PluginBox

GROUPS = {"groups": [{"name": "argoproj.io"}, {"name": "apps"}]}
POD = {
    "serviceAccountName": "flows",
    "containers": [{"image": "registry.example/argoproj/workflow-controller:v3.7.1@sha256:0"}],
}
DEPLOYMENT = {"metadata": {"name": "server", "namespace": "flows-system"}, "spec": {"template": {"spec": POD}}}
ANSWERS: Mapping[str, Any] = {
    "/version/": {"gitVersion": "v1.33.0"},
    "/apis/": GROUPS,
    "/apis/apps/v1/deployments": {"kind": "DeploymentList", "metadata": {}, "items": [DEPLOYMENT]},
}
SELF, OTHERS = "selfsubjectaccessreviews", "subjectaccessreviews"


class Server(ThreadingHTTPServer):
    """Attributes: what it answers by path; which verbs and plurals it denies, by the kind of review."""

    answers: dict[str, Any]
    denied: dict[str, set[tuple[str, str]]]
    daemon_threads = True


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._say(self.server.answers.get(self.path.partition("?")[0]))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked, kind = body["spec"]["resourceAttributes"], self.path.rpartition("/")[2]
        denied = self.server.denied.get(kind)
        allowed = denied is not None and (asked["verb"], asked["resource"]) not in denied
        self._say(None if denied is None else {"status": {"allowed": allowed}})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class calls it so
        pass

    def _say(self, answer: Any) -> None:
        self.send_response(200 if answer is not None else 403)
        self.end_headers()
        self.wfile.write(json.dumps(answer or {"kind": "Status", "message": "no"}).encode())


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.answers, server.denied = dict(ANSWERS), {SELF: set(), OTHERS: set()}
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "ml"}}],
        "current-context": "x",
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with nothing but the packages of this one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.delenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", raising=False)
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(couler, ["doctor", *arguments], catch_exceptions=False)


def test_it_finds_the_controller_wherever_it_is(server: Server) -> None:
    found = doctor()
    assert found.exit_code == 0, found.output
    cluster, controller, *_ = found.stdout[found.stdout.index("cluster: reached") :].splitlines()
    assert cluster.startswith("cluster: reached: ok: Kubernetes v1.33.0 at http://127.0.0.1:")
    assert cluster.endswith(", namespace ml")
    assert controller == "argo: controller: ok: it is in flows-system, as flows; version v3.7.1"
    assert (
        "argo: cache{via=memoize}: ok: flows-system/flows may create, update configmaps in flows-system\n"
        in found.stdout
    )
    assert "tekton: installed: absent: the cluster does not serve tekton.dev\n" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "namespace"),
    [([], "ml"), (["--engine", "argo"], "ml"), (["--namespace", "team"], "team"), (["--engine", "kfp"], "")],
)
def test_the_namespace_in_json_is_the_one_that_was_looked_at(
    server: Server, arguments: list[str], namespace: str
) -> None:
    assert json.loads(doctor("--format", "json", *arguments).stdout)["namespace"] == namespace


def test_a_missing_right_has_a_remedy(server: Server) -> None:
    server.denied = {SELF: {("create", "workflows")}, OTHERS: {("create", "configmaps")}}
    found = doctor("--engine", "argo", "--namespace", "team", "--format", "json")
    assert found.exit_code == 1
    checks = json.loads(found.stdout)["checks"]
    missing = [(item["feature"], item["message"], item["remedy"]) for item in checks if item["state"] == "missing"]
    install = "couler cache install --namespace flows-system | kubectl apply -f -"
    assert missing == [
        ("run", "you may not create workflows in team", "an administrator has to grant it"),
        ("cache{via=memoize}", "flows-system/flows may not create configmaps in flows-system", install),
    ]


def test_what_the_cluster_does_not_tell_is_unknown(server: Server) -> None:
    server.denied = {SELF: set()}
    found = doctor("--engine", "argo")
    assert found.exit_code == 0
    assert (
        "argo: cache{via=memoize}: unknown: the cluster does not tell you whether flows-system/flows may"
        in found.stdout
    )
    assert "can-i create configmaps -n flows-system --as system:serviceaccount:flows-system:flows" in found.stdout
    del server.answers["/apis/apps/v1/deployments"]
    assert "argo: controller: unknown: no controller was found" in doctor("--engine", "argo").stdout


def pod(name: str, *, scheduled: int, started: int, worked: int, waited: int, phase: str = "Succeeded") -> Any:
    """A pod of Argo with the seconds of a minute at which each of its containers started or ended."""

    def at(second: int) -> str:
        return f"2026-01-01T00:00:{second:02}Z"

    containers = [
        {"name": name, "state": {"terminated": {"startedAt": at(started), "finishedAt": at(ended)}}}
        for name, ended in (("main", worked), ("wait", waited))
    ]
    conditions = [
        {"type": "Initialized", "status": "True", "lastTransitionTime": at(0)},
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": at(scheduled)},
    ]
    status = {"phase": phase, "conditions": conditions, "containerStatuses": containers}
    return {"metadata": {"name": name, "namespace": "ml"}, "status": status}


def test_it_measures_how_long_a_pod_takes_beside_its_work(server: Server) -> None:
    ends = (31, 32, 32, 33, 40)
    pods = [pod(f"p{end}{i}", scheduled=5, started=9, worked=30, waited=end) for i, end in enumerate(ends)]
    odd: list[Any] = [
        pod("failed", scheduled=0, started=50, worked=51, waited=59, phase="Failed"),
        {"metadata": {"name": "bare", "namespace": "ml"}, "status": {"phase": "Succeeded"}},
        {"metadata": {"name": "silent", "namespace": "ml"}},
        pod("broken", scheduled=5, started=99, worked=99, waited=99),
    ]
    path = "/api/v1/namespaces/ml/pods"
    server.answers[path] = {"kind": "PodList", "metadata": {}, "items": [*pods, *odd]}
    line = "argo: fuse: ok: a pod takes 6 s beside its work (median of 5 pods): fuse{overhead=6}\n"
    assert line in doctor("--engine", "argo").stdout
    server.answers[path]["items"] = [*pods[1:], *odd]
    few = "argo: fuse: unknown: 4 pods in ml tell how long a pod takes beside its work; 5 are needed\n"
    assert few + "    run a workflow, and ask again\n" in doctor("--engine", "argo").stdout
    del server.answers[path]
    assert "argo: fuse: unknown: you may not list pods in ml" in doctor("--engine", "argo").stdout


def test_an_engine_that_is_not_there_or_not_on_kubernetes(server: Server) -> None:
    found = doctor("--engine", "tekton")
    assert (found.exit_code, "tekton: installed: missing" in found.stdout) == (1, True)


def test_without_a_cluster_it_says_so() -> None:
    found = doctor()
    assert (found.exit_code, "cluster: reached: absent: no cluster is configured" in found.stdout) == (0, True)
    assert json.loads(doctor("--format", "json").stdout)["namespace"] == ""
    found = doctor("--engine", "argo")
    assert (found.exit_code, "no cluster is configured" in found.stderr) == (2, True)


def test_each_extra_has_its_versions_or_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "hera":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr("couler_plugins.cli.doctor.version", version)
    lines = doctor().stdout.splitlines()
    assert f"couler: extra kfp: ok: kfp {real('kfp')}" in lines
    lack = lines.index("couler: extra argo: absent: hera is not installed (workflows that are written with Hera)")
    assert re.fullmatch(r"    .*pip .*install .*\[argo\]'", lines[lack + 1])
    known = {line.split()[2][:-1] for line in lines if line.startswith("couler: extra ")}
    assert known == EXTRAS.keys() == set(importlib.metadata.metadata(NAME).get_all("Provides-Extra") or ())


def test_programs_are_found_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "helm").write_text("#!/bin/sh\n")
    (tmp_path / "helm").chmod(0o755)
    said = doctor().stdout
    assert f"couler: helm: ok: {tmp_path}/helm\n" in said
    assert "couler: kustomize: absent: it is not on the PATH (--render of kustomizations)\n" in said


def test_a_plugin_that_fails_is_named(plugin_box: PluginBox) -> None:
    assert re.search("couler: plugins: ok: [0-9]+ are there", doctor().stdout)
    plugin_box.add("broken", "import no_such_module")
    found = doctor()
    assert (found.exit_code, "couler: plugins: missing: broken cannot be used" in found.stdout) == (1, True)


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        "couler: store: absent: no store of `couler cache` is set\n    set cache-store in couler.toml"
        in doctor().stdout
    )
    monkeypatch.setenv("COULER_CACHE_STORE", str(tmp_path / "store"))
    found = doctor()
    line = f"couler: store: missing: {tmp_path}/store: there is no such folder\n"
    assert (found.exit_code, line in found.stdout, (tmp_path / "store").exists()) == (1, True, False)
    (tmp_path / "store").mkdir()
    assert f"couler: store: ok: {tmp_path}/store answers\n" in doctor().stdout
    monkeypatch.setenv("COULER_CACHE_STORE", "s3://user:secret@bucket/x?key=secret")
    assert "secret" not in doctor().output


def test_airflow_is_reached_by_its_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = doctor("--engine", "airflow")
    remedy = "call couler where the scheduler runs, with its environment"
    count = "0 ok, 1 absent, 0 missing, 0 unknown"
    lines = [f"airflow: reached: absent: no Airflow is set up in {tmp_path}", f"    {remedy}", count]
    assert (said.exit_code, said.stdout.splitlines()) == (0, lines)
    (tmp_path / "airflow.cfg").touch()
    said = doctor("--engine", "airflow")
    assert re.search("^airflow: reached: ok: the database of Airflow [0-9.]+ answers$", said.stdout, re.MULTILINE)
    remedy = "set cache_store in [couler] of airflow.cfg, or AIRFLOW__COULER__CACHE_STORE"
    assert f"airflow: cache: absent: no store is set, so nothing is cached\n    {remedy}\n" in said.stdout
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_STORE", str(tmp_path))
    assert f"airflow: cache: ok: {tmp_path} answers\n" in doctor("--engine", "airflow").stdout
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_WAIT", "soon")
    said = doctor("--engine", "airflow")
    assert (said.exit_code, "airflow: cache: missing: " in said.stdout) == (1, True)


def test_airflow_opens_its_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "airflow.cfg").touch()
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_STORE", "oci://user:secret@bucket/cache")  # nobody installs its package
    done = doctor("--engine", "airflow")
    assert (done.exit_code, "secret" in done.output) == (1, False)
    assert re.search("^airflow: cache: missing: oci://.*ocifs", done.stdout, re.MULTILINE)
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_STORE", str(tmp_path / "store"))
    done = doctor("--engine", "airflow")
    line = f"airflow: cache: unknown: {tmp_path}/store is not there yet: the first result makes it\n"
    assert (done.exit_code, line in done.stdout, (tmp_path / "store").exists()) == (0, True, False)


def test_airflow_reads_its_declarations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "airflow.cfg").touch()
    unread = "the settings cannot be read"
    for path, reason in (("couler.toml", "'couler.toml' is not an absolute"), (f"{tmp_path}/couler.toml", unread)):
        monkeypatch.setenv("AIRFLOW__COULER__DECLARATIONS", path)
        done = doctor("--engine", "airflow")
        line = f"airflow: declarations: missing: AIRFLOW__COULER__DECLARATIONS: {reason}"
        assert (done.exit_code, line in done.stdout) == (1, True)
        assert "    set it to the absolute path of a couler.toml that is there on workers" in done.stdout
    (tmp_path / "couler.toml").write_text('[[guard.declare]]\ntask = "load"\nidempotent = true\n')
    done = doctor("--engine", "airflow")
    assert f"airflow: declarations: ok: {tmp_path}/couler.toml can be read\n" in done.stdout


def test_kfp_is_reached_where_its_endpoint_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("couler_kfp.run.client.RETRIES", lambda on, call: call())
    with kfp_server(lambda run: None) as server:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", server.url)
        assert f"kfp: reached: ok: KFP's API answers at {server.url}\n" in doctor("--engine", "kfp").stdout
    found = doctor("--engine", "kfp")
    assert (found.exit_code, "kfp: reached: missing: KFP does not answer" in found.stdout) == (1, True)
