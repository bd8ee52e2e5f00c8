"""The optimizers in every order that is allowed find nothing more to do in what they have made; others are refused."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

import pytest

from couler_argo.plugin import ArgoAdapter
from couler_kfp.plugin import KfpAdapter
from couler_plugins.api import Result, Text, optimize
from couler_plugins.documents import read
from couler_plugins.driver.pipeline import check_order
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.hookspecs import Adapter, Context
from couler_plugins.hpo.workflows.optimizer import Tune
from couler_plugins.options.config import Config
from couler_plugins.plan import Plan
from couler_plugins.plugins.checks import optimizer_problem
from couler_tekton.plugin import TektonAdapter
from support import ROOT

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
ADAPTERS = ROOT / "tests" / "adapters"
BOUND = "couler.io/max-output-bytes"
WRAPPED = "cache{assume-pure=true,via=wrapper,store='s3://bucket/cache',image=couler}"
TRIALS = "tune{trials=4,tuner='optuna{seed=3}'}"


class Subject(NamedTuple):
    """A workflow with a step to tune, and how each optimizer has something to do in it."""

    adapter: type[Adapter]
    text: str
    cache: str
    steps: int

    def pipeline(self, names: tuple[str, ...]) -> str:
        every = {"tune": TRIALS, "cache": self.cache, "split": f"split{{max-steps={self.steps}}}", "dedupe": "dedupe"}
        return ",".join(every[name] for name in names)


@cache
def subject(engine: str) -> Subject:
    if engine == "argo":
        text = (ADAPTERS / "argo" / "tuning" / "churn.yaml").read_text()
        said = f'    metadata: {{annotations: {{{BOUND}: "99", couler.io/cache-version: "1"}}}}\n'
        text = text.replace("  - name: prepare\n", f"  - name: prepare\n{said}")
        text = text.replace("      annotations:\n", f'      annotations:\n        {BOUND}: "99"\n', 1)
        return Subject(ArgoAdapter, text, "cache{assume-pure=true,via=memoize}", 3)
    if engine == "tekton":
        text = (ADAPTERS / "tekton" / "tuning" / "churn.yaml").read_text()
        text = "".join(line for line in text.splitlines(True) if "models" not in line and "workspaces:" not in line)
        text = text.replace("    couler.io/tune: |", f'    {BOUND}: "300"\n    couler.io/tune: |')
        before, after = text.split("  - name: train\n    taskRef", 1)
        more = before[before.index("  - name: prepare\n") :].replace("prepare", "measure")
        return Subject(TektonAdapter, f"{before}{more}  - name: train\n    taskRef{after}", WRAPPED, 4)
    return Subject(KfpAdapter, _compiled(), "cache{assume-pure=true}", 3)


def _compiled() -> str:
    from tempfile import TemporaryDirectory

    from kfp import compiler

    from adapters.kfp.tuning.pipelines import TASK, training

    with TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(training(TASK), str(path))
        return path.read_text()


def run(text: str, pipeline: str) -> Result:
    done = optimize(Text(text, "w.yaml"), pipeline, config=Config())
    for file in done.files:
        if file.error is not None:
            raise file.error
    return done


def orders() -> list[tuple[str, ...]]:
    """All orders of two to four of them."""
    every = ("tune", "cache", "split", "dedupe")
    return [order for count in (2, 3, 4) for order in permutations(every, count)]


def is_allowed(order: tuple[str, ...]) -> bool:
    """Whether tuning is in front of what its result would spoil."""
    return "tune" not in order or not {"cache", "split"} & set(order[: order.index("tune")])


def behind(name: str, other: str, order: tuple[str, ...]) -> bool:
    return {name, other} <= set(order) and order.index(name) > order.index(other)


ALLOWED = [order for order in orders() if "tune" in order and len(order) != 3 and is_allowed(order)]
LONG = [order for order in ALLOWED if len(order) == 4][2:]
"""Orders of all four but two."""
REFUSED = [order for order in orders() if not is_allowed(order)]


@pytest.mark.parametrize(
    "order",
    [pytest.param(order, marks=pytest.mark.slow if order in LONG else ()) for order in ALLOWED],
    ids=",".join,
)
@pytest.mark.parametrize("engine", ["argo", "tekton", "kfp"])
def test_nothing_more_is_done_the_second_time(engine: str, order: tuple[str, ...]) -> None:
    given = subject(engine)
    pipeline = given.pipeline(order)
    once = run(given.text, pipeline)
    adapter = given.adapter()
    assert [remark.message for remark in adapter.lint(adapter.load([read(once.text, "w.yaml")]))] == []
    done = {decision.optimizer for file in once.files for decision in file.decisions if decision.action}
    wanted = set(order) - {"dedupe"}
    assert wanted - done <= ({"cache"} if behind("cache", "split", order) else set())  # whose parts are left alone
    assert run(once.text, pipeline).text == once.text


def test_keys_that_a_graph_of_its_own_would_change_are_kept_by_another_way_to_split() -> None:
    given = subject("argo")
    inside = given.pipeline(("tune", "cache", "split")).replace("max-steps=3", "max-steps=3,into=graphs")
    with pytest.raises(
        InvalidInput, match="the cache key of 'train' names the steps that its values come from"
    ) as caught:
        run(given.text, inside)
    assert caught.value.hint == "leave out into=graphs, or put cache after split in the pipeline"
    other = given.pipeline(("tune", "split", "cache")).replace("max-steps=3", "max-steps=3,into=graphs")
    once = run(given.text, other).text
    assert run(once, other).text == once


@pytest.mark.parametrize("order", REFUSED, ids=",".join)
def test_other_orders_are_refused_with_one_that_is_none(order: tuple[str, ...]) -> None:
    given = subject("argo")
    with pytest.raises(InvalidInput, match=r"'tune' must come before '(cache|split)' in the pipeline") as caught:
        run(given.text, given.pipeline(order))
    advised = tuple((caught.value.hint or "").removeprefix("put it first: ").split(","))
    assert sorted(advised) == sorted(order)
    assert is_allowed(advised)
    assert [name for name in advised if name != "tune"] == [name for name in order if name != "tune"]


def test_any_optimizer_may_say_what_stands_behind_it() -> None:
    class Named:
        def __init__(self, name: str, before: tuple[str, ...] | None = None) -> None:
            self.name = name
            if before is not None:
                self.before = before

    check_order([Named("a", ("b",)), Named("c"), Named("b")])  # type: ignore[list-item]  # it runs none of them
    with pytest.raises(InvalidInput) as caught:
        check_order([Named("d"), Named("b"), Named("c"), Named("a", ("b",))])  # type: ignore[list-item]  # as above
    assert caught.value.hint == "put it first: d,a,b,c"


def test_what_stands_behind_is_a_tuple_of_names() -> None:
    @dataclass(frozen=True)
    class Bad:
        name = "bad"
        before = "cache"

        def run(self, plan: Plan, ctx: Context) -> Plan:
            return plan

    assert "`before` is no tuple of names" in str(optimizer_problem(Bad))
    assert optimizer_problem(Tune) is None


@pytest.mark.parametrize("engine", ["argo", "tekton", "kfp"])
def test_what_is_cached_is_not_tuned_until_its_keys_are_gone(engine: str) -> None:
    given = subject(engine)
    cached = run(given.text, given.pipeline(("cache",))).text
    with pytest.raises(Unsupported, match="cached already, under keys that do not cover the tuned values") as caught:
        run(cached, given.pipeline(("tune", "cache")))
    assert caught.value.hint == "tune the original workflow, and cache it then: -p tune,cache"
    both = run(given.text, given.pipeline(("tune", "cache"))).text
    with pytest.raises(CoulerError, match="cached already"):
        run(both, given.pipeline(("tune", "cache")).replace("trials=4", "trials=5"))
    assert run(both, TRIALS).text == both


ORDERED = """
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: nightly}
spec:
  tasks:
  - name: load
    taskSpec: {steps: [{name: post, image: curl, script: "curl -X POST http://db/load"}]}
  - name: count
    runAfter: [load]
    params: [{name: day, value: "1"}]
    taskSpec:
      metadata: {annotations: {couler.io/cache: pure, couler.io/max-output-bytes: "99"}}
      params: [{name: day}]
      results: [{name: rows}]
      steps: [{name: ask, image: alpine, script: "rows $(params.day) > $(results.rows.path)"}]
"""


@pytest.mark.parametrize("order", [("cache", "split"), ("split", "cache")], ids=",".join)
def test_what_comes_after_another_part_is_no_more_cached_than_in_the_whole(order: tuple[str, ...]) -> None:
    text = run(ORDERED, subject("tekton").pipeline(order).replace("max-steps=4", "max-steps=1")).text
    assert "name: nightly-part-2" in text
    assert "couler-restore" not in text
