"""The files that pages of the documentation name: those that they show, and small ones of ours under the same names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from runpy import run_path
from tempfile import TemporaryDirectory
from typing import Any

from click.testing import CliRunner

from cli.simulations import CHAIN, trace
from couler_plugins.cli.group import couler
from couler_plugins.demo import workflow
from couler_plugins.documents import dump_yaml
from couler_plugins.ir import to_json
from monitoring.replay import argo_list, argo_runs
from support import CORPUS, ROOT

__all__ = ["files_of"]

Files = Mapping[str, str]

TASK = """\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: git-clone}
spec:
  params: [{name: PARAM}]
  steps: [{name: clone, image: alpine/git, script: git clone "$(params.PARAM)"}]
"""
CALLS = """\
# Builds what two repositories hold.
apiVersion: tekton.dev/v1
kind: Pipeline
metadata:
  name: build
spec:
  tasks:
    - name: program
      taskRef: {name: git-clone}
      params: [{name: url, value: https://example.com/program}]
    - name: data
      taskRef: {name: git-clone}
      params: [{name: url, value: https://example.com/data}]
"""
PROGRAM = """\
import json, os, pathlib, sys
pathlib.Path("model.bin").write_text("weights")
pathlib.Path("notes").write_text(" ".join(sys.argv))
tried = json.loads(os.environ.get("COULER_TUNE", "{}"))
print(1 - abs(tried.get("rate", 0.1) - 0.3))
"""
FLOW = {
    "schema": "couler.flow/v0",
    "description": "Load customers, train a random forest, and publish it.",
    "feedback": [],
    "workflow": {
        "name": "churn",
        "steps": [
            {"name": "load", "use": "load-csv", "inputs": [{"name": "url", "value": "s3://lake/customers.csv"}]},
            {"name": "split", "use": "split-train-test", "inputs": [{"name": "data", "from": "load.data"}]},
            {
                "name": "train",
                "use": "sklearn-train",
                "inputs": [
                    {"name": "data", "from": "split.train"},
                    {"name": "target", "value": "churned"},
                    {"name": "estimator", "value": "random-forest"},
                ],
            },
            {
                "name": "tell",
                "use": "slack-notify",
                "needs": ["train"],
                "inputs": [{"name": "text", "value": "trained"}],
            },
        ],
    },
}
NEXTFLOW = (
    "task_id\thash\tname\tstatus\texit\tsubmit\trealtime\n1\tab/12\tindex\tCOMPLETED\t0\t2026-01-01 00:00:00\t1m\n"
)
FAILED = 3
"""Of the runs, the first of `nightly` that failed."""


def fences(page: str, language: str) -> list[str]:
    """The blocks of a page in a language."""
    return re.findall(rf"^```{language}[^\n]*\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


def own(name: str) -> str:
    return (CORPUS / name).read_text("utf-8")


@cache
def runs() -> str:
    """Runs of Argo; one of `nightly` failed under the name that the pages have."""
    return argo_list(*argo_runs(40)).replace(f'"nightly-{FAILED}"', '"nightly-7xk2p"')


@cache
def fetched(past: str) -> str:
    """What `couler history fetch` makes of runs."""
    with TemporaryDirectory() as folder:
        file = f"{folder}/history.jsonl"
        assert CliRunner().invoke(couler, ["history", "fetch", "--from", "-", "-o", file], input=past).exit_code == 0
        return Path(file).read_text("utf-8")


def argo_chain(count: int = 40) -> str:
    """A workflow that is too large for one object: a chain of scripts with a page of text each."""
    lines = [
        "apiVersion: argoproj.io/v1alpha1",
        "kind: Workflow",
        "metadata: {name: big}",
        "spec:",
        "  entrypoint: main",
    ]
    lines += ["  templates:", "  - name: main", "    dag:", "      tasks:"]
    lines += [
        f"      - {{name: s{number}, template: s{number}{f', depends: s{number - 1}' if number else ''}}}"
        for number in range(count)
    ]
    for number in range(count):
        program = f'"echo {number} {"x" * 45_000}"'
        lines.append(f"  - {{name: s{number}, container: {{image: busybox, command: [sh, -c], args: [{program}]}}}}")
    return "\n".join(lines) + "\n"


def tekton_chain(count: int = 40) -> str:
    """The same as a PipelineRun."""
    lines = ["apiVersion: tekton.dev/v1", "kind: PipelineRun", "metadata: {name: big}", "spec:", "  pipelineSpec:"]
    lines.append("    tasks:")
    for number in range(count):
        after = f", runAfter: [s{number - 1}]" if number else ""
        step = f'{{name: main, image: busybox, script: "echo {number} {"x" * 45_000}"}}'
        lines.append(f"    - {{name: s{number}{after}, taskSpec: {{steps: [{step}]}}}}")
    return "\n".join(lines) + "\n"


def kfp_training() -> dict[str, Any]:
    """A pipeline of one step, whose program shuffles."""
    program = "import random\nrandom.shuffle(rows)"
    return {
        "pipelineInfo": {"name": "training"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.16.0",
        "root": {
            "dag": {
                "tasks": {
                    "train": {
                        "cachingOptions": {"enableCache": True},
                        "componentRef": {"name": "comp-train"},
                        "inputs": {"parameters": {"rows": {"runtimeValue": {"constant": 7.0}}}},
                        "taskInfo": {"name": "train"},
                    }
                }
            }
        },
        "components": {
            "comp-train": {
                "executorLabel": "exec-train",
                "inputDefinitions": {"parameters": {"rows": {"parameterType": "NUMBER_INTEGER"}}},
                "outputDefinitions": {"parameters": {"score": {"parameterType": "NUMBER_DOUBLE"}}},
            }
        },
        "deploymentSpec": {
            "executors": {"exec-train": {"container": {"image": "python:3.11", "command": ["python3", "-c", program]}}}
        },
    }


def kfp_chain(count: int = 302) -> str:
    """The same as a pipeline of Kubeflow: each of its steps reads what the one before it gives."""
    parameter = {"parameters": {"text": {"parameterType": "STRING"}}}
    tasks, components, executors = {}, {}, {}
    for number in range(count):
        name, before = f"s{number}", f"s{number - 1}"
        value = {"taskOutputParameter": {"producerTask": before, "outputParameterKey": "text"}}
        given = value if number else {"runtimeValue": {"constant": "begin"}}
        tasks[name] = {
            "taskInfo": {"name": name},
            "componentRef": {"name": f"comp-{name}"},
            "inputs": {"parameters": {"text": given}},
            **({"dependentTasks": [before]} if number else {}),
        }
        components[f"comp-{name}"] = {
            "executorLabel": f"exec-{name}",
            "inputDefinitions": parameter,
            "outputDefinitions": parameter,
        }
        program = f"# {number} {'x' * 900}\nprint($0)"
        executors[f"exec-{name}"] = {"container": {"image": "python:3.11", "command": ["python3", "-c", program]}}
    return json.dumps(
        {
            "pipelineInfo": {"name": "big"},
            "schemaVersion": "2.1.0",
            "sdkVersion": "kfp-2.16.0",
            "root": {"dag": {"tasks": tasks}},
            "components": components,
            "deploymentSpec": {"executors": executors},
        }
    )


def versions() -> Files:
    """A catalogue with three versions of one Task."""
    params = {"0.1": "repository", "0.2": "address", "0.3": "url"}
    tasks = {f"task/git-clone/{key}/git-clone.yaml": TASK.replace("PARAM", name) for key, name in params.items()}
    return {**tasks, "pipeline/build.yaml": CALLS}


def everywhere() -> Files:
    """What any page may name."""
    demo = workflow()
    nightly = demo.replace("generateName: churn-", "name: nightly")
    yaml = ("workflow.yaml", "churn.yaml", "train.yaml", "manifests/churn.yaml")
    return {
        **dict.fromkeys(yaml, demo),
        "workflows/nightly.yaml": nightly,
        "dags/train.py": own("airflow/training.py"),
        "traces/churn.json": (chain := trace("churn", CHAIN)),
        "trace.json": chain,
        "work/trace.txt": NEXTFLOW,
        "train.py": PROGRAM,
        "rechunk.py": 'import pathlib\npathlib.Path("clean").mkdir()\npathlib.Path("clean/a").write_text("1")\n',
        "raw/a": "1",
        "data.csv": "test",
        "bucket/tables/sales/1.csv": "test",
        "../your-repository/churn.yaml": demo,
        "runs/runs.json": (past := runs()),
        "runs.json": past,
        "history.jsonl": (history := fetched(past)),
        "runs.jsonl": history,
    }


def files_of(page: str) -> Files:
    """The files that the commands of a page find, by their names."""
    if page == "docs/references.md":  # it looks at the whole folder
        return versions()
    engine = next((name for name in ("kfp", "tekton") if name in page), "")
    files = dict(everywhere())
    if engine:
        files |= {"pipeline.yaml": own(f"{engine}/{'training' if engine == 'kfp' else 'train'}.yaml")}
        files |= {"run.yaml": files["pipeline.yaml"], "training.yaml": files["pipeline.yaml"]}
    files |= SPECIAL.get(page, dict)()
    return files


def tuning() -> Files:
    """The page shows a file for `couler tune`; the workflow of the second part has the same name."""
    return {"churn.yaml": fences("docs/tune.md", "yaml")[0]}


SPECIAL = {
    "docs/airflow.md": lambda: {
        "forecast.yaml": fences("docs/airflow.md", "yaml")[0],
        "dags/train.py": own("airflow/docker.py").replace('"sh -c date"', '["date"]'),
    },
    "docs/caching.md": lambda: {"couler.toml": 'cache-store = "store"\n'},
    "docs/fuse.md": lambda: {"manifests/report.yaml": fences("docs/fuse.md", "yaml")[0]},
    "docs/generate.md": lambda: {"churn.json": json.dumps(FLOW)},
    "docs/other-languages.md": lambda: {
        "nightly.json": to_json(run_path(str(ROOT / "examples" / "go" / "workflow.py"))["nightly"]()).decode()
    },
    "docs/sql.md": lambda: {"churn.sql": fences("docs/sql.md", "sql")[0]},
    "docs/kfp-cache.md": lambda: {
        "known.json": json.dumps({"schema": "couler.known-results/v1", "results": []}),
        "training.yaml": dump_yaml(kfp_training()),
    },
    "docs/kfp.md": lambda: {"pipeline.yaml": own("kfp/hello.yaml")},
    "docs/kfp-split.md": lambda: {"big.yaml": kfp_chain()},
    "docs/migration.md": lambda: {
        f"{folder}/{path.name}": path.read_text("utf-8")
        for path in (ROOT / "examples" / "migration").iterdir()
        for folder in ("shop", "workflows")
    },
    "docs/pin.md": lambda: {
        "images.json": json.dumps({"registry.example.com/churn/features:1.4": f"sha256:{'0' * 64}"})
    },
    "docs/queue.md": lambda: {
        "queues.toml": fences("docs/queue.md", "toml")[0],
        "manifests/train.yaml": fences("docs/queue.md", "yaml")[1],
    },
    "docs/split.md": lambda: {"big.yaml": argo_chain()},
    "docs/tekton-split.md": lambda: {"big.yaml": tekton_chain()},
    "docs/tune.md": tuning,
}
"""What single pages have more, or under other names."""
