"""What every built-in optimizer keeps to, over the whole corpus."""

from __future__ import annotations

import pytest

from adapters.subjects import ARGO, lift_file, lift_source, lower_and_write
from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import verify
from couler_plugins.optimizers.dedupe import Dedupe
from couler_plugins.optimizers.prune import Prune
from couler_plugins.plan import Plan
from optimizers.running import CONTEXT
from support import CORPUS, ROOT

PIPELINES: dict[str, tuple[Dedupe | Prune, ...]] = {
    "dedupe": (Dedupe(),),
    "prune": (Prune(),),
    "both": (Dedupe(), Prune()),
    "turned round": (Prune(), Dedupe()),
}


def optimize(plan: Plan, pipeline: str) -> Plan:
    for optimizer in PIPELINES[pipeline]:
        plan = optimizer.run(plan, CONTEXT)
    return plan


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_twice_is_once(pipeline: str) -> None:
    changed = 0
    for path in ARGO.files():
        plan = lift_file(ARGO, path)
        once = optimize(plan, pipeline)
        assert optimize(once, pipeline) is once
        for old, new in zip(plan.workflows, once.workflows, strict=True):
            assert len(verify(new)) <= len(verify(old))
        lowered, written = lower_and_write(ARGO, once)
        text = written.texts.get(0)
        if text is None:
            assert once is plan
            continue
        changed += 1
        assert all(traced.decision is not None for traced in lowered.edits)
        again = lift_source(ARGO, read(text, path.name))
        assert optimize(again, pipeline) is again
    assert changed


def test_every_edit_has_the_decision_behind_it() -> None:
    path = CORPUS / "argo" / "dag-diamond.yaml"
    plan = lift_source(ARGO, read(path.read_text() + COPIES, path.name))
    both = optimize(plan, "both")
    lowered, _ = lower_and_write(ARGO, both)
    assert {lowered.decisions[traced.decision or 0].optimizer for traced in lowered.edits} == {"prune"}
    assert [traced.subject for traced in lowered.edits] == ["copy", "copy-2"]


COPIES = """
  - name: copy
    container: {image: i}
  - name: copy-2
    container: {image: i}
"""


def test_prune_keeps_what_it_is_told_to() -> None:
    path = CORPUS / "argo" / "dag-diamond.yaml"
    plan = lift_source(ARGO, read(path.read_text() + COPIES, path.name))
    kept = Prune(keep=("copy-2",)).run(plan, CONTEXT)
    assert [item.name for item in kept.workflows[0].operations] == ["echo", "copy-2"]
    assert Prune(keep=("copy", "copy-2")).run(plan, CONTEXT) is plan


def test_prune_refuses_to_keep_what_is_not_there() -> None:
    path = CORPUS / "argo" / "dag-diamond.yaml"
    with pytest.raises(InvalidInput, match="no 'ecoh' to keep"):
        Prune(keep=("ecoh",)).run(lift_file(ARGO, path), CONTEXT)


THREE = ROOT / "tests" / "fixtures" / "dedupe" / "three.in.yaml"


@pytest.mark.parametrize(
    ("keep", "names"),
    [
        (("b",), ["a", "b"]),
        (("a",), ["a", "b"]),
        (("b*",), ["a", "b"]),
        (("[bc]",), ["a", "b", "c"]),
        (("B*", "none-*"), ["a"]),
    ],
    ids=str,
)
def test_dedupe_keeps_apart_what_it_is_told_to(keep: tuple[str, ...], names: list[str]) -> None:
    dedupe = Dedupe(keep=keep)
    once = dedupe.run(lift_file(ARGO, THREE), CONTEXT)
    assert [item.name for item in once.workflows[0].operations] == names
    assert dedupe.run(once, CONTEXT) is once


def test_dedupe_refuses_to_keep_what_is_not_there() -> None:
    with pytest.raises(InvalidInput, match="no 'd' to keep") as refused:
        Dedupe(keep=("b", "d")).run(lift_file(ARGO, THREE), CONTEXT)
    assert refused.value.hint == "correct the name in dedupe{keep=…}"
