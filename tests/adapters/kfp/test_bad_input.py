"""Bad pipelines through the command line: exit code 2, with file, line and a hint; what is only unusual survives."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.kfp.test_documents import PIPELINE
from adapters.subjects import KFP
from couler_plugins.cli.group import couler
from support import first_of

SPEC, PLATFORM = PIPELINE.split("---\n")
OUTPUT = "inputs: {parameters: {x: {taskOutputParameter: {producerTask: make, outputParameterKey: name}}}}"
NEEDS = "dependentTasks: [make]"
ALIKE = """\
components:
  comp-a: {executorLabel: exec-a}
  comp-b: {executorLabel: exec-b}
deploymentSpec:
  executors:
    exec-a: {container: {image: busybox}}
    exec-b: {container: {image: busybox}}
pipelineInfo: {name: alike}
root:
  dag:
    tasks:
      a: {componentRef: {name: comp-a}}
      b: {componentRef: {name: comp-b}}
schemaVersion: 2.1.0
"""
MOUNT = (
    "platforms: {kubernetes: {deploymentSpec: {executors: {exec-b: {pvcMount: [{constant: data, mountPath: /d}]}}}}}\n"
)
LOOP = "parameterIterator: {items: {raw: '[1]'}, itemInput: x}\n        artifactIterator: {itemInput: y}"
DANGLING = [
    (NEEDS, "dependentTasks: [makes]", "p.yaml:26: claims: 'use' needs 'makes', which 'root' does not have"),
    (NEEDS, OUTPUT.replace("make", "makes"), "p.yaml:26: claims: 'use' refers to a step 'makes'"),
    (
        NEEDS,
        OUTPUT.replace("Key: name", "Key: names"),
        "p.yaml:26: claims: 'use' refers to an output 'names' of 'make'",
    ),
    ("{name: comp-use}", "{name: comp-us}", "p.yaml:26: claims: 'use' calls 'comp-us'"),
    ("producerTask: make", "producerTask: makes", "p.yaml:26: claims: 'use' refers to a step 'makes'"),
    (
        NEEDS,
        "inputs: {parameters: {x: {componentInputParameter: nope}}}",
        "p.yaml:26: claims: 'use' refers to an input 'nope'",
    ),
    ("executorLabel: exec-make", "executorLabel: exec", "p.yaml:4: 'comp-make' runs 'exec', which"),
    ("  name: claims", "  name: 5", "p.yaml:2: the pipeline has no name"),
    ("2.1.0", "3.0.0", "p.yaml:30: schemaVersion '3.0.0' is not supported"),
    ("2.1.0", "2.1", "p.yaml:30: schemaVersion 2.1 is not supported"),
    ("  comp-use:", "  Comp-make:", "p.yaml:8: 'comp-make' and 'Comp-make' only differ in case"),
    ("[make]", "[use]", "p.yaml:20: claims: 'root' has a cycle: use → use"),
    (NEEDS, LOOP, "p.yaml:26: a task has one iterator, not two"),
    ("  name: claims", "\tname: claims", "p.yaml:19: not valid YAML"),
    ("  kubernetes:\n", "  kubernetes: 5\n  other:\n", "p.yaml:33: kubernetes: a mapping is expected here"),
]
CYCLES = {
    "tasks": (
        PIPELINE.replace("{name: comp-make}", "{name: comp-make}\n        dependentTasks: [use]", 1),
        "'root' has a cycle: make → use → make",
    ),
    "components": (
        SPEC.replace("executorLabel: exec-make", "dag: {tasks: {again: {componentRef: {name: comp-make}}}}"),
        "'comp-make' calls itself for ever",
    ),
}
UNUSUAL = {
    "a field nobody knows, at the top": PIPELINE.replace("schemaVersion:", "unheard: {of: [1, null]}\nschemaVersion:"),
    "of a component": PIPELINE.replace("    executorLabel: exec-use", "    unheard: of\n    executorLabel: exec-use"),
    "of a task": PIPELINE.replace(
        "        taskInfo: {name: use}", "        taskInfo: {name: use}\n        unheard: of"
    ),
    "of an executor": PIPELINE.replace('{image: "busybox:1"}', '{image: "busybox:1", unheard: of}'),
    "of an output": PIPELINE.replace("{parameterType: STRING}", "{parameterType: STRING, unheard: of}"),
    "of a platform": PIPELINE.replace("mountPath: /data", "mountPath: /data\n            unheard: of"),
    "a key set twice": PIPELINE.replace("  name: claims", "  name: claimed\n  name: claims"),
    "anchors": PIPELINE.replace("container: {image", "container: &c {image").replace(
        "      container:\n        # the newest\n        image: busybox\n", "      container: *c\n"
    ),
    "a merge key": PIPELINE.replace("      use:\n", "      use:\n        <<: {retryPolicy: {maxRetryCount: 1}}\n"),
    "an empty second document": f"{SPEC}---\n",
    "an empty document between": f"{SPEC}---\n---\n{PLATFORM}",
    "the platform first": f"{PLATFORM}---\n{SPEC}",
    "two pipelines": f"{PIPELINE}---\n{PIPELINE}",
    "platforms of somebody else": "platforms: [linux/amd64]\n",
}


@pytest.fixture
def optimized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def optimize(text: str) -> Result:
    """`couler optimize` on a file, `p.yaml`, in the current folder."""
    Path("p.yaml").write_text(text)
    return CliRunner().invoke(couler, ["optimize", "-p", "dedupe,prune", "p.yaml"], catch_exceptions=False)


def refused(text: str, message: str) -> None:
    done = optimize(text)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert "\n  hint: " in done.stderr


pytestmark = pytest.mark.usefixtures("optimized")


def test_the_pipeline_is_good_and_comes_out_as_it_went_in() -> None:
    done = optimize(PIPELINE)
    assert (done.exit_code, done.stdout, done.stderr) == (0, PIPELINE, "")


@pytest.mark.parametrize(("old", "new", "message"), DANGLING, ids=[message for _, _, message in DANGLING])
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, message: str) -> None:
    assert old in PIPELINE
    refused(PIPELINE.replace(old, new, 1), f"error: {message}")


@pytest.mark.parametrize("case", CYCLES)
def test_cycles(case: str) -> None:
    text, message = CYCLES[case]
    refused(text, message)


def test_a_platform_document_has_one_pipeline_and_a_pipeline_has_one_platform_document() -> None:
    refused(PLATFORM, "p.yaml:1: this PlatformSpec is without its pipeline")
    refused(f"{PIPELINE}---\n{PLATFORM}", "p.yaml:44: this is the second PlatformSpec of its pipeline")


def test_a_job_of_vertex_ai_is_refused_and_not_passed_over() -> None:
    spec = "".join(f"  {line}\n" for line in SPEC.splitlines())
    job = f"pipelineSpec:\n{spec}runtimeConfig: {{gcsOutputDirectory: dummy_root}}\n"
    refused(job, "p.yaml:1: this is a PipelineJob of Vertex AI around a pipeline, as KFP 1.8 compiles it")
    assert CliRunner().invoke(couler, ["lint", "p.yaml"]).exit_code == 1


@pytest.mark.parametrize("case", UNUSUAL)
def test_what_is_only_unusual_survives(case: str) -> None:
    assert UNUSUAL[case] != PIPELINE
    done = optimize(UNUSUAL[case])
    assert (done.exit_code, done.stdout, done.stderr) == (0, UNUSUAL[case], "")


@pytest.mark.parametrize("text", [f"{ALIKE}---\n---\n{MOUNT}", f"{MOUNT}---\n{ALIKE}"], ids=["behind", "first"])
def test_a_platform_document_counts_wherever_it_is(text: str) -> None:
    """What only differs there is not merged: KFP takes the documents of a file in any order."""
    assert optimize(text).stdout == text
    assert "exec-b" not in optimize(ALIKE).stdout


@pytest.mark.parametrize(
    "path", first_of([path for path in KFP.files() if path.name != "manifest.yaml"][::6], 5), ids=KFP.shown
)
def test_a_file_that_was_cut_off_anywhere(path: Path) -> None:
    """At every twentieth of it: an error, unless all of the pipeline, or nothing but its comments, is left."""
    text = path.read_text()
    begin, end = text.index("\ncomponents:\n  c"), text.index("\nschemaVersion: 2.1.0") + 21
    for twentieth in range(1, 20):
        cut = text[: len(text) * twentieth // 20]
        done = optimize(cut)
        if begin + 17 < len(cut) < end:
            assert (done.exit_code, done.stdout) == (2, ""), cut[-80:]
        if done.exit_code:
            assert done.stderr.startswith("error: p.yaml"), cut[-80:]
            assert done.exit_code == 2
