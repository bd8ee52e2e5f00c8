"""Images get the digests of a file, at each place where an engine has one, and nothing else changes."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adapters.subjects import SUBJECTS, Subject, each_file, lift_file
from couler_plugins import Text, optimize
from couler_plugins.driver.pipeline import parse_pipeline
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs import Context
from couler_plugins.optimizers.pin import Pin
from couler_plugins.options.config import load_config
from couler_plugins.plan import Decision, Plan
from couler_plugins.plugins import load_plugins
from support import SHARED, own_files, where_shared

# KFP warns of itself when it loads what was written.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

PLACES = {
    "argo": r"(templates|templateDefaults)/(.*/)?(container|script|(containers|initContainers|sidecars)/\d+)/image",
    "kfp": r"deploymentSpec/executors/[^/]+/container/image",
    "tekton": r"(((steps|sidecars)/\d+|stepTemplate)/image)|(^spec/image)",
    "airflow": r"tasks/\d+/__var/(partial_kwargs/)?image",
}
"""Where each engine has images, told without its adapter: the end of a path in a document."""
TAG = re.compile(r"[\w./:-]+")
PINNED = re.compile(r"@sha256:[0-9a-f]{64}")
OPERATORS = ("KubernetesPodOperator", "DockerOperator")


def paths(engine: str, data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The place and the text of each image in the document of a workflow that has a tag alone."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, item in items:
        place = (*path, key)
        if key != "image":
            yield from paths(engine, item, place)
        elif (
            isinstance(item, str)
            and TAG.fullmatch(item)
            and not item.startswith("argostub/")
            and re.search(rf"(^|/)({PLACES[engine]})$", "/".join(map(str, place)))
            and (engine != "airflow" or data.get("task_type", OPERATORS[0]) in OPERATORS)
        ):
            yield place, item


def digest(image: str) -> str:
    return f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def pinning(folder: Path, images: Mapping[str, str]) -> Pin:
    file = folder / "images.json"
    file.write_text(json.dumps(images))
    return Pin(map=str(file))


def pinned(subject: Subject, pin: Pin, plan: Plan) -> Plan:
    return pin.run(plan, cast("Context", SimpleNamespace(adapter=lambda engine: subject.adapter)))


@pytest.mark.parametrize(("subject", "path"), each_file())
def test_images_and_nothing_else(subject: Subject, path: Path, tmp_path: Path) -> None:
    plan = lift_file(subject, path)
    expected = {number: copy.deepcopy(document.data) for number, document in enumerate(plan.bundle.documents)}
    images: dict[str, str] = {}
    for workflow in plan.workflows:
        assert workflow.source is not None
        document, *inner = workflow.source
        holder = expected[int(document)]
        for key in inner:
            holder = holder[key]
        for (*place, last), image in list(paths(subject.engine, holder)):
            container = holder
            for key in place:
                container = container[key]
            images[image] = digest(image)
            container[last] = f"{image}@{images[image]}"
    pin = pinning(tmp_path, images)
    new = pinned(subject, pin, plan)
    again = pinned(subject, pin, new)
    assert again.workflows == new.workflows
    assert not any(decision.action for decision in again.decisions[len(new.decisions) :])
    lowered, documents = subject.lowered(new)
    assert not lowered.refused
    assert documents == expected
    assert {lowered.decisions[edit.decision or 0].optimizer for edit in lowered.edits} <= {"pin"}
    assert all(edit.decision is not None and lowered.decisions[edit.decision].action for edit in lowered.edits)
    if subject.engine == "airflow":
        return
    written = subject.adapter.dump(lowered)
    if not written.decisions:  # else it says that it could not keep the formatting
        for number, text in written.texts.items():
            assert PINNED.sub("", text) == PINNED.sub("", plan.bundle.files[number].text)


FIELD = ["argo", "tekton"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", where_shared("corpus/field", FIELD))
def test_repositories_of_others_get_digests_and_nothing_else(engine: str, tmp_path: Path) -> None:
    settings, plugins = load_config(environ={}), load_plugins(load_config(environ={}))
    edits = 0
    for folder in sorted((SHARED / "corpus" / "field").iterdir()):
        pin = pinning(tmp_path, {})
        first = optimize(folder, [pin], engine=engine, config=settings, plugins=plugins)
        reasons = [decision.reason for file in first.files for decision in file.decisions]
        tags = [reason.partition(" ")[0] for reason in reasons if f" is not in {pin.map}: " in reason]
        assert not any(file.edits for file in first.files)
        pin = pinning(tmp_path, {tag: digest(tag) for tag in tags})
        for file in optimize(folder, [pin], engine=engine, config=settings, plugins=plugins).files:
            if file.status == "changed":
                edits += len(file.edits)
                assert file.text is not None
                assert file.original is not None
                assert PINNED.sub("", file.text) == PINNED.sub("", file.original)
                assert len(PINNED.findall(file.text)) - len(PINNED.findall(file.original)) == len(file.edits)
    assert edits >= 100


@pytest.mark.airflow
def test_a_dag_is_pinned_where_its_file_optimizes_it(tmp_path: Path) -> None:
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
    from airflow.sdk import DAG

    from couler_airflow import optimize as optimize_dag

    pin = pinning(tmp_path, {"alpine:3": digest("alpine:3")})
    with DAG("pinned") as dag:
        KubernetesPodOperator(task_id="one", image="alpine:3")
        KubernetesPodOperator(task_id="two", image="alpine:{{ ds }}")
        KubernetesPodOperator.partial(task_id="three", image="alpine:3").expand(cmds=[["a"], ["b"]])
        KubernetesPodOperator.partial(task_id="four").expand(image=["alpine:3", "busybox:1"])
    optimize_dag(dag, f"pin{{map={pin.map}}}")
    whole, tasks = f"alpine:3@{digest('alpine:3')}", cast("dict[str, Any]", dag.task_dict)
    assert [tasks[name].image for name in ("one", "two")] == [whole, "alpine:{{ ds }}"]
    assert tasks["three"].partial_kwargs["image"] == whole
    assert "image" not in tasks["four"].partial_kwargs


CACHED = {
    "argo": (
        "cache{via=memoize}",
        """\
        apiVersion: argoproj.io/v1alpha1
        kind: Workflow
        metadata: {generateName: sum-, annotations: {couler.io/max-output-bytes: "100"}}
        spec:
          entrypoint: sum
          templates:
          - name: sum
            steps: [[{name: add, template: add, arguments: {parameters: [{name: x, value: "1"}]}}]]
          - name: add
            metadata: {annotations: {couler.io/cache: pure}}
            inputs: {parameters: [{name: x}]}
            outputs: {parameters: [{name: total, valueFrom: {path: /total}}]}
            initContainers: [{name: first, image: busybox:1}]
            sidecars: [{name: beside, image: "nginx:1"}]
            container: {image: alpine:3, command: [add, "{{inputs.parameters.x}}"]}
        """,
    ),
    "kfp": (
        "cache{assume-pure=true}",
        """\
        pipelineInfo: {name: sum}
        schemaVersion: 2.1.0
        sdkVersion: kfp-2.7.0
        components:
          comp-add:
            executorLabel: exec-add
            inputDefinitions: {parameters: {x: {parameterType: STRING}}}
            outputDefinitions: {parameters: {total: {parameterType: STRING}}}
        deploymentSpec:
          executors:
            exec-add: {container: {image: alpine:3, command: [add, "{{$.outputs.parameters['total'].output_file}}"]}}
        root:
          dag:
            tasks:
              add:
                taskInfo: {name: add}
                cachingOptions: {enableCache: true}
                componentRef: {name: comp-add}
                inputs: {parameters: {x: {runtimeValue: {constant: "1"}}}}
        """,
    ),
    "tekton": (
        "cache{via=wrapper,store=s3://bucket/cache,image=registry.example.com/couler:1@sha256:" + "0" * 64 + "}",
        """\
        apiVersion: tekton.dev/v1
        kind: Task
        metadata: {name: add, annotations: {couler.io/cache: pure, couler.io/max-output-bytes: "100"}}
        spec:
          params: [{name: x}]
          results: [{name: total}]
          stepTemplate: {image: alpine:3}
          sidecars: [{name: beside, image: "nginx:1"}]
          steps:
          - {name: add, command: [add, $(params.x), $(results.total.path)]}
          - {name: check, image: "busybox:1", command: [check, $(results.total.path)]}
        """,
    ),
}
MUTABLE = "no digest, and may change"


@pytest.mark.parametrize("engine", CACHED)
def test_the_cache_no_longer_warns(engine: str, tmp_path: Path) -> None:
    cache, text = CACHED[engine]
    source = Text(dedent(text), "sum.yaml")
    pin = pinning(tmp_path, {image: digest(image) for image in ("alpine:3", "busybox:1", "nginx:1")})
    before, after = (verdicts(source, pipeline) for pipeline in (cache, f"pin{{map={pin.map}}},{cache}"))
    assert [item.verdict for item in after] == [item.verdict for item in before] == ["cached"]
    assert MUTABLE in before[0].reason
    assert "and may change" not in after[0].reason


@pytest.mark.parametrize("missing", ["alpine:3", "busybox:1", "nginx:1"])
@pytest.mark.parametrize("engine", ["argo", "tekton"])
def test_one_image_without_a_digest_is_enough_for_a_warning(engine: str, missing: str, tmp_path: Path) -> None:
    cache, text = CACHED[engine]
    others = {"alpine:3", "busybox:1", "nginx:1"} - {missing}
    pin = pinning(tmp_path, {image: digest(image) for image in others})
    (verdict,) = verdicts(Text(dedent(text), "sum.yaml"), f"pin{{map={pin.map}}},{cache}")
    assert MUTABLE in verdict.reason


def verdicts(source: Text, pipeline: str) -> list[Decision]:
    result = optimize(source, pipeline, config=load_config(environ={}))
    return [decision for file in result.files for decision in file.decisions if decision.verdict]


FIVE = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: five-}
spec:
  entrypoint: main
  templateDefaults: {container: {image: "alpine:3"}}
  arguments: {parameters: [{name: image, value: "alpine:3"}]}
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: one}
      - {name: b, template: two}
      - name: c
        inline: {container: {image: "alpine:3"}}
  - {name: one, container: {image: "alpine:3"}}  # as tested
  - {name: two, script: {image: 'alpine:3', source: "echo alpine:3"}}
  - {name: three, container: {image: "{{workflow.parameters.image}}"}}
  - {name: four, container: {image: "busybox"}}
  - {name: five, container: {image: "${IMAGE}"}}
  - {name: six, container: {image: "alpine:3@sha256:%s"}}
  - {name: seven, container: {image: "https://me:hush@registry.example.com/x"}}
"""


def test_what_stays_has_a_reason(tmp_path: Path) -> None:
    text = FIVE.replace("%s", "0" * 64)
    pin = pinning(tmp_path, {"alpine:3": digest("alpine:3")})
    (file,) = optimize(Text(text, "five.yaml"), [pin], config=load_config(environ={})).files
    assert file.text is not None
    assert PINNED.sub("", file.text) == PINNED.sub("", text)
    assert file.text.count(f'image: "alpine:3@{digest("alpine:3")}"') == 3
    assert file.text.count(f"image: 'alpine:3@{digest('alpine:3')}'") == 1
    done, *others = file.decisions
    assert (done.action, done.subject) == ("pin alpine:3", "one")
    assert {"two", "", "main/c"} <= set(done.affects)
    assert {item.subject: item.reason for item in others} == {
        "three": "its image is only known at run time",
        "four": f"busybox is not in {pin.map}: add its digest, or run `couler images -o {pin.map}`",
        "five": "'${IMAGE}' is no name of an image",
        "seven": "'https://***@registry.example.com/x' is no name of an image",
    }
    assert not any(item.action for item in others)
    assert len(file.edits) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"{", "is no JSON"),
        (b"\xff\xfe{", "is no JSON"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="deep"),
        (b"[]", "holds a list"),
        (b'{"a:1": "sha256:00", "a:1": "sha256:11"}', "'a:1' twice"),
        (b'{"a:1": "sha256:00"}', "'a:1' has no digest"),
        (b'{"a:1": 7}', "'a:1' has no digest"),
        (b'{"-a": "x"}', "'-a' is no image"),
        (b'{"A:1": "x"}', "'A:1' is no image"),
        (f'{{"a@{"sha256:" + "0" * 64}": "x"}}'.encode(), "is no image with a tag"),
        (b'{"https://me:hush@example.com/a": "x"}', r"'https://\*\*\*@example.com/a' is no image"),
    ],
    ids=str,
)
def test_a_file_that_is_no_map(content: bytes | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "images.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidInput, match=message) as refused:
        pinned(SUBJECTS[0], Pin(map=str(file)), lift_file(SUBJECTS[0], own_files("argo")[0]))
    assert refused.value.file == str(file)
    assert refused.value.hint is not None
    assert "couler images" in refused.value.hint


@pytest.mark.parametrize("later", ["cache", "extract"])
def test_pin_comes_before_what_hashes_images(later: str) -> None:
    plugins = load_plugins(load_config(environ={}))
    assert len(parse_pipeline(f"pin{{map=a}},{later}", plugins)) == 2
    with pytest.raises(InvalidInput, match=f"'pin' must come before '{later}'"):
        parse_pipeline(f"{later},pin{{map=a}}", plugins)
