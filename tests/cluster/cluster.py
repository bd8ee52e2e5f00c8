"""A cluster of one node, of real programs, in namespaces of its own: `up`, `down`, and what runs inside."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from cluster.api import Api
from cluster.images import image_on_demand, images
from cluster.programs import ARGO, ETCD, KEPT, KUBERNETES, KUEUE, MODULES, TEKTON, Built, build
from servers import prometheus

__all__ = ["Cluster"]

ADDRESS = "10.244.0.1"
"""Of the node, as pods see it."""
SERVERS = {
    "IP": ["127.0.0.1", "10.96.0.1", ADDRESS],
    "DNS": ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"],
}
USERS = {
    "admin": ("admin", "system:masters"),
    "manager": ("system:kube-controller-manager", "system:authenticated"),
    "scheduler": ("system:kube-scheduler", "system:authenticated"),
    "node": ("system:node:node1", "system:nodes"),
    "argo": ("system:serviceaccount:argo:argo", "system:serviceaccounts"),
    "tekton": ("system:serviceaccount:tekton-pipelines:tekton-pipelines-controller", "system:serviceaccounts"),
    "tekton-webhook": ("system:serviceaccount:tekton-pipelines:tekton-pipelines-webhook", "system:serviceaccounts"),
    "kueue": ("system:serviceaccount:kueue-system:controller-manager", "system:serviceaccounts"),
}
"""Who has a token: the name, and a group. Controllers run as processes of the node under the roles that they ship."""
CONTROLLERS = ("argo", "tekton", "tekton-webhook")
"""What is started when its roles and settings are there."""
ON_DEMAND = ("kueue",)
"""What tests start that need it."""
NEEDED = {
    "buildah": "buildah",
    "containerd": "containerd",
    "runc": "runc",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "openssl": "openssl",
    "kubectl": "kubernetes-client",
    "busybox": "busybox-static",
    "mmdebstrap": "mmdebstrap",
    "iptables": "iptables",
    "curl": "curl",
}
"""Programs, and the package of Debian that has each."""
CNI = Path("/usr/lib/cni/bridge")
API_PORT = 443
S3_PORT, S3_KEY, S3_SECRET, BUCKET = 9000, "admin", "password", "artifacts"
PROMETHEUS = f"http://{ADDRESS}:9099"
"""What measures the node's containers, where Debian's Prometheus is to be had."""
SCRAPES = 3.0
"""Seconds between two of its looks."""
PATIENCE = 120.0
"""Seconds in which a program has to be ready."""


class Cluster:
    """The cluster whose state is in a folder; up or not.

    Attributes:
        folder: of its state: configuration, logs, what the kubelet and containerd keep.
    """

    def __init__(self, folder: Path = KEPT / "run") -> None:
        self.folder = folder

    @property
    def init(self) -> int | None:
        """The first process of its namespaces, as the host numbers it; None where it is down."""
        with contextlib.suppress(OSError, ValueError):
            outer = int((self.folder / "outer.pid").read_text())
            # After a restart of the machine the number may be somebody else's, whom `down` must not end.
            if str(self.folder).encode() not in Path(f"/proc/{outer}/cmdline").read_bytes():
                return None
            children = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
            return int(children[0]) if children else None
        return None

    @property
    def is_up(self) -> bool:
        return self.init is not None and (self.folder / "ready").exists()

    def up(self) -> None:
        """Build what is not built yet, and start it; a cluster that is up stays as it is.

        Raises:
            RuntimeError: this machine cannot run one, or something does not start; the message says what to do.
        """
        if self.is_up:
            return
        if missing := missing_here():
            raise RuntimeError(f"this machine cannot run a cluster: {missing}")
        built = {module.path: build(module) for module in MODULES}
        archives = images(built)
        self.down()
        for name in ("logs", "etc", "etc/cni"):
            (self.folder / name).mkdir(parents=True)
        self._write_settings(built)
        for name in (*CONTROLLERS, *ON_DEMAND):
            (self.folder / f"{name}.stopped").touch()
        self._start()
        self._import(archives)
        self.wait_for("the API server", lambda: self.kubectl("get", "--raw", "/readyz", check=False) == "ok")
        self._install(built)
        for name in CONTROLLERS:
            (self.folder / f"{name}.stopped").unlink()
        bucket = ["curl", "--silent", "--fail", "--request", "PUT", f"http://{ADDRESS}:{S3_PORT}/{BUCKET}"]
        self.wait_for("the S3", lambda: self.run(*bucket).returncode == 0)
        self.apply(namespace_documents("default"))
        self.wait_for("the node", self.node_is_ready)
        (self.folder / "ready").touch()

    def down(self) -> None:
        """End all that runs, and remove all but what was built."""
        if self.init is not None:
            outer = int((self.folder / "outer.pid").read_text())
            os.kill(self.init, signal.SIGKILL)  # the kernel ends whatever is in its process namespace
            with contextlib.suppress(ChildProcessError):
                os.waitpid(outer, 0)
            self.wait_for("the end", lambda: not Path(f"/proc/{outer}").exists(), up=False)
        remove_cgroups(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    def inside(self, *command: str) -> list[str]:
        """The command that runs a command inside of the cluster's network, where the API server listens."""
        assert self.init is not None, "the cluster is down: python3 dev.py cluster up"
        return ["nsenter", f"--net=/proc/{self.init}/ns/net", *command]

    def environment(self) -> dict[str, str]:
        """The variables with which `kubectl` and `couler` find the cluster, and are found."""
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
        return {**os.environ, "PATH": path, "KUBECONFIG": str(self.folder / "etc" / "admin.kubeconfig")}

    def run(self, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command inside, with the rights of an administrator."""
        settings = {"capture_output": True, "text": True, "env": self.environment(), **options}
        ran: subprocess.CompletedProcess[str] = subprocess.run(self.inside(*command), check=False, **settings)
        return ran

    def kubectl(self, *arguments: str, check: bool = True, **options: Any) -> str:
        """Return what kubectl prints.

        Raises:
            RuntimeError: it failed; not with `check=False`.
        """
        ran = self.run("kubectl", *arguments, **options)
        if check and ran.returncode:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {ran.stderr.strip()}")
        return ran.stdout

    @cached_property
    def api(self) -> Api:
        """The API server, without a process for each question."""
        self.wait_for("kubectl proxy", (self.folder / "api").exists)
        return Api(self.folder / "api")

    def apply(self, documents: Sequence[Mapping[str, Any]]) -> None:
        text = yaml.safe_dump_all(documents)
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=text)

    def wait_for(self, what: str, condition: Callable[[], Any], seconds: float = PATIENCE, *, up: bool = True) -> None:
        """Wait until a condition holds.

        Raises:
            RuntimeError: it did not in time, or the cluster ended.
        """
        end = time.monotonic() + seconds
        while not condition():
            if up and self.init is None:
                raise RuntimeError(f"the cluster ended: see {self.folder}/logs")
            if time.monotonic() > end:
                raise RuntimeError(f"{what} was not ready in {seconds:g} s: see {self.folder}/logs")
            time.sleep(0.2)

    def add_namespace(self, name: str) -> None:
        """Make a namespace in which Argo's pods may tell what they gave, reach the S3, and start at once."""
        for document in namespace_documents(name):
            self.api.create(name, document)
        self.wait_for("the account", lambda: self.api.list(name, "ServiceAccount"))

    def image(self, name: str) -> str:
        """Return the name of an image that only some tests need, and see to it that the node has it.

        Args:
            name: as `image_on_demand` takes it.
        """
        with (KEPT / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            full_name, archive = image_on_demand(name)
            node = self.node()["status"].get("images", [])
            if not any(full_name in item.get("names", []) for item in node):
                self._import([archive])
        return full_name

    def _start(self) -> None:
        command = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
        node = Path(__file__).with_name("node.py")
        with (self.folder / "logs" / "node.log").open("w") as log:
            outer = subprocess.Popen(
                [*command, sys.executable, str(node), str(self.folder)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        (self.folder / "outer.pid").write_text(str(outer.pid))
        outer.returncode = 0  # it may outlive this process, and its object is not to warn of that
        self.wait_for("the first process", lambda: self.init is not None, up=False)

    def _import(self, archives: Sequence[Path]) -> None:
        # Inside of the mounts as well: that is where the snapshots are.
        enter = ["nsenter", f"--mount=/proc/{self.init}/ns/mnt", f"--net=/proc/{self.init}/ns/net"]
        ctr = [*enter, "ctr", "--address", str(self.folder / "containerd.sock")]

        def answers() -> bool:
            return subprocess.run([*ctr, "version"], capture_output=True, check=False).returncode == 0

        self.wait_for("containerd", answers)
        for archive in archives:
            command = [*ctr, "--namespace", "k8s.io", "images", "import", "--all-platforms", str(archive)]
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
            if ran.returncode:
                raise RuntimeError(f"containerd takes {archive.name} for no image: {ran.stderr.strip()}")

    def node(self) -> dict[str, Any]:
        """The node, as the API server has it; empty where it has none yet."""
        text = self.kubectl("get", "node", "node1", "-o", "json", check=False)
        found: dict[str, Any] = json.loads(text or "{}")
        return found

    def node_is_ready(self) -> bool:
        conditions = self.node().get("status", {}).get("conditions", [])
        return any((item["type"], item["status"]) == ("Ready", "True") for item in conditions)

    def _install(self, built: Mapping[str, Built]) -> None:
        for documents in (argo_manifests(built[ARGO.path].module), tekton_manifests(built[TEKTON.path].module)):
            first = [item for item in documents if item["kind"] in ("Namespace", "CustomResourceDefinition")]
            self.apply(first)
            self.apply([item for item in documents if item not in first])

    def _write_settings(self, built: Mapping[str, Built]) -> None:
        etc = self.folder / "etc"
        make_certificates(etc)
        lines = [f'{name}-token,{user},{name},"{group},system:authenticated"' for name, (user, group) in USERS.items()]
        (etc / "tokens.csv").write_text("\n".join(lines) + "\n")
        for name in USERS:
            (etc / f"{name}.kubeconfig").write_text(json.dumps(kubeconfig(etc, name)))
        (etc / "cni" / "10-bridge.conflist").write_text(json.dumps(BRIDGE))
        (etc / "kubelet.yaml").write_text(json.dumps(kubelet_settings(self.folder)))
        (etc / "containerd.toml").write_text(CONTAINERD.replace("@", str(self.folder)))
        (etc / "resolv.conf").write_text("")
        several = programs(self.folder, built)
        with contextlib.suppress(RuntimeError):  # all but its own test does without it, and that says why there is none
            several.append(prometheus_program(self.folder / "prometheus"))
        (self.folder / "programs.json").write_text(json.dumps(several))


def namespace_documents(name: str) -> list[dict[str, Any]]:
    """A namespace, and what Argo's pods need there: a key to the S3, and the right to tell what they gave."""
    metadata = {"namespace": name}
    rule = {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
    rbac = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s3", **metadata},
            "stringData": {"key": S3_KEY, "secret": S3_SECRET},
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            "metadata": {"name": "executor", **metadata},
            "rules": [rule],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "executor", **metadata},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "executor"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", **metadata}],
        },
    ]


def missing_here() -> str:
    """What this machine lacks to run a cluster, and the remedy; empty where nothing is missing."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "it needs Linux and root"
    packages = sorted({package for program, package in NEEDED.items() if shutil.which(program) is None})
    if not CNI.exists():
        packages.append("containernetworking-plugins")
    return f"apt-get install {' '.join(packages)}" if packages else ""


def remove_cgroups(folder: Path) -> None:
    """Remove the empty groups that pods and programs have left in each hierarchy, the innermost first."""
    for suffix in ("", "-system"):  # another cluster's name may begin with this one's
        for root in Path("/sys/fs/cgroup").glob(f"*/couler-cluster-{folder.name}{suffix}"):
            for group, _, _ in os.walk(root, topdown=False):
                with contextlib.suppress(OSError):
                    Path(group).rmdir()


def make_certificates(etc: Path) -> None:
    names = ",".join(f"{kind}:{name}" for kind, several in SERVERS.items() for name in several)
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    own = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", f"subjectAltName={names}"]
    commands = [
        # One certificate, which vouches for itself, is enough for one server.
        [*new, "-days", "30", "-subj", "/CN=kubernetes", "-keyout", "api.key", "-out", "api.crt", *own],
        ["openssl", "genrsa", "-out", "accounts.key", "2048"],
        ["openssl", "rsa", "-in", "accounts.key", "-pubout", "-out", "accounts.pub"],
    ]
    for command in commands:
        subprocess.run(command, cwd=etc, check=True, capture_output=True)


def kubeconfig(etc: Path, name: str) -> dict[str, Any]:
    cluster = {"server": "https://127.0.0.1:443", "certificate-authority": str(etc / "api.crt")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": name, "user": {"token": f"{name}-token"}}],
        "contexts": [{"name": name, "context": {"cluster": "cluster", "user": name, "namespace": "default"}}],
        "current-context": name,
    }


BRIDGE = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "ipam": {
                "type": "host-local",
                "dataDir": "/run/cni",
                "ranges": [[{"subnet": "10.244.0.0/16", "rangeStart": "10.244.1.1", "gateway": ADDRESS}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
    ],
}

CONTAINERD = """
version = 2
root = "@/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = "@/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "@/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "registry.local/pause:1"
disable_apparmor = true
# Root in a sandbox has no CAP_SYS_RESOURCE: else no container starts.
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "@/etc/cni"
"""


def kubelet_settings(folder: Path) -> dict[str, Any]:
    eviction = {"memory.available": "1Mi", "nodefs.available": "0%", "nodefs.inodesFree": "0%"}
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "0.0.0.0",  # in a network of its own; without it there are no logs
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/couler-cluster-{folder.name}",
        "clusterDNS": ["10.96.0.10"],  # nobody answers there, but pods that want it start without a warning
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{folder}/containerd.sock",
        "enforceNodeAllocatable": [],
        "evictionHard": {**eviction, "imagefs.available": "0%", "imagefs.inodesFree": "0%"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "makeIPTablesUtilChains": False,
        "maxPods": 250,
        "podLogsDir": f"{folder}/pods",
        "resolvConf": f"{folder}/etc/resolv.conf",
        "serializeImagePulls": False,
        "volumePluginDir": f"{folder}/volumes",
    }


def programs(folder: Path, built: Mapping[str, Built]) -> list[dict[str, Any]]:
    """What runs on the node, in the order in which it starts; who comes too early is started again."""
    etc = folder / "etc"
    kubernetes = str(built[KUBERNETES.path].programs / "cluster")
    argo, tekton = built[ARGO.path].programs, built[TEKTON.path].programs

    def program(name: str, *command: str, **env: str) -> dict[str, Any]:
        return {"name": name, "command": command, "env": env}

    def config(name: str) -> str:
        return f"--kubeconfig={etc}/{name}.kubeconfig"

    own = f"--cert-dir={folder}/certificates"
    tekton_settings = {
        "SYSTEM_NAMESPACE": "tekton-pipelines",
        "KUBERNETES_MIN_VERSION": "v1.28.0",
        "CONFIG_DEFAULTS_NAME": "config-defaults",
        "CONFIG_FEATURE_FLAGS_NAME": "feature-flags",
        "CONFIG_LOGGING_NAME": "config-logging",
        "CONFIG_OBSERVABILITY_NAME": "config-observability",
        "CONFIG_SPIRE": "config-spire",
        "METRICS_DOMAIN": "tekton.dev/pipeline",
    }
    tekton_images = [
        word
        for name in ("entrypoint", "nop", "sidecarlogresults", "workingdirinit")
        for word in (f"-{name}-image", f"registry.local/tekton-{name}:1")
    ]
    return [
        program(
            "etcd",
            str(built[ETCD.path].programs / "cluster"),
            "--unsafe-no-fsync",
            f"--data-dir={folder}/etcd",
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
        ),
        program("containerd", "containerd", "--config", f"{etc}/containerd.toml"),
        program(
            "kube-apiserver",
            kubernetes,
            "kube-apiserver",
            "--etcd-servers=http://127.0.0.1:2379",
            "--bind-address=0.0.0.0",
            f"--secure-port={API_PORT}",
            f"--advertise-address={ADDRESS}",
            "--service-cluster-ip-range=10.96.0.0/24",
            own,
            f"--tls-cert-file={etc}/api.crt",
            f"--tls-private-key-file={etc}/api.key",
            f"--token-auth-file={etc}/tokens.csv",
            "--authorization-mode=Node,RBAC",
            f"--service-account-key-file={etc}/accounts.pub",
            f"--service-account-signing-key-file={etc}/accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--kubelet-preferred-address-types=InternalIP",
            "--allow-privileged=true",
            "--endpoint-reconciler-type=none",
        ),
        program("proxy", "kubectl", "proxy", config("admin"), f"--unix-socket={folder}/api"),
        program("s3", sys.executable, "-m", "moto.server", "-H", "0.0.0.0", "-p", str(S3_PORT)),
        program(
            "kube-controller-manager",
            kubernetes,
            "kube-controller-manager",
            config("manager"),
            f"--service-account-private-key-file={etc}/accounts.key",
            f"--root-ca-file={etc}/api.crt",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            own,
        ),
        program(
            "kube-scheduler",
            kubernetes,
            "kube-scheduler",
            config("scheduler"),
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            own,
        ),
        program(
            "kubelet",
            kubernetes,
            "kubelet",
            config("node"),
            f"--config={etc}/kubelet.yaml",
            f"--root-dir={folder}/kubelet",
            own,
            "--hostname-override=node1",
            f"--node-ip={ADDRESS}",
            # cAdvisor, which measures containers: where it asks for their names, and how often it looks (else 10 s).
            f"--containerd={folder}/containerd.sock",
            "--housekeeping-interval=2s",
        ),
        program(
            "argo",
            str(argo / "workflow-controller"),
            config("argo"),
            "--namespace=argo",
            "--executor-image=registry.local/argoexec:v4.0.5",
            "--executor-image-pull-policy=IfNotPresent",
            LEADER_ELECTION_DISABLE="true",
            ARGO_NAMESPACE="argo",
            # By default a workflow is looked at again 10 s after a change; Argo's own tests do not wait either.
            DEFAULT_REQUEUE_TIME="1s",
        ),
        program(
            "tekton-webhook",
            str(tekton / "webhook"),
            **tekton_settings,
            KUBECONFIG=f"{etc}/tekton-webhook.kubeconfig",
            CONFIG_LEADERELECTION_NAME="config-leader-election-webhook",
            PROBES_PORT="8082",
            WEBHOOK_PORT="8443",
            WEBHOOK_ADMISSION_CONTROLLER_NAME="webhook.pipeline.tekton.dev",
            WEBHOOK_SERVICE_NAME="tekton-pipelines-webhook",
            WEBHOOK_SECRET_NAME="webhook-certs",
        ),
        program(
            "tekton",
            str(tekton / "controller"),
            *tekton_images,
            "-shell-image=docker.io/library/busybox:1",
            "-shell-image-win=none",
            **tekton_settings,
            KUBECONFIG=f"{etc}/tekton.kubeconfig",
            CONFIG_LEADERELECTION_NAME="config-leader-election-controller",
        ),
        program(
            "kueue",
            str(built[KUEUE.path].programs / "cluster"),
            f"--config={etc}/kueue.yaml",
            KUBECONFIG=f"{etc}/kueue.kubeconfig",
        ),
    ]


def prometheus_program(folder: Path) -> dict[str, Any]:
    """Prometheus, which asks the kubelet what containers use.

    Raises:
        RuntimeError: there is no Prometheus.
    """
    kubelet = {
        "job_name": "kubelet",
        "scheme": "https",
        "tls_config": {"insecure_skip_verify": True},  # the kubelet vouches for itself
        "metrics_path": "/metrics/cadvisor",
        "static_configs": [{"targets": [f"{ADDRESS}:10250"]}],
    }
    times = {"scrape_interval": f"{SCRAPES:g}s", "scrape_timeout": f"{SCRAPES:g}s"}
    command = prometheus.running(folder, PROMETHEUS.removeprefix("http://"))
    folder.mkdir()
    (folder / "prometheus.yml").write_text(json.dumps({"global": times, "scrape_configs": [kubelet]}))
    return {"name": "prometheus", "command": command, "env": {}}


def argo_manifests(module: Path) -> list[dict[str, Any]]:
    """What Argo ships for a cluster, but its Deployments; the executor's pods are small."""
    folder = module / "manifests"
    files = [
        *sorted((folder / "base" / "crds" / "full").glob("argoproj.io_*.yaml")),
        folder / "base" / "workflow-controller" / "workflow-controller-sa.yaml",
        *sorted((folder / "cluster-install-no-crds" / "workflow-controller-rbac").glob("workflow-*.yaml")),
    ]
    documents = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argo"}}, *loaded(files)]
    for item in documents:
        if item["kind"] in ("ServiceAccount", "Role", "RoleBinding"):
            item["metadata"]["namespace"] = "argo"
        for subject in item.get("subjects", ()):
            subject["namespace"] = "argo"
    repository = {
        "bucket": BUCKET,
        "endpoint": f"{ADDRESS}:{S3_PORT}",
        "insecure": True,
        "accessKeySecret": {"name": "s3", "key": "key"},
        "secretKeySecret": {"name": "s3", "key": "secret"},
    }
    settings = {
        "executor": yaml.safe_dump({"resources": {"requests": {"cpu": "1m", "memory": "16Mi"}}}),
        "artifactRepository": yaml.safe_dump({"s3": repository}),
        # Its usual port, 9090, is also that of Tekton, which is no process of the same node elsewhere.
        "metricsConfig": yaml.safe_dump({"port": 9191}),
    }
    metadata = {"name": "workflow-controller-configmap", "namespace": "argo"}
    return [*documents, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": settings}]


def tekton_manifests(module: Path) -> list[dict[str, Any]]:
    """What Tekton ships, but its Deployments; its webhook is at the port that it may open as a process of the node."""
    folder = module / "config"
    names = ("100-namespace/100-namespace.yaml", "500-webhooks.yaml", "webhook.yaml")
    patterns = ("200-*.yaml", "201-*.yaml", "300-crds/*.yaml", "config-*.yaml")
    files = [*(folder / name for name in names), *(path for item in patterns for path in sorted(folder.glob(item)))]
    documents = [item for item in loaded(files) if item["kind"] != "Deployment"]
    for item in documents:
        if item["kind"] == "Service":
            port = {"name": "https-webhook", "port": 8443, "targetPort": 8443}
            item["spec"] = {"clusterIP": "10.96.0.20", "ports": [port]}
        clients = [hook["clientConfig"] for hook in item.get("webhooks", ())]
        if item["kind"] == "CustomResourceDefinition" and "webhook" in item["spec"].get("conversion", {}):
            clients.append(item["spec"]["conversion"]["webhook"]["clientConfig"])
        for client in clients:
            client["service"]["port"] = 8443
    return documents


def loaded(files: Sequence[Path]) -> list[dict[str, Any]]:
    return [item for path in files for item in yaml.safe_load_all(path.read_text()) if item]
