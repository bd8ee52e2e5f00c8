"""`couler queue manifests`: Kueue's objects from a table, held to its CRDs, and what is wrong with a table."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from couler_plugins.cli.group import couler
from couler_plugins.documents import dump_yaml, read
from couler_plugins.engine_kit.crd import Schemas, check, load_schemas
from couler_plugins.queues.checks import check_table, read_table
from couler_plugins.queues.manifests import configuration_of, manifests_of
from couler_plugins.queues.shares import Shares, amount_text
from support import examples

TABLE = """\
[[flavors]]
name = "cpu-nodes"
labels = {pool = "cpu"}

[[flavors]]
name = "gpu-nodes"
labels = {"cloud.example/pool" = "gpu"}
taints = ["nvidia.com/gpu=present:NoSchedule", "spot:NoExecute"]

[[cohorts]]
name = "company"

[[cohorts]]
name = "research"
parent = "company"
weight = 3

[[teams]]
name = "vision"
namespaces = ["vision-runs", "vision-dev"]
cohort = "research"
weight = 2
reclaim = "Any"

[[teams]]
name = "language"
namespaces = ["language-runs"]
queue = "default-queue"
cohort = "research"
weight = 0.5

[[teams]]
name = "ci"
namespaces = ["ci"]

[[quotas]]
cohort = "research"
flavor = "cpu-nodes"
cpu = 64
memory = "256Gi"

[[quotas]]
team = "vision"
flavor = "gpu-nodes"
cpu = 16
gpu = 4
memory = "64Gi"
lend = {gpu = 2}

[[quotas]]
team = "language"
flavor = "gpu-nodes"
cpu = 0.5
gpu = 0
borrow = {gpu = 1}

[[quotas]]
team = "ci"
flavor = "cpu-nodes"
pods = 20
"hugepages.example/2Mi" = 4

[[priorities]]
name = "nightly"
value = -100
description = "Runs that nobody waits for."
"""
CLUSTERS = """\
[[clusters]]
name = "east"
kubeconfig = "east-kubeconfig"

[[clusters]]
name = "west"
kubeconfig = "west-kubeconfig"

"""
MULTI = (
    CLUSTERS
    + re.sub(r"(flavor = .*)", r'\1\ncluster = "east"', TABLE)
    + """
[[quotas]]
team = "vision"
flavor = "gpu-nodes"
cluster = "west"
cpu = 4
gpu = 1
memory = "1Mi"
"""
)


def run(folder: Path, text: str, *arguments: str) -> Any:
    file = folder / "queues.toml"
    file.write_text(text)
    return CliRunner().invoke(couler, ["queue", "manifests", str(file), *arguments])


def objects_in(text: str) -> dict[tuple[str, str], Any]:
    return {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(text)}


def crds() -> Path:
    """The folder of Kueue's CRDs in the Go module, where that is on this machine."""
    cached = os.environ.get("GOMODCACHE") or str(Path(os.environ.get("GOPATH") or Path.home() / "go") / "pkg/mod")
    return Path(cached) / "sigs.k8s.io/kueue@v0.17.0/config/components/crd/bases"


@cache
def schemas() -> Schemas:
    return load_schemas(str(crds()), 64 * 2**20)


@pytest.mark.skipif(not crds().is_dir(), reason="the Go module sigs.k8s.io/kueue@v0.17.0 is not on this machine")
@pytest.mark.parametrize("text", [TABLE, MULTI], ids=["one", "several"])
def test_an_api_server_takes_the_objects(text: str, tmp_path: Path) -> None:
    (tmp_path / "queues.toml").write_text(text)
    documents = manifests_of(read_table(tmp_path / "queues.toml"))
    for cluster, objects in documents.items():
        assert len(
            {(one["kind"], one["metadata"]["name"], one["metadata"].get("namespace")) for one in objects}
        ) == len(objects)
        file = read("---\n".join(map(dump_yaml, objects)), f"{cluster}.yaml")
        assert [str(remark) for remark in check(file.documents, schemas())] == []
    wrong = read(dump_yaml(objects[-1]).replace("clusterQueue", "clusterQueues"), "w.yaml")
    assert [*check(wrong.documents, schemas())]


def test_each_team_has_a_cluster_queue_and_local_queues(tmp_path: Path) -> None:
    result = run(tmp_path, TABLE, "-q")
    assert result.exit_code == 0, result.output
    assert {item["apiVersion"] for item in yaml.safe_load_all(result.stdout)} == {"kueue.x-k8s.io/v1beta2"}
    objects = objects_in(result.stdout)
    vision = objects["ClusterQueue", "vision"]["spec"]
    assert vision["cohortName"] == "research"
    assert vision["fairSharing"] == {"weight": "2"}
    assert vision["preemption"] == {"reclaimWithinCohort": "Any", "withinClusterQueue": "Never"}
    selector = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["vision-runs", "vision-dev"]}
    assert vision["namespaceSelector"] == {"matchExpressions": [selector]}
    (group,) = vision["resourceGroups"]
    assert group["coveredResources"] == ["cpu", "memory", "nvidia.com/gpu"]
    quotas = {one["name"]: one["resources"] for one in group["flavors"]}
    assert quotas["cpu-nodes"] == [{"name": name, "nominalQuota": "0"} for name in group["coveredResources"]]
    assert quotas["gpu-nodes"][2] == {"name": "nvidia.com/gpu", "nominalQuota": "4", "lendingLimit": "2"}
    assert objects["LocalQueue", "default-queue"]["metadata"]["namespace"] == "language-runs"
    assert objects["LocalQueue", "default-queue"]["spec"] == {"clusterQueue": "language"}
    assert objects["ClusterQueue", "language"]["spec"]["fairSharing"] == {"weight": "0.5"}
    (group,) = objects["ClusterQueue", "language"]["spec"]["resourceGroups"]
    assert group["flavors"][1]["resources"][2] == {"name": "nvidia.com/gpu", "nominalQuota": "0", "borrowingLimit": "1"}
    assert "cohortName" not in objects["ClusterQueue", "ci"]["spec"]
    assert objects["Cohort", "research"]["spec"]["parentName"] == "company"
    assert objects["Cohort", "research"]["spec"]["fairSharing"] == {"weight": "3"}
    assert objects["ResourceFlavor", "gpu-nodes"]["spec"] == {
        "nodeLabels": {"cloud.example/pool": "gpu"},
        "tolerations": [
            {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"},
            {"key": "spot", "operator": "Exists", "effect": "NoExecute"},
        ],
    }
    assert objects["WorkloadPriorityClass", "nightly"]["value"] == -100
    assert run(tmp_path, TABLE, "-q").stdout == result.stdout


def test_no_object_refers_to_a_later_one(tmp_path: Path) -> None:
    kinds = [item["kind"] for item in yaml.safe_load_all(run(tmp_path, TABLE, "-q").stdout)]
    order = ["ResourceFlavor", "WorkloadPriorityClass", "Cohort", "ClusterQueue", "LocalQueue"]
    assert list(dict.fromkeys(kinds)) == order


def test_what_teams_may_use_is_shown(tmp_path: Path) -> None:
    result = run(tmp_path, TABLE)
    rows = [line.split() for line in result.stderr.splitlines()]
    assert ["language", "language-runs", "default-queue", "gpu-nodes", "nvidia.com/gpu", "0", "1", "0.5"] in rows
    assert ["language", "language-runs", "default-queue", "cpu-nodes", "memory", "0", "256Gi", "0.5"] in rows
    assert ["ci", "ci", "ci", "cpu-nodes", "pods", "20", "20", "1"] in rows
    assert "note: pods that are running are deleted for others: vision" in result.stderr
    configuration = yaml.safe_load(result.stderr[result.stderr.index("apiVersion: config") :])
    assert configuration["integrations"]["frameworks"] == ["batch/job", "pod"]
    (expression,) = configuration["managedJobsNamespaceSelector"]["matchExpressions"]
    assert expression["values"] == ["ci", "language-runs", "vision-dev", "vision-runs"]
    assert configuration["fairSharing"]["preemptionStrategies"]


def test_machines_get_all_of_it(tmp_path: Path) -> None:
    data = json.loads(run(tmp_path, MULTI, "--format", "json").stdout)
    assert data["schema"] == "couler.queue.manifests/v1"
    assert set(data["objects"]) == {"manager", "east", "west"}
    share = next(one for one in data["shares"] if one["cluster"] == "west" and one["resource"] == "nvidia.com/gpu")
    assert (share["team"], share["quota"], share["most"]) == ("vision", 1, 1)


def test_several_clusters_get_a_manager_before_them(tmp_path: Path) -> None:
    assert run(tmp_path, MULTI).exit_code == 2
    result = run(tmp_path, MULTI, "-o", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "configuration.yaml",
        "east.yaml",
        "manager.yaml",
        "west.yaml",
    ]
    manager = objects_in((tmp_path / "out/manager.yaml").read_text())
    source = {"kubeConfig": {"location": "east-kubeconfig", "locationType": "Secret"}}
    assert manager["MultiKueueCluster", "east"]["spec"] == {"clusterSource": source}
    assert manager["MultiKueueConfig", "multikueue"]["spec"] == {"clusters": ["east", "west"]}
    assert manager["AdmissionCheck", "multikueue"]["spec"]["controllerName"] == "kueue.x-k8s.io/multikueue"
    vision = manager["ClusterQueue", "vision"]["spec"]
    assert vision["admissionChecksStrategy"] == {"admissionChecks": [{"name": "multikueue"}]}
    quotas = {one["name"]: one["resources"] for one in vision["resourceGroups"][0]["flavors"]}
    assert [one["nominalQuota"] for one in quotas["gpu-nodes"]] == ["20", "65537Mi", "5"]
    west = objects_in((tmp_path / "out/west.yaml").read_text())
    assert ("ClusterQueue", "ci") not in west
    assert "admissionChecksStrategy" not in west["ClusterQueue", "vision"]["spec"]


PROBLEMS = [
    ('name = "ci"', 'name = "CI"', 'name = "CI"', "names have lower-case letters"),
    ("[[priorities]]", "[[priority]]", None, "did you mean 'priorities'?"),
    ('namespaces = ["ci"]', 'namespace = "ci"', 'namespace = "ci"', "did you mean 'namespaces'?"),
    (
        'namespaces = ["ci"]',
        'namespaces = ["kube-system"]',
        '"kube-system"',
        "run workflows in a namespace of their own",
    ),
    ('namespaces = ["ci"]', 'namespaces = ["ci", "ci"]', '"ci", "ci"', "name it once"),
    (
        'namespaces = ["ci"]',
        'namespaces = ["ci", "vision-dev"]\nqueue = "vision"',
        '"ci", "vision-dev"',
        "another `queue`",
    ),
    ('namespaces = ["ci"]', 'namespaces = ["ci"]\nweight = 1', "weight = 1", "add cohort = …, or remove the weight"),
    ('namespaces = ["ci"]', "namespaces = []", "namespaces = []", "docs/queue.md"),
    ('name = "ci"', 'name = "cj"', 'name = "cj"', 'add a row [[quotas]] with team = "cj"'),
    ("weight = 0.5", "weight = 1e-10", "weight = 1e-10", "write 0, or a larger weight"),
    ("weight = 0.5", "weight = -1", "weight = -1", "docs/queue.md"),
    ("weight = 0.5", "weight = inf", "weight = inf", "docs/queue.md"),
    ('parent = "company"', 'parent = "research"', 'parent = "research"', "remove one `parent` of the circle"),
    ('parent = "company"', 'parent = "compony"', 'parent = "compony"', "did you mean 'company'?"),
    ('team = "ci"', 'team = "ic"', 'team = "ic"', "add a row [[teams]]"),
    ('team = "ci"', 'cohort = "research"\nteam = "ci"', 'team = "ci"', "write either team or cohort"),
    ('team = "ci"', 'team = "ci"\nborrow = {pods = 1}', "borrow = {pods", "name its cohort, or remove 'borrow'"),
    ("pods = 20", "pods = 1.5", "pods = 1.5", "write a whole number"),
    ("pods = 20", "pod = 20", "pod = 20", "did you mean 'pods'?"),
    ('pods = 20\n"hugepages.example/2Mi" = 4', "", 'flavor = "cpu-nodes"', "add cpu = 8"),
    ("cpu = 64", 'cpu = "many"', 'cpu = "many"', "write 8 or 500m for cores"),
    ('memory = "256Gi"', "memory = 256", "memory = 256", "write 256Gi"),
    ("lend = {gpu = 2}", "lend = {gpu = 5}", "lend = {gpu = 5}", "lend at most the quota"),
    ("lend = {gpu = 2}", "lend = {pods = 5}", "lend = {pods", 'add "pods" = 0 to the row itself'),
    (
        'flavor = "gpu-nodes"\ncpu = 0.5',
        'flavor = "gpu-node"\ncpu = 0.5',
        'flavor = "gpu-node"',
        "did you mean 'gpu-nodes'?",
    ),
    ('team = "language"', 'team = "vision"', 'flavor = "gpu-nodes"', "remove one of the two rows"),
    ("value = -100", "value = 3000000000", "value = 3000000000", "docs/queue.md"),
    ("spot:NoExecute", "spot", '"spot"', "a taint is KEY=VALUE:NoSchedule"),
    ("spot:NoExecute", "a b:NoExecute", '"a b:', "a taint is KEY=VALUE:NoSchedule"),
    ("spot:NoExecute", "/:NoExecute", '"/:', "a taint is KEY=VALUE:NoSchedule"),
    ('{"cloud.example/pool" = "gpu"}', '{"cloud.example/pool" = "gé_u"}', "gé_u", "names have lower-case"),
    ('name = "nightly"', 'name = "nightly\\n"', 'name = "nightly', "names have lower-case"),
    (
        '[[cohorts]]\nname = "company"',
        '[[clusters]]\nname = "manager"\n[[clusters]]\nname = "b"',
        'name = "manager"',
        "kubeconfig",
    ),
    ('[[cohorts]]\nname = "company"', "[[cohorts]\n", None, "docs/queue.md"),
]


@pytest.mark.parametrize(("old", "new", "place", "remedy"), PROBLEMS)
def test_problems_have_a_place_and_a_remedy(old: str, new: str, place: str | None, remedy: str, tmp_path: Path) -> None:
    """A place is a text of the line that is named."""
    assert old in TABLE
    text = TABLE.replace(old, new, 1)
    result = run(tmp_path, text)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    errors = re.split(r"^error: ", result.stderr, flags=re.MULTILINE)[1:]
    error = next(one for one in errors if remedy in one)
    (line,) = re.findall(r"queues.toml:(\d+): ", error) or [None]
    assert place is None or (line is not None and place in text.splitlines()[int(line) - 1]), error
    assert "  hint: " in error


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    text = TABLE.replace("pods = 20", "pods = 1.5").replace("cpu = 64", 'cpu = "x"')
    assert run(tmp_path, text).stderr.count("error: ") == 2


@pytest.mark.parametrize("text", ["", "x = 1", "teams = 3", "teams = [3]", "quotas = [3]", "[teams]\nname = 3", "\xff"])
def test_what_is_no_table_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "queues.toml").write_bytes(text.encode("latin-1"))
    result = CliRunner().invoke(couler, ["queue", "manifests", str(tmp_path / "queues.toml")])
    assert result.exit_code == 2
    assert "queues.toml" in result.stderr
    assert "internal error" not in result.stderr
    assert text or "[[teams]] is missing" in result.stderr


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(couler, ["queue", "manifests", str(tmp_path / "none.toml")])
    assert result.exit_code == 2
    assert "none.toml: the table cannot be read" in result.stderr


@st.composite
def tables(draw: st.DrawFn) -> str:
    """A tree of two cohorts, and teams anywhere, with quotas and limits."""
    number = st.integers(0, 9)
    lines = ['[[flavors]]\nname = "any"\n[[cohorts]]\nname = "top"\n[[cohorts]]\nname = "inner"\nparent = "top"\n']
    for name in ("a", "b", "c"):
        cohort = draw(st.sampled_from(["top", "inner"]))
        quota = draw(number)
        lines.append(f'[[teams]]\nname = "{name}"\nnamespaces = ["{name}"]\ncohort = "{cohort}"\n')
        lines.append(f'[[quotas]]\nteam = "{name}"\nflavor = "any"\ncpu = {quota}\n')
        if draw(st.booleans()):
            lines.append(f"borrow = {{cpu = {draw(number)}}}\n")
        if draw(st.booleans()):
            lines.append(f"lend = {{cpu = {draw(st.integers(0, quota))}}}\n")
    pools = (("top", draw(number)), ("inner", draw(number)))
    lines += [f'[[quotas]]\ncohort = "{name}"\nflavor = "any"\ncpu = {quota}\n' for name, quota in pools]
    return "".join(lines)


@settings(max_examples=examples(50), deadline=None)
@given(text=tables())
def test_nobody_has_more_than_there_is_or_less_than_its_own(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("t") / "queues.toml"
    file.write_text(text)
    table, errors = check_table(file)
    assert errors == []
    whole = sum(float(quota.amounts["cpu"]) for quota in table.quotas)
    for team in table.teams:
        limits = Shares(table).of(team, ("any", "cpu"))
        most = Shares(table).most(team, ("any", "cpu"))
        assert limits.quota <= most <= whole
        assert limits.borrow is None or most <= limits.quota + limits.borrow
    assert configuration_of(table)["kind"] == "Configuration"


@pytest.mark.parametrize(
    ("resource", "amount", "text"),
    [
        ("cpu", 0.5, "500m"),
        ("cpu", 64.0, "64"),
        ("memory", 2.0**36, "64Gi"),
        ("memory", 1000.0, "1000"),
        ("x/y", 0, "0"),
    ],
)
def test_amounts_are_written_as_kubernetes_does(resource: str, amount: float, text: str) -> None:
    assert amount_text(resource, amount) == text
