"""Workflows as Python, and back: what is printed gives an equal workflow when it is run."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import couler_plugins.authoring as couler
from authoring.listings import LISTINGS, listing
from couler_plugins import lift
from couler_plugins.authoring import AuthoredWorkflow, WFStatus, equal, workflow
from couler_plugins.authoring.source import to_python
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Literal, Need, Retry, Workflow, replace
from couler_plugins.options.config import load_config
from couler_plugins.plugins import STEPS, load_plugins


def job(name: str, *args: Any, **more: Any) -> couler.Returned:
    return couler.run_container("busybox", ["echo"], list(args), step_name=name, **more)


def printed(written: Workflow, folder: Path) -> Workflow:
    """The workflow that its printed form gives."""
    path = folder / "printed.py"
    path.write_text(to_python(written, load_plugins(load_config(environ={})).all(STEPS).values()), encoding="utf-8")
    found = runpy.run_path(str(path))["workflow"]
    assert isinstance(found, AuthoredWorkflow)
    return found.ir


@pytest.mark.parametrize("name", LISTINGS)
def test_a_listing_comes_back(name: str, tmp_path: Path) -> None:
    assert printed(listing(name).ir, tmp_path) == listing(name).ir


def orders() -> None:
    job("a")
    job("b")
    couler.concurrent([lambda: job("c"), lambda: job("d")])
    couler.set_dependencies(lambda: job("e"), dependencies=["a"])
    couler.set_dependencies(lambda: job("f"), dependencies="d && (b.Succeeded || b.Failed)")
    couler.set_dependencies(lambda: job("g"), dependencies=None)
    job("h")


def conditions() -> None:
    a = job("a")
    b = job("b")
    couler.when(equal(a, "it's"), lambda: job("c", a))
    couler.when(couler.not_equal(a, "x"), lambda: job("d"))
    couler.when(couler.bigger(b, 3), lambda: couler.when(couler.smaller_equal(b, "7.5"), lambda: job("e")))
    couler.when(equal(a, b), lambda: job("f"))
    job("g")


def loops() -> None:
    made = couler.map(lambda item: job("train", f"--size={item}", output=left), [1, 2.5, "x", True])
    couler.map(lambda a, b: job("zipped", a, f"{b}!"), ["x", "y"], [1, 2])
    couler.map(lambda *both: job("unnamed", *both), ["x", "y"], [1, 2])
    couler.map(lambda item: job("each", item), made)
    other = job("other")
    couler.map(lambda item: (job("one", item), job("two", other, item)), ["p", "q"])
    last = couler.exec_while(equal("again"), lambda: job("flip", other))
    job("last", last)


left = couler.create_parameter_artifact("/tmp/out", name="size")


def texts() -> None:
    late = couler.get_step_output("later", "size")
    made = job("a", "{braces}", 'quotes "', "it's", "two\nlines\n", "back\\slash", "")
    couler.set_dependencies(lambda: job("early", f"{{{late}}}"), dependencies=["later"])
    several = couler.set_dependencies(several_outputs, dependencies=None)
    job("b", f"{several['size']} and {several[0]} and {several.printed} and {made}")
    couler.run_script("busybox", source=f'echo "{made}"\necho {{}}\n')


def several_outputs() -> couler.Returned:
    return job("later", output=[couler.create_parameter_artifact("/tmp/x"), left])


def doubled(x: int, times: int = 2, name: str = "n") -> int:
    return x * times


def functions() -> None:
    four = couler.run_script(source=doubled, args=[2])
    couler.run_script(source=doubled, args={"x": four, "name": f"n{four}"}, step_name="again", packages=["numpy>=2"])
    couler.map(lambda item: couler.run_script(source=doubled, args=[item], step_name="each"), [1, 2])


def ready_made() -> None:
    table = couler.run_step("load-csv", url="s3://bucket/data.csv", columns=["a", "b"])
    parts = couler.run_step("split-train-test", data=table["data"], test_share=0.3, store="s3://bucket/store")
    couler.run_step("split-train-test", step_name="again", data=parts["train"], image="python:3.13-slim")


def declared() -> None:
    couler.add_volume(couler.Volume("data", "claim"))
    couler.create_workflow_volume(couler.VolumeClaimTemplate("work", size="5Gi"))
    model = couler.create_s3_artifact("/out/model", "b", "k", ("s", "access"), ("s", "secret"), is_global=True)
    hdfs = couler.create_hdfs_artifact("/out/log", ["name:8020"], "/logs")
    made = job(
        "train",
        input=couler.create_git_artifact("/src", "https://example.com/x.git", "main"),
        output=[model, hdfs],
        env={"MODE": "fast"},
        secret=couler.obtain_secret("db", {"PASSWORD": "key"}),
        resources={"requests": {"cpu": 1}, "limits": {"memory": "1Gi"}},
        retry=3,
        timeout=90,
        image_pull_policy="Always",
        volume_mounts=[couler.VolumeMount("data", "/data", read_only=True)],
        working_dir="/data",
        node_selector={"gpu": "yes"},
        daemon=True,
    )
    job("serve", "--model", made)
    job("read", input=made["log"])
    couler.set_exit_handler(WFStatus.Failed, lambda: job("tell", "failed"))
    couler.set_exit_handler(WFStatus.Succeeded, lambda: job("tell", "fine"))


def jobs() -> None:
    name = job("name")
    manifest = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": f"pi-{name}", "labels": {"a": f"{name}"}}}
    pi = couler.run_job(manifest, "status.succeeded > 0", "status.failed > 3", step_name="pi", timeout=60)
    couler.run_job("kind: Job\n", action="delete", step_name="gone")
    couler.run_job("kind: Job\n", set_owner_reference=False, step_name="kept")
    job("used", pi, pi["job-id"])
    couler.set_exit_handler(WFStatus.Always, lambda: job("bye"))


SETTINGS: dict[str, dict[str, Any]] = {
    "declared": {"schedule": couler.Schedule("0 3 * * *", "Europe/Berlin", suspend=True), "timeout": 60},
    "jobs": {
        "service_account": "me",
        "time_to_clean": 60,
        "labels": {"team": "ml"},
        "image_pull_secrets": ("registry",),
        "tolerations": ({"key": "gpu", "operator": "Exists"},),
        "parameters": {"day": "monday", "who": None},
    },
}
WRITTEN: tuple[Callable[[], None], ...] = (
    orders,
    conditions,
    loops,
    texts,
    functions,
    ready_made,
    declared,
    jobs,
)


@pytest.mark.parametrize("write", WRITTEN, ids=lambda write: write.__name__)
def test_a_workflow_comes_back(write: Callable[[], None], tmp_path: Path) -> None:
    with workflow("w", **SETTINGS.get(write.__name__, {})) as written:
        write()
    assert printed(written.ir, tmp_path) == written.ir


def test_ready_made_steps_are_called_by_name(tmp_path: Path) -> None:
    with workflow("w") as written:
        ready_made()
    text = to_python(written.ir, load_plugins(load_config(environ={})).all(STEPS).values())
    assert 'couler.run_step(step="load-csv", url="s3://bucket/data.csv"' in text.replace("\n        ", " ")
    assert 'couler.run_step("load-csv"' not in to_python(written.ir)
    assert "couler.run_container(" in to_python(written.ir)


def test_what_others_have_written_does_the_same(tmp_path: Path) -> None:
    """Attempts at a call, and needs of success only, as generated workflows have them."""
    with workflow("w") as written:
        job("a")
        job("b")
    (graph,) = written.ir.graphs
    a, b = graph.steps
    b = replace(b, needs=Need(step="a"), retry=Retry(limit=Literal(value=2)))
    other = replace(written.ir, graphs=(replace(graph, steps=(a, b)),))
    again = printed(other, tmp_path)
    assert again.graphs[0].steps[1].needs == Need(step="a")
    assert again.operations[1].retry == Retry(limit=Literal(value=2))


MANIFEST = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
    - name: main
      dag:
        tasks: [{name: wait, template: wait}]
    - {name: wait, suspend: {}}
"""


def test_what_the_interface_has_no_words_for_is_refused_by_step() -> None:
    (argo,) = lift(couler_text(MANIFEST)).workflows
    with pytest.raises(Unsupported, match="'wait' is a suspend") as caught:
        to_python(argo)
    assert (caught.value.step, bool(caught.value.hint)) == ("wait", True)


def test_items_whose_names_hide_those_of_a_loop_around_are_refused() -> None:
    def outer(a: couler.RunValue, b: couler.RunValue) -> None:
        job("outer", a, b)
        couler.map(lambda a, c: job("inner", a, c), ["p"], ["q"])

    with workflow("w") as written:
        couler.map(outer, ["x"], ["y"])
    with pytest.raises(Unsupported, match="names the values of its items as a loop around it does"):
        to_python(written.ir)


def couler_text(text: str) -> Any:
    from couler_plugins import Text

    return Text(text, "w.yaml")
