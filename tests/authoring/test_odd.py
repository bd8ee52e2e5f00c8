"""Every public call with odd arguments: it takes them, or says what is wrong; nothing else comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

import couler_plugins.authoring as couler
from conversions import plugins
from couler_plugins.authoring import catalogue, workflow
from couler_plugins.authoring.settings import Settings
from couler_plugins.authoring.zoo import Dataset, katib, lightgbm, mpi, pytorch, tensorflow, xgboost
from couler_plugins.errors import CoulerError
from couler_plugins.ir import from_json
from support import first_of


def step(name: str = "a", item: object = "") -> couler.Returned:
    return couler.run_container("busybox", ["echo"], [item], step_name=name)


def whole(name: str) -> couler.AuthoredWorkflow:
    with workflow(name) as found:
        step()
    return found


def function(x: str) -> str:
    return x


def odd() -> dict[str, Any]:
    """Values that somebody may give for anything."""
    return {
        "None": None,
        "three": 3,
        "minus": -1,
        "huge": 10**5000,
        "half": 0.5,
        "nan": float("nan"),
        "true": True,
        "empty": "",
        "blank": " \n",
        "text": "some text",
        "long": "x" * 100_000,
        "surrogate": "\ud800",
        "mark": "\ue000",
        "null": "\0",
        "template": "{{x}} $(x) {% x %}",
        "bytes": b"x",
        "list": [],
        "nested": [[1, [None]], {"x": [object]}],
        "names": ["a", "b"],
        "tuple": (1, "x"),
        "mapping": {},
        "numbers": {1: 2},
        "texts": {"x": "y"},
        "set": {"x"},
        "generator": (item for item in ("a", "b")),
        "object": object(),
        "class": type("Odd", (), {}),
        "function": step,
        "lambda": lambda: step("b"),
        "path": Path("x"),
        "returned": couler.get_step_output("a"),
        "artifact": couler.create_local_artifact("/x"),
        "workflow": whole("other"),
    }


Valid = Callable[[], Mapping[str, Any]]
EQUAL = {"left": couler.get_step_output("a"), "right": "x"}
STORED = {"path": "/x", "bucket": "b", "key": "k"}
JOB = {"image": "busybox", "command": "train", "args": ["x"]}
BOOSTED = {"datasource": Dataset("x.csv", "y")}
PARAMETER = {"name": "lr", "type": "double", "range": [0.1, 1]}
CALLS: dict[Callable[..., Any], Valid] = {
    couler.run_container: lambda: {"image": "busybox", "command": ["echo"], "args": ["x"]},
    couler.run_script: lambda: {"image": "busybox", "source": "echo"},
    couler.run_job: lambda: {"manifest": {"kind": "Job"}},
    couler.run_step: lambda: {"step": "load-csv", "url": "x"},
    couler.get_step_output: lambda: {"step": "a", "name": "x"},
    couler.obtain_secret: lambda: {"name": "db", "keys": ["KEY"]},
    couler.add_volume: lambda: {"volume": couler.Volume("v")},
    couler.create_workflow_volume: lambda: {"template": couler.VolumeClaimTemplate("v")},
    couler.Volume: lambda: {"name": "v", "claim_name": "c"},
    couler.VolumeMount: lambda: {"name": "v", "mount_path": "/v"},
    couler.VolumeClaimTemplate: lambda: {"claim_name": "v"},
    couler.Secret: lambda: {"name": "db", "keys": (("A", "a"),)},
    couler.Schedule: lambda: {"cron": "0 3 * * *"},
    couler.create_parameter_artifact: lambda: {"path": "/x"},
    couler.create_local_artifact: lambda: {"path": "/x"},
    couler.create_s3_artifact: lambda: STORED,
    couler.create_oss_artifact: lambda: {**STORED, "endpoint": "e"},
    couler.create_gcs_artifact: lambda: STORED,
    couler.create_hdfs_artifact: lambda: {"path": "/x", "addresses": ["a:1"], "hdfs_path": "/y"},
    couler.create_git_artifact: lambda: {"path": "/x", "repo": "r"},
    couler.when: lambda: {"condition": couler.equal(**EQUAL), "function": lambda: step("b")},
    couler.concurrent: lambda: {"functions": [lambda: step("b")]},
    couler.dag: lambda: {"chains": [[lambda: step("b"), lambda: step("c")]]},
    couler.set_dependencies: lambda: {"function": lambda: step("b"), "dependencies": ["a"]},
    couler.map: lambda: {"function": lambda item: step("b", item), "lists": [1, 2]},
    couler.exec_while: lambda: {"condition": couler.equal("x"), "function": lambda: step("b")},
    couler.set_exit_handler: lambda: {"status": couler.WFStatus.Failed, "function": lambda: step("b")},
    **dict.fromkeys((couler.equal, couler.not_equal), lambda: EQUAL),
    **dict.fromkeys(
        (couler.bigger, couler.bigger_equal, couler.smaller, couler.smaller_equal), lambda: {**EQUAL, "right": 3}
    ),
    couler.workflow: lambda: {"name": "w", "parameters": {"day": "x"}},
    couler.ArgoSubmitter: lambda: {"output": "-"},
    couler.AirflowSubmitter: lambda: {"output": "-"},
    couler.KfpSubmitter: lambda: {"output": "-"},
    couler.TektonSubmitter: lambda: {"output": "-"},
    couler.to_python: lambda: {"workflow": whole("w").ir},
    Dataset: lambda: {"data": "x.csv", "label_col": "y"},
    **dict.fromkeys((mpi.train, pytorch.train, tensorflow.train), lambda: JOB),
    **dict.fromkeys((xgboost.train, lightgbm.train), lambda: BOOSTED),
    katib.run: lambda: {
        **JOB,
        "tuning_params": [PARAMETER],
        "objective": {"type": "maximize", "metric_name": "accuracy"},
    },
}
APART = {"run", "written", "AuthoredWorkflow", "Returned", "RunValue", "WFStatus"}
"""What is no call, or is called outside of a block: below."""


@pytest.fixture(autouse=True)
def same_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of thousands of calls would load them."""
    monkeypatch.setattr(catalogue, "load_plugins", lambda config: plugins())


def test_no_public_call_is_left_out() -> None:
    assert {getattr(couler, name) for name in couler.__all__ if name not in APART} <= set(CALLS)


def called(call: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    starred = [given[name] for name, item in signature(call).parameters.items() if item.kind == item.VAR_POSITIONAL]
    if not starred:
        return call(**given)
    return call(*(value for name, value in given.items() if name != "lists"), *starred)


def used(made: Any) -> None:
    """What a call gives is used as it is meant to be, so that what it took is read."""
    match made:
        case couler.VolumeMount():
            couler.add_volume(couler.Volume("v"))
            couler.run_container("busybox", ["echo"], step_name="b", volume_mounts=[made])
        case couler.Volume():
            couler.add_volume(made)
        case couler.VolumeClaimTemplate():
            couler.create_workflow_volume(made)
        case couler.Secret():
            couler.run_container("busybox", ["echo"], step_name="b", secret=made)
        case Dataset():
            xgboost.train(made)
        case couler.RunValue():
            step("reader", made)


def finished(made: Any) -> None:
    """The same, behind the block."""
    match made:
        case couler.Schedule():
            with workflow("scheduled", schedule=made) as found:
                step()
            read_again(found)
        case couler.AuthoredWorkflow():
            with made:
                step()
            read_again(made)


def read_again(written: couler.AuthoredWorkflow) -> None:
    """Whatever was taken is in the file as it is in the workflow."""
    assert from_json(written.to_json()) == written.ir


def outcome(call: Callable[..., Any], name: str, given: Any) -> CoulerError | None:
    """What a call says of an argument, or what it makes; None where it takes it."""
    valid = {**CALLS[call](), "columns" if name == "inputs" else name: given}
    try:
        if call in (couler.workflow, couler.to_python):
            finished(called(call, valid))
            return None
        with workflow("w") as written:
            step()
            made = called(call, valid)
            used(made)
        finished(made)
        read_again(written)
    except CoulerError as error:
        return error
    except Exception as error:
        raise AssertionError(name, given) from error
    return None


@pytest.mark.parametrize(
    "call", first_of(CALLS, 12), ids=lambda call: f"{call.__module__.rpartition('.')[2]}.{call.__name__}"
)
def test_odd_arguments(call: Callable[..., Any]) -> None:
    for name in signature(call).parameters:
        for what, given in odd().items() if name != "settings" else ():
            error = outcome(call, name, given)
            assert error is None or (error.hint and len(str(error)) < 1_000), (name, what, error)


@pytest.mark.parametrize("setting", [item.name for item in fields(Settings)])
def test_odd_settings(setting: str) -> None:
    for what, given in odd().items():
        error = None
        try:
            with workflow("w", **{setting: given}) as written:
                step()
            read_again(written)
        except CoulerError as caught:
            error = caught
        assert error is None or (error.hint and error.line and len(str(error)) < 1_000), (what, error)
