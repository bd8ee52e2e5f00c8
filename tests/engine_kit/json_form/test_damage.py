"""A damaged file of the IR is refused with its file and line, and never blamed on an adapter."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

import couler_plugins.authoring as couler
from authoring.listings import listing
from couler_plugins import Text, convert, lift, optimize
from couler_plugins.authoring import equal, workflow
from couler_plugins.cli.group import couler as command
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.ir import from_json
from support import first_of

Path = tuple[str | int, ...]
ENGINES = ("airflow", "argo", "kfp", "tekton")
ODD: tuple[Any, ...] = (None, True, 0, -1, 1.5, "", "x", "{{x}}", "*", "{", "a\nb", [], ["x"], {}, {"x": 1}, [None])


def counted(x: str, many: int = 3) -> dict:  # type: ignore[type-arg]  # as users write it
    return {x: many}


def rich() -> dict[str, Any]:
    """A workflow with whatever the interface has a native for."""
    schedule = couler.Schedule("0 3 * * *", starting_deadline_seconds=10)
    pull, tolerated, dns = ("registry",), ({"key": "x"},), {"nameservers": ["1.1.1.1"]}
    with workflow(
        "rich", parameters={"day": "monday"}, schedule=schedule, timeout=60, time_to_clean=60, labels={"a": "b"},
        image_pull_secrets=pull, tolerations=tolerated, node_selector={"disk": "ssd"}, dns_config=dns,
    ) as written:  # fmt: skip
        couler.add_volume(couler.Volume("data", "claim"))
        couler.create_workflow_volume(couler.VolumeClaimTemplate("work"))
        first = couler.run_container(
            "busybox", ["sh"], [written.parameter("day")], step_name="first", retry=2, timeout=60, daemon=True,
            output=[couler.create_parameter_artifact("/a"), couler.create_s3_artifact("/b", "b", "k")],
            env={"X": 1}, secret=couler.obtain_secret("db", ["PW"]), resources={"cpu": 1}, node_selector={"a": "b"},
            volume_mounts=[couler.VolumeMount("data", "/data")], env_from=[{"configMapRef": {"name": "x"}}],
        )  # fmt: skip
        couler.run_container("busybox", ["sh"], step_name="second", input=[first["b"]])
        couler.run_script(source=counted, args=[first, 5], packages=["numpy"])
        couler.run_job({"kind": "Job", "metadata": {"name": f"j-{first}"}}, "status.succeeded > 0", step_name="job")
        couler.when(equal(first, "x"), lambda: couler.run_container("busybox", ["sh"], step_name="third"))
        couler.map(lambda x, y: couler.run_container("busybox", ["sh"], [x, y], step_name="each"), [1, 2], ["a", "b"])
        couler.exec_while(equal("x"), lambda: couler.run_container("busybox", ["sh"], step_name="again"))
        last = couler.WFStatus.Always
        couler.set_exit_handler(last, lambda: couler.run_container("busybox", ["sh"], step_name="bye"))
    found: dict[str, Any] = json.loads(written.to_json())
    return found


def places(data: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in a document but its root."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inner:
        yield (*path, key)
        yield from places(value, (*path, key))


def damaged(data: Any, path: Path, draw: random.Random) -> Any:
    """The document with something else, or nothing, at a place; of a native, with that inside of its JSON."""
    found = copy.deepcopy(data)
    parent = found
    for key in path[:-1]:
        parent = parent[key]
    value = parent[path[-1]]
    inner = list(places(json.loads(value))) if "parts" in path and isinstance(value, str) and is_json(value) else []
    if inner:
        parent[path[-1]] = json.dumps(damaged(json.loads(value), draw.choice(inner), draw))
    elif draw.random() < 0.2:
        del parent[path[-1]]
    else:
        parent[path[-1]] = draw.choice(ODD)
    return found


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def outcomes(text: str) -> Iterator[tuple[str, CoulerError | None]]:
    """What each use of a file says of it."""
    for engine in (*ENGINES, "couler"):
        yield engine, convert(Text(text, "flow.json"), engine).files[0].error
    yield "optimize", optimize(Text(text, "flow.json"), "dedupe,cache{via=memoize}").files[0].error


def hold(data: Any, seeds: range) -> int:
    """Damages a document once for each seed; how many of these could still be read."""
    where, read = list(places(data)), 0
    for seed in seeds:
        draw = random.Random(seed)
        path = draw.choice(where)
        text = json.dumps(damaged(data, path, draw))
        try:
            from_json(text)
        except InvalidInput:  # told by the types: a test below
            continue
        read += 1
        for use, error in outcomes(text):
            assert error is None or (error.exit_code == 2 and error.file == "flow.json"), (seed, path, use, error)
    return read


@pytest.mark.parametrize("name", first_of(["rich", "coin_flip", "diamond", "model_search", "recursion"], 2))
def test_no_damage_is_blamed_on_an_adapter(name: str) -> None:
    assert hold(rich() if name == "rich" else json.loads(listing(name).to_json()), range(25)) > 1


@pytest.mark.parametrize(
    "seeds",
    [pytest.param(range(100, 130), marks=pytest.mark.slow), pytest.param(range(130, 200), marks=pytest.mark.long)],
    ids=["some", "many"],
)
@pytest.mark.parametrize("name", ["rich", "coin_flip", "diamond", "model_search", "recursion", "automl"])
def test_no_damage_is_blamed_on_an_adapter_at_length(name: str, seeds: range) -> None:
    hold(rich() if name == "rich" else json.loads(listing(name).to_json()), seeds)


@pytest.mark.parametrize("arguments", [("lint",), ("optimize",), *(("convert", "--to", engine) for engine in ENGINES)])
def test_commands_refuse_what_the_types_tell(arguments: tuple[str, ...]) -> None:
    data, draw = rich(), random.Random(7)
    for path in draw.sample(list(places(data)), 12):
        text = json.dumps(damaged(data, path, draw))
        done = CliRunner().invoke(command, [*arguments, "-"], input=text, catch_exceptions=False)
        assert done.exit_code in (0, 2), (path, done.output)
        assert "Traceback" not in done.output


def changed(path: Path, value: Any) -> str:
    data = rich()
    parent = data["workflow"]
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return json.dumps(data, indent=2)


def native(text: str) -> dict[str, Any]:
    return {"type": "native", "parts": [text]}


FIRST: Path = ("graphs", 0, "steps", 1)
READ = {"type": "reference", "to": "output", "step": "first", "name": "a", "kind": "file"}
DAMAGE: dict[str, tuple[Path, Any, str]] = {
    "an outcome": ((*FIRST, "needs", "outcomes"), ["succeded"], "the outcome 'succeded', which there is not"),
    "what is tolerated": ((*FIRST, "tolerates"), ["skipped"], "tolerates the outcome 'skipped'"),
    "no JSON": (("rest",), native("{"), "holds a structure that is no JSON: '{'"),
    "what a run is": (("rest",), native('{"spec":{"volumes":3}}'), "Expected `array`, got `int`"),
    "a kind": ((*FIRST, "arguments"), [{"name": "x", "value": READ}], "of the kind 'file'"),
    "outputs": (("operations", 2, "outputs"), [{"name": "other"}], "not have the outputs that its function gives"),
    "a default": (
        ("operations", 2, "inputs", 1, "default"),
        {"type": "literal", "value": "{"},
        "has a default that its function cannot take",
    ),
    "a resource": (("operations", 3, "rest"), native("{}"), "missing required field `resource`"),
    "a field": ((*FIRST, "more"), 1, "unknown field `more`"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_said_with_its_line(what: str) -> None:
    path, value, message = DAMAGE[what]
    text = changed(path, value)
    with pytest.raises(InvalidInput) as caught:
        lift(Text(text, "flow.json"))
    assert message in caught.value.message
    assert (caught.value.file, bool(caught.value.hint)) == ("flow.json", True)
    assert caught.value.line is not None
    assert caught.value.line > 1


def test_what_is_nested_without_end_is_refused() -> None:
    needs: dict[str, Any] = {"type": "need", "step": "first"}
    for _ in range(400):
        needs = {"type": "not", "need": needs}
    with pytest.raises(InvalidInput, match="nested deeper than 250 levels"):
        lift(Text(changed(("graphs", 0, "steps", 1, "needs"), needs), "flow.json"))
