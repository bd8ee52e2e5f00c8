"""What users get wrong: every error says what, where in their file, and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import couler_plugins.authoring as couler
from couler_plugins.authoring import equal, workflow
from couler_plugins.errors import InvalidInput

untyped: Any = couler
"""For calls that type checkers refuse as well."""


def made(**more: Any) -> couler.Returned:
    return couler.run_container("busybox", ["echo"], **more)


def outside(x: int) -> int:
    return x + LATER


def needs_one(item: object) -> None:
    made(args=[item])


def takes_none() -> None:
    made()


def outside_of_its_map() -> None:
    items: list[object] = []

    def each(item: object) -> None:
        items.append(item)
        made(args=[item])

    couler.map(each, [1, 2])
    made(step_name="behind", args=items)


LATER = 5
WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "a condition that is none": (lambda: untyped.when(made() is None, made), "False is no condition"),
    "a condition on nothing": (lambda: couler.when(equal("x"), made), "asks about no value"),
    "a constant that is asked about": (lambda: equal("x", "y"), "'x' is no value of the run"),
    "a text that is compared as a number": (lambda: couler.bigger(made(), "many"), "'many' is no number"),
    "no function": (lambda: untyped.concurrent([made()]), "is no function"),
    "no list of functions": (lambda: untyped.dag(made), "is no list of lists"),
    "a dag of nothing": (lambda: couler.dag([[lambda: None]]), "creates no step"),
    "a map over nothing": (lambda: couler.map(made, []), "lists of the same length"),
    "lists of different length": (lambda: couler.map(made, [1], [1, 2]), "lists of the same length"),
    "a map over values of the run": (lambda: couler.map(made, [made()]), "map goes over"),
    "an argument too few": (untyped.run_container, "missing a required argument: 'image'"),
    "an argument that there is not": (lambda: made(imgae="x"), "unexpected keyword argument 'imgae'"),
    "a function that wants more": (lambda: couler.when(equal(made(), "x"), needs_one), "missing a required argument"),
    "a function that takes no item": (lambda: couler.map(takes_none, [1]), "too many positional arguments"),
    "an environment that is a list": (lambda: made(env=["A=1"]), "env is .* no mapping"),
    "a variable without a name": (lambda: made(env={"": 1}), "env has the key ''"),
    "a variable with its value": (lambda: made(env={"A=1": 1}), "'A=1' is no name of a variable"),
    "resources that are a text": (lambda: made(resources="1Gi"), "resources is '1Gi', which is no mapping"),
    "requests that are a number": (lambda: made(resources={"requests": 1}), "requests is 1, which is no mapping"),
    "nodes that are a text": (lambda: made(node_selector="ssd"), "node_selector is 'ssd', which is no mapping"),
    "sources of variables": (lambda: made(env_from=["settings"]), "env_from is 'settings', which is no mapping"),
    "a mount that is a text": (lambda: made(volume_mounts="data"), "'data' is no VolumeMount"),
    "a volume that is a text": (lambda: untyped.add_volume("data"), "'data' is no Volume"),
    "a claim that is a text": (lambda: untyped.create_workflow_volume("x"), "is no VolumeClaimTemplate"),
    "a key that is a text": (lambda: untyped.obtain_secret("db", "KEY"), "'KEY' are no keys"),
    "a path that is a number": (lambda: untyped.create_local_artifact(3), "3 is no absolute path"),
    "packages that are a text": (lambda: couler.run_script(source=abs_of, args=[1], packages="numpy"), "is the text"),
    "a text that no file can hold": (lambda: made(args=["\ud800"]), "lone surrogate"),
    "outputs by a slice": (lambda: untyped.run_container("busybox")[0:1], "has no output slice"),
    "a ready-made step that is a number": (lambda: untyped.run_step(3), "3 is no ready-made step"),
    "a map over a text": (lambda: couler.map(made, "abc"), "over a str, which is no list"),
    "a map over a text of the run": (lambda: couler.map(made, f"{made()}"), "over a str, which is no list"),
    "a map over a set": (lambda: couler.map(made, {"a", "b"}), "over a set, which is no list"),
    "a map over a number": (lambda: couler.map(made, 3), "over a int, which is no list"),
    "a map over texts of the run": (lambda: couler.map(made, [f"{made()}"]), "holds a value of the run"),
    "an item outside of its map": (outside_of_its_map, "uses an item of a map outside of that map"),
    "a parameter of another workflow": (
        lambda: made(args=[workflow("v", parameters={"p": 1}).parameter("p")]),
        "parameter 'p' is of the workflow 'v', and is used in the workflow 'w'",
    ),
    "a value in the name of a variable": (lambda: made(env={f"{made()}": 1}), "must be a constant"),
    "a value in a path": (
        lambda: made(output=couler.create_local_artifact(f"/{made()}", name="x")),
        "must be a constant",
    ),
    "a value in a folder": (lambda: made(working_dir=f"/{made()}"), "must be a constant"),
    "a value in a Secret's name": (lambda: made(secret=couler.obtain_secret(f"{made()}", ["A"])), "must be a constant"),
    "a map that writes nothing": (lambda: couler.map(lambda item: item, [1]), "creates no step"),
    "a loop that returns nothing": (lambda: couler.exec_while(equal("x"), takes_none), "returns no result of a step"),
    "a value that is computed with": (lambda: made() + 1, "cannot be computed with"),
    "a value that is compared": (lambda: made() == "heads", "cannot be compared"),
    "a value that is compared with others": (lambda: made() in ["tails", "heads"], "cannot be compared"),
    "a value that is looked into": (lambda: "heads" in made(), "cannot be compared"),
    "a value that is matched": (lambda: matched(made()), "cannot be compared"),
    "a value that is divided": (lambda: 7 // made(), "cannot be computed with"),
    "a value that is put into columns": (lambda: f"{made():>10}", "cannot be formatted"),
    "a value in JSON": (lambda: made(args=[json.dumps({"model": f"{made()}"})]), "turned into JSON"),
    "a value that is shown": (lambda: made(args=[f"{made()!r}"]), "shown by repr"),
    "a list of values in a text": (lambda: made(args=[f"{[made(), made()]}"]), "shown by repr"),
    "a list of texts with values": (lambda: made(args=[f"{[str(made())]}"]), "turned into JSON"),
    "both of two conditions": (
        lambda: couler.when(equal(made(), "x") and equal(made(), "y"), made),  # type: ignore[redundant-expr]  # as users write it
        "decided by the run",
    ),
    "a value that is decided on": (lambda: bool(made()), "cannot be decided on"),
    "a value that is changed": (lambda: made(args=[f"{made()}".upper()]), "that was changed"),
    "no text": (lambda: made(args=[object()]), "a object"),
    "a truth value": (lambda: made(args=[True]), "True, a bool"),
    "an image that the run knows": (lambda: couler.run_container(f"i:{made()}"), "image depends on the run"),
    "a name of several lines": (lambda: made(step_name="a\nb"), "is no name of a step"),
    "no attempts": (lambda: made(retry=0), "retry is 0"),
    "an output that is a path": (lambda: made(output="/tmp/x"), "is no output"),
    "a place that is no path": (lambda: couler.create_parameter_artifact("x.txt"), "no absolute path"),
    "an input from nowhere": (lambda: made(input=couler.create_local_artifact("/x")), "has no source"),
    "an input that is a text": (lambda: made(input=made()), "is no artifact"),
    "a repository that is made": (lambda: made(output=couler.create_git_artifact("/x", "git")), "can only be an input"),
    "resources twice": (lambda: made(resources={"cpu": 1, "limits": {"cpu": 2}}), "beside requests and limits"),
    "no source": (lambda: couler.run_script("python"), "needs a source"),
    "a text without an image": (lambda: couler.run_script(source="x"), "needs an image"),
    "a text with arguments": (lambda: couler.run_script("sh", source="x", args=[1]), "takes no args"),
    "a function with too many arguments": (lambda: couler.run_script(source=abs_of, args=[1, 2]), "is given 2 arg"),
    "a function without its argument": (lambda: couler.run_script(source=abs_of), "is not given 'x'"),
    "a function that needs more": (lambda: couler.run_script(source=outside, args=[1]), "needs LATER"),
    "a manifest that is none": (lambda: couler.run_job("a: ["), "cannot be read"),
    "a manifest without a kind": (lambda: couler.run_job("a: 1"), "not one resource with a kind"),
    "an action that nobody has": (lambda: couler.run_job("kind: Job", action="make"), "'make' is no action"),
    "an output that a step has not": (lambda: made()["x"], "has no output 'x'"),
    "dependencies that are no names": (lambda: untyped.set_dependencies(made, [1]), "1 is no name"),
    "an expression with a mistake": (lambda: couler.set_dependencies(made, "A &&"), "depends 'A &&'"),
    "an end that no workflow has": (lambda: untyped.set_exit_handler("Failed", made), "'Failed' is not a final status"),
    "a ready-made step that is none": (lambda: couler.run_step("lod-csv"), "lod-csv"),
    "an input of a ready-made step": (lambda: couler.run_step("load-csv", uri="x"), "no input 'uri'"),
}


def matched(value: object) -> bool:
    match value:
        case "heads":
            return True
    return False


def abs_of(x: int) -> int:
    return abs(x)


@pytest.mark.parametrize("what", WRONG)
def test_it_is_said(what: str) -> None:
    write, message = WRONG[what]
    with pytest.raises(InvalidInput, match=message) as caught, workflow("w"):
        write()
    assert caught.value.hint
    assert str(caught.value.file).endswith("test_errors.py")
    assert caught.value.line


def cycle() -> None:
    couler.set_dependencies(lambda: made(step_name="a"), ["b"])
    couler.set_dependencies(lambda: made(step_name="b"), ["a"])


def unknown_output() -> None:
    made(args=[couler.get_step_output("a", "x")], step_name="b")
    made(step_name="a")


def handler_that_reads() -> None:
    first = made(step_name="a")
    couler.set_exit_handler(couler.WFStatus.Failed, lambda: made(args=[first], step_name="b"))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (cycle, "has a cycle: a → b → a"),
        (unknown_output, "refers to an output 'x' of 'a', which does not have it"),
        (handler_that_reads, "an exit handler reads an output of 'a'"),
    ],
    ids=["cycle", "output", "handler"],
)
def test_what_only_the_whole_shows_is_said_at_its_end(write: Callable[[], None], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught, workflow("w"):
        write()
    assert caught.value.hint


@pytest.mark.parametrize("setting", ["labels", "annotations", "node_selector", "dns_config", "security_context"])
def test_settings_that_are_no_mappings(setting: str) -> None:
    given: dict[str, Any] = {setting: "x"}
    with pytest.raises(InvalidInput, match=f"{setting} is 'x', which is no mapping"), workflow("w", **given):
        made()


def test_parameters_that_are_no_mapping() -> None:
    with pytest.raises(InvalidInput, match=r"parameters is \['day'\], which is no mapping"):
        untyped.workflow("w", parameters=["day"])


def test_an_engine_without_a_name() -> None:
    with workflow("w") as wf:
        made()
    with pytest.raises(InvalidInput, match="no engine is named") as caught:
        wf.to("")
    assert "argo" in str(caught.value.hint)


def test_a_file_without_a_folder(tmp_path: Path) -> None:
    with workflow("w") as wf:
        made()
    with pytest.raises(InvalidInput, match="cannot be written: No such file or directory"):
        wf.write(tmp_path / "none" / "flow.json")
