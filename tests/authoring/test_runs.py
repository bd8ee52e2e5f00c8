"""What authored workflows compute, run for real as Argo's, written at once or on the way over another engine.

They are run by an interpreter of Argo's manifests that shares no code with the adapters.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import couler_plugins.authoring as couler
from adapters.kfp.argo_runs import ArgoRun
from couler_plugins import Text, convert
from couler_plugins.authoring import AuthoredWorkflow, bigger, equal, workflow

OVER = [["argo"], ["tekton", "argo"], ["kfp", "argo"]]
over_engines = pytest.mark.parametrize("engines", OVER, ids="-".join)


def say(log: Path, name: str, *words: Any) -> couler.Returned:
    """A step that writes a line, and prints it."""
    program = 'echo "$*" | tee -a "$0"'
    return couler.run_container("busybox", ["sh", "-c", program, str(log)], [name, *words], step_name=name)


def run(written: AuthoredWorkflow, engines: list[str], folder: Path) -> ArgoRun:
    """The run of a workflow that was written for these engines, one after another."""
    text = written.to(engines[0])
    for engine in engines[1:]:
        (file,) = convert(Text(text, f"made-{engine}.yaml"), engine).files
        assert file.error is None, f"{engine}: {file.error}"
        assert file.text is not None
        text = file.text
    return ArgoRun(yaml.safe_load(text), folder, log=str(folder / "log"))


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines()


def in_order(log: Path) -> None:
    say(log, "one")
    say(log, "two")


def by_value(log: Path) -> None:
    made = couler.run_container(
        "busybox",
        ["sh", "-c"],
        [f"printf '  a\\n b' > {log}.made"],
        output=couler.create_parameter_artifact(f"{log}.made", name="made"),
        step_name="make",
    )
    say(log, "read", f"[{made}]")


def chosen(log: Path) -> None:
    side = say(log, "side")
    couler.when(equal(side, "side"), lambda: say(log, "yes"))
    couler.when(equal(side, "other"), lambda: say(log, "no"))


def mapped(log: Path) -> None:
    couler.map(lambda size, mark: say(log, "train", f"{size}{mark}"), [1, 2], ["a", "b"])
    couler.map(lambda size: say(log, "test", size), ["x", "y"])


def doubled(x: int) -> int:
    return 2 * x


def joined(values: list, mark: str = "+") -> str:  # type: ignore[type-arg]  # as users write it
    return mark.join(str(value) for value in values)


def functions(log: Path) -> None:
    four = couler.run_script(source=doubled, args=[2])
    eight = couler.run_script(source=doubled, args=[four], step_name="again")
    text = couler.run_script(source=joined, args=[[1, "b"]])
    say(log, "told", four, eight, text)


WRITTEN: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "in order": (in_order, ["one", "two"]),
    "by value": (by_value, ["read [  a", " b]"]),
    "chosen": (chosen, ["side", "yes"]),
    "mapped": (mapped, ["train 1a", "train 2b", "test x", "test y"]),
}


@over_engines
@pytest.mark.parametrize("name", WRITTEN)
def test_it_computes_the_same_everywhere(name: str, engines: list[str], tmp_path: Path) -> None:
    write, expected = WRITTEN[name]
    with workflow("w") as written:
        write(tmp_path / "log")
    assert run(written, engines, tmp_path).state == "Succeeded"
    assert lines(tmp_path / "log") == expected


@over_engines
def test_functions_take_and_give_values(engines: list[str], tmp_path: Path) -> None:
    with workflow("w") as written:
        functions(tmp_path / "log")
    assert run(written, engines, tmp_path).state == "Succeeded"
    assert lines(tmp_path / "log") == ["told 4 8 1+b"]


def test_a_loop_goes_on_while_its_condition_holds(tmp_path: Path) -> None:
    log = tmp_path / "log"
    count = 'echo x >> "$0"; wc -l < "$0" | tr -d " "'

    def counted() -> couler.Returned:
        return couler.run_container("busybox", ["sh", "-c", count], [str(log)], step_name="count")

    with workflow("w") as written:
        last = couler.exec_while(couler.not_equal("4"), counted)
        say(log, "ended at", last)
    assert run(written, ["argo"], tmp_path).state == "Succeeded"
    assert lines(log) == ["x", "x", "x", "x", "ended at 4"]


def test_numbers_are_compared_as_such(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with workflow("w") as written:
        ten = couler.run_script(source=doubled, args=[5])
        couler.when(bigger(ten, 9), lambda: say(log, "bigger"))
        couler.when(bigger(ten, 10), lambda: say(log, "too big"))
    assert run(written, ["argo"], tmp_path).state == "Succeeded"
    assert lines(log) == ["bigger"]


def test_a_graph_runs_as_its_edges_say(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def node(name: str) -> Callable[[], couler.Returned]:
        return lambda: say(log, name)

    with workflow("w") as written:
        couler.dag([[node("c"), node("d")], [node("b"), node("d")], [node("a"), node("b")], [node("a"), node("c")]])
    assert run(written, ["argo"], tmp_path).state == "Succeeded"
    ran = lines(log)
    assert (ran[0], sorted(ran[1:3]), ran[3]) == ("a", ["b", "c"], "d")


def test_several_steps_run_for_each_item(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def each(item: couler.RunValue) -> None:
        first = say(log, "first", item)
        say(log, "second", f"<{first}>")

    with workflow("w") as written:
        couler.map(each, ["x", "y"])
    assert run(written, ["argo"], tmp_path).state == "Succeeded"
    assert lines(log) == ["first x", "second <first x>", "first y", "second <first y>"]
