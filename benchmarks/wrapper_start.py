"""How much later a step begins with the cache's wrapper around its command, on a live cluster.

python3 dev.py cluster up
python -m benchmarks.wrapper_start --json wrapper_start.json

A step prints a word. It runs as it is (`plain`), and wrapped: where nothing is found (`miss`), and where its result is
(`hit`), with what `cache{via=wrapper}` gives its containers unless told otherwise, and without a limit of their CPU
(`cpu=none`: `free_miss`, `free_hit`). One pod runs at a time, kinds take turns, and the store is an S3 on the node.

Figures, `ENGINE_KIND_…` for `argo` and `tekton` (medians over pods):

output_seconds      from the pod's creation to the first line that the step prints; on a hit, Argo's launcher prints it,
                    and of Tekton there is none
pod_seconds         from the pod's creation to the end of all its containers
cpu_seconds         of all its containers, which does not depend on who else uses the machine
output_growth, pod_growth, cpu_growth    these without those of `plain`
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from benchmarks.harness import arguments, finish, tell

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from cluster.cluster import BUCKET, Cluster  # what tests run a cluster with
from cluster.commands import busybox, dag, pipeline, task
from cluster.corpus.observing import HIT, STORE
from cluster.running import run_argo, run_tekton

KINDS = {"plain": "", "miss": "", "hit": "", "free_miss": ",cpu=none", "free_hit": ",cpu=none"}
"""What is measured, and what the optimizer is told beside where the store is."""
WHAT = ("output", "pod", "cpu")
LIMITS = {f"{engine}_{kind}_pod_growth": 20.0 for engine in ("argo", "tekton") for kind in KINDS if kind != "plain"}
POD_CGROUPS = Path("/sys/fs/cgroup/cpuacct/couler-cluster-run/cpuacct.usage")
PURE = {"couler.io/cache": "pure", "couler.io/max-output-bytes": "64"}
TRIES = 4
"""How often a run may find nothing that should have a hit: a result is not always kept."""
Document = dict[str, Any]
Measured = dict[str, float]


def main() -> None:
    options = arguments(__doc__ or "")
    cluster = Cluster()
    if not cluster.is_up:
        raise SystemExit("this benchmark needs a cluster, and none is up: python3 dev.py cluster up")
    times: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    with namespace(cluster) as name, pods_seen(cluster, name) as seen:
        steps = [Step(cluster, name, engine, kind, seen) for engine in ("argo", "tekton") for kind in KINDS]
        for number in range(2 if options.quick else 6):
            for step in steps:
                measured = step.run(f"s{number}")
                tell(f"{step.engine} {step.kind}: {measured}")
                if number:  # the first pods read what later ones find in memory
                    times[step.engine, step.kind].append(measured)
    figures: dict[str, Any] = {"runs": min(map(len, times.values()))}
    for (engine, kind), several in times.items():
        for what in several[0]:
            figures[f"{engine}_{kind}_{what}_seconds"] = statistics.median(one[what] for one in several)
    for engine, kind in times:
        for what in WHAT if kind != "plain" else ():
            if f"{engine}_{kind}_{what}_seconds" in figures:
                growth = figures[f"{engine}_{kind}_{what}_seconds"] - figures[f"{engine}_plain_{what}_seconds"]
                figures[f"{engine}_{kind}_{what}_growth"] = round(growth, 3)
    finish(options, figures, {bar: figures[bar] for bar in LIMITS}, LIMITS)


class Step:
    """A step of one engine, wrapped or not.

    Args:
        cluster: that is up.
        namespace: where it runs.
        engine: `argo` or `tekton`.
        kind: of `KINDS`.
        seen: when pods came, and when they ended.
    """

    def __init__(self, cluster: Cluster, namespace: str, engine: str, kind: str, seen: Mapping[str, Measured]) -> None:
        self.engine = engine
        self.kind = kind
        self._cluster = cluster
        self._namespace = namespace
        self._seen = seen
        self._document = argo() if engine == "argo" else tekton()
        if kind != "plain":
            store = f"s3://{BUCKET}/cache-{uuid.uuid4().hex[:8]}"
            options = f"via=wrapper,store={store},secret=store,image={cluster.image('couler')}{KINDS[kind]}"
            self._document = optimized(cluster, self._document, f"cache{{{options}}}")

    def run(self, salt: str) -> Measured:
        """What a pod of it takes: of hits, another one must have left its result."""
        wanted = "hit" in self.kind
        for _ in range(TRIES):
            measured, hit = self._run("kept" if wanted else salt)
            if hit == wanted:
                return measured
        raise SystemExit(f"{self.engine}: nothing was reused")

    def _run(self, salt: str) -> tuple[Measured, bool]:
        before, used = set(self._seen), cpu_seconds()
        self._document["spec"]["params" if self.engine == "tekton" else "arguments"] = given(self.engine, salt)
        outcome = (run_tekton if self.engine == "tekton" else run_argo)(self._cluster, self._namespace, self._document)
        if outcome.phase != "Succeeded":
            raise SystemExit(f"{self.engine}: {outcome}")
        self._cluster.wait_for("the pod's end", lambda: all("ended" in one for one in self._seen.values()))
        (pod,) = set(self._seen) - before
        created, container = self._seen[pod]["created"], "main" if self.engine == "argo" else "step-s0"
        lines = self._lines(pod, container)
        measured = {"pod": self._seen[pod]["ended"] - created, "cpu": cpu_seconds() - used}
        hit = HIT in lines[0] if self.engine == "argo" else not lines
        if lines:
            measured["output"] = datetime.fromisoformat(lines[0].partition(" ")[0]).timestamp() - created
        return {what: round(value, 3) for what, value in measured.items()}, hit

    def _lines(self, pod: str, container: str) -> list[str]:
        """What the step printed, each line with its time, without those of Argo's executor."""
        text = self._cluster.kubectl("logs", pod, "-n", self._namespace, "-c", container, "--timestamps")
        return [
            line for line in text.splitlines() if "argo=true" not in line and line.partition(" ")[2].startswith(PRINTS)
        ]


PRINTS = ("first", HIT)


def argo() -> Document:
    salt = {"parameters": [{"name": "salt", "value": "{{workflow.parameters.salt}}"}]}
    work = busybox(
        "work",
        "echo first; echo {{inputs.parameters.salt}} > /tmp/text",
        metadata={"annotations": PURE},
        inputs={"parameters": [{"name": "salt"}]},
        outputs={"parameters": [{"name": "text", "valueFrom": {"path": "/tmp/text"}}]},
    )
    return dag("start-", [{"name": "work", "template": "work", "arguments": salt}], [work], arguments=given("argo", ""))


def tekton() -> Document:
    work = task(
        "work",
        "echo first; printf %s $(params.salt) > $(results.text.path)",
        params=[{"name": "salt", "value": "$(params.salt)"}],
        results=["text"],
    )
    work["taskSpec"]["metadata"] = {"annotations": PURE}
    document = pipeline("start-", [work], params=[{"name": "salt"}])
    document["spec"]["params"] = given("tekton", "")
    return document


def given(engine: str, salt: str) -> Any:
    parameters = [{"name": "salt", "value": salt}]
    return {"parameters": parameters} if engine == "argo" else parameters


def optimized(cluster: Cluster, document: Document, pipeline: str) -> Document:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "w.yaml").write_text(yaml.safe_dump(document))
        ran = cluster.run("couler", "optimize", "-p", pipeline, "w.yaml", cwd=folder)
    if ran.returncode or "couler-save" not in ran.stdout:
        raise SystemExit(f"it is not wrapped: {ran.stderr}")
    made: Document = yaml.safe_load(ran.stdout)
    return made


@contextlib.contextmanager
def namespace(cluster: Cluster) -> Iterator[str]:
    name = f"start-{uuid.uuid4().hex[:8]}"
    cluster.add_namespace(name)
    try:
        cluster.api.create(name, STORE)
        yield name
    finally:
        cluster.api.remove_namespace(name)


@contextlib.contextmanager
def pods_seen(cluster: Cluster, namespace: str) -> Iterator[dict[str, Measured]]:
    """When each pod was first seen, and when all of it had ended: the API server tells whole seconds only."""
    seen: dict[str, Measured] = {}
    columns = "custom-columns=NAME:.metadata.name,PHASE:.status.phase"
    watch = cluster.inside("kubectl", "get", "pods", "-n", namespace, "--watch", "--no-headers", "-o", columns)
    with subprocess.Popen(watch, env=cluster.environment(), stdout=subprocess.PIPE, text=True) as watching:

        def follow() -> None:
            assert watching.stdout is not None
            for line in watching.stdout:
                name, phase = line.split()
                times = seen.setdefault(name, {"created": time.time()})
                if phase in ("Succeeded", "Failed"):
                    times.setdefault("ended", time.time())

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            watching.kill()
    thread.join()


def cpu_seconds() -> float:
    """Of all pods so far."""
    return int(POD_CGROUPS.read_text()) / 1e9


if __name__ == "__main__":
    main()
