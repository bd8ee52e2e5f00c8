"""What keeps Python components from sharing a pod, each rule by an example, and what lifts it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.kfp.fuse.chains import ALL, FUSE, actions, fuse, reasons, uncached
from adapters.kfp.split.generating import Made
from couler_kfp.fuse.in_pod import PROGRAM, step_names
from couler_kfp.portable import launcher
from couler_plugins.api import Text, optimize
from couler_plugins.cli.group import couler
from couler_plugins.documents import dump_yaml
from couler_plugins.ir import Literal
from couler_plugins.options.config import load_config

Mapped = dict[str, Any]
WRITE, READ = "    open(out.path, 'w').write(str(number))\n", "    return open(data.path).read()\n"
INSTALL = 'PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install pandas && "$0" "$@"'


def pair(source: str = WRITE, second: str = READ) -> Mapped:
    """A task that writes an artifact, and one that reads it."""
    pipeline = Made("pair", number="int")
    pipeline.component(
        "write", f"def write(number: int, out: Output[Dataset]):\n{source}", {"number": "int"}, {"out": "artifact"}
    )
    pipeline.component(
        "tell", f"def tell(data: Input[Dataset]) -> str:\n{second}", {"data": "artifact"}, {"Output": "str"}
    )
    pipeline.task("write", "write", {"number": "$number"})
    pipeline.task("tell", "tell", {"data": "write.out"})
    pipeline.output("told", "tell", "str")
    return uncached(pipeline.spec)


def executor(spec: Mapped, name: str) -> Mapped:
    container: Mapped = spec["deploymentSpec"]["executors"][f"exec-{name}"]["container"]
    return container


def test_a_pair_that_leaves_nothing_needs_no_word() -> None:
    assert actions(fuse(pair(), FUSE)) == ["run write, tell in one pod, as Python components one after another"]


def another_image(spec: Mapped) -> None:
    executor(spec, "tell")["image"] = "python:3.12"


def another_variable(spec: Mapped) -> None:
    executor(spec, "tell")["env"] = [{"name": "A", "value": "b"}]


def an_accelerator(spec: Mapped) -> None:
    executor(spec, "tell")["resources"] = {"accelerator": {"count": "1", "type": "gpu"}}


def a_container_component(spec: Mapped) -> None:
    executor(spec, "tell").update(command=["cat", "{{$.inputs.artifacts['data'].path}}"], args=[])


def a_placeholder(spec: Mapped) -> None:
    executor(spec, "tell")["args"].append("{{$.pipeline_job_name}}")


def cached(spec: Mapped) -> None:
    for task in spec["root"]["dag"]["tasks"].values():
        task["cachingOptions"] = {"enableCache": True}


def one_is_cached(spec: Mapped) -> None:
    spec["root"]["dag"]["tasks"]["tell"]["cachingOptions"] = {"enableCache": True, "cacheKey": "own"}


def own_name(spec: Mapped) -> None:
    spec["components"]["comp-write"]["inputDefinitions"]["parameters"]["name"] = {"parameterType": "STRING"}
    inputs = spec["root"]["dag"]["tasks"]["write"]["inputs"]["parameters"]
    inputs["name"] = {"runtimeValue": {"constant": "{{$.pipeline_task_name}}"}}


def packages(spec: Mapped) -> None:
    write = executor(spec, "write")
    write["command"] = ["sh", "-c", INSTALL, *write["command"]]


def part_of_a_value(spec: Mapped) -> None:
    spec["components"]["comp-write"]["outputDefinitions"]["parameters"] = {"facts": {"parameterType": "STRUCT"}}
    spec["components"]["comp-tell"]["inputDefinitions"]["parameters"] = {"one": {"parameterType": "STRING"}}
    source = {"taskOutputParameter": {"outputParameterKey": "facts", "producerTask": "write"}}
    selector = {"parameterExpressionSelector": 'parseJson(string_value)["a"]'}
    spec["root"]["dag"]["tasks"]["tell"]["inputs"]["parameters"] = {"one": {**source, **selector}}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (another_image, "its image differs from that of 'write'"),
        (another_variable, "its environment differs"),
        (an_accelerator, "its accelerator or another of its resources differs"),
        (a_container_component, "it is no Python component whose source stands in the pipeline"),
        (a_placeholder, "KFP fills something in its command or its resources when it starts"),
        (cached, "KFP caches its result, and it would run again"),
        (one_is_cached, "KFP caches it by a key of its own"),
        (own_name, "it is told its own name or number"),
        (part_of_a_value, "its parameter 'one' is something that only KFP can make"),
    ],
)
def test_what_is_refused_with_its_reason(change: Callable[[Mapped], None], reason: str) -> None:
    spec = pair()
    change(spec)
    result = fuse(spec, ALL)
    assert actions(result) == []
    assert reason in reasons(result)
    assert not result.changed


@pytest.mark.parametrize(
    ("source", "second", "reason"),
    [
        ("    out.uri = 'gs://a/b'\n", "    return data.uri\n", "may put its artifact 'data' elsewhere"),
        ("    out.path = '/tmp/a'\n", "    return ''\n", "may put its artifact 'data' elsewhere"),
    ],
)
def test_an_artifact_that_may_be_elsewhere_is_not_handed_on(source: str, second: str, reason: str) -> None:
    assert reason in reasons(fuse(pair(source, second)))


@pytest.mark.parametrize(
    "source",
    [
        "    open('/tmp/a', 'w').write('')\n",
        "    open(out.path + '.more', 'w').write('')\n",
        "    import os\n    os.mkdir('a')\n",
        "    out = out\n    open(out, 'w').write('')\n",
        "    from json import codecs\n    write = open\n",
        "    eval('1')\n",
        "    open(out.path, 'w', opener=print)\n",
    ],
)
def test_what_a_function_may_leave_needs_the_word(source: str) -> None:
    spec = pair(source)
    assert "it would find files or packages that 'write' leaves" in reasons(fuse(spec, FUSE))
    assert len(actions(fuse(spec, ALL))) == 1


def test_packages_of_one_alone_need_the_word() -> None:
    spec = pair()
    packages(spec)
    assert "files or packages" in reasons(fuse(spec, FUSE))
    assert len(actions(fuse(spec, ALL))) == 1


def test_a_row_lifts_that_kfp_caches_them(tmp_path: Path) -> None:
    spec = pair()
    cached(spec)
    settings = '[[tool.couler.fuse.declare]]\nimage = "python*"\nidempotent = true\n'
    (tmp_path / "pyproject.toml").write_text(settings)
    config = load_config(start=tmp_path)
    result = optimize(Text(json.dumps(spec), "pipeline.yaml"), FUSE, config=config)
    (after,) = result.documents
    assert after["root"]["dag"]["tasks"]["write-to-tell"]["cachingOptions"] == {"enableCache": True}


def test_the_largest_amounts_are_asked_for() -> None:
    spec = pair()
    executor(spec, "write")["resources"] = {"resourceCpuLimit": "1", "cpuLimit": 1.0, "resourceMemoryLimit": "4G"}
    executor(spec, "tell")["resources"] = {"resourceCpuLimit": "1500m", "cpuLimit": 1.5}
    (after,) = fuse(spec).documents
    (name,) = {task["componentRef"]["name"] for task in after["root"]["dag"]["tasks"].values()}
    resources = after["deploymentSpec"]["executors"][after["components"][name]["executorLabel"]]["container"][
        "resources"
    ]
    assert resources == {
        "resourceCpuLimit": "1500m",
        "cpuLimit": 1.5,
        "resourceCpuRequest": "1500m",
        "resourceMemoryRequest": "4G",
    }


def test_the_steps_of_a_chain_are_told_by_its_command() -> None:
    (after,) = fuse(pair()).documents
    (container,) = [item["container"] for item in after["deploymentSpec"]["executors"].values()]
    words = [Literal(value=word) for word in container["command"]]
    assert container["command"][:3] == ["python3", "-c", PROGRAM]
    assert step_names(words) == "write,tell"
    assert step_names(words[:2]) == ""


def test_argo_finds_no_tag_in_the_command_but_that_of_kfp() -> None:
    (after,) = fuse(pair()).documents
    (container,) = [item["container"] for item in after["deploymentSpec"]["executors"].values()]
    assert [word for word in container["command"] if "{{" in word] == ["{{$}}"]
    assert launcher.TOLD not in container["command"]


def test_the_timeouts_of_its_steps_together_are_that_of_a_chain() -> None:
    said = {"exec-write": {"activeDeadlineSeconds": "60"}, "exec-tell": {"activeDeadlineSeconds": "30"}}
    platforms = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": said}}}}
    text = "\n---\n".join(map(dump_yaml, (pair(), platforms)))
    assert "would have no timeout of its own" in reasons(optimize(Text(text, "pipeline.yaml"), ALL))
    _, after = optimize(Text(text, "pipeline.yaml"), "fuse{keep-original=false,allow=timeout}").documents
    executors = after["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors == {"exec-write-to-tell": {"activeDeadlineSeconds": "90"}}


def test_the_file_is_kept_for_rollback(tmp_path: Path) -> None:
    text = "# a comment that no document keeps\n" + dump_yaml(pair())
    (tmp_path / "pipeline.yaml").write_text(text)
    after = f"{tmp_path / 'after'}/"
    done = CliRunner().invoke(couler, ["optimize", "-p", "fuse", str(tmp_path / "pipeline.yaml"), "-o", after])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(couler, ["rollback", after]).output == text
