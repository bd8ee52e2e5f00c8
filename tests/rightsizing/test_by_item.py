"""Memory by item: items of one loop that differ get what each needs, where the history knows it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from couler_plugins.rightsizing import attempts
from couler_plugins.rightsizing.by_item import attempts_by_item
from couler_plugins.runs import Attempt, ContainerUse, Run, StepRun
from rightsizing.test_optimizer import changed, changes, reasons, rightsized

MEBIBYTE = 2**20
LOOP = """\
    apiVersion: argoproj.io/v1alpha1
    kind: Workflow
    metadata: {generateName: nightly-}
    spec:
      entrypoint: main
      templates:
        - name: main
          steps:
            - - name: each
                template: train
                arguments:
                  parameters: [{name: size, value: "{{item}}"}]
                withItems: [small, a/b, big, new]
        - name: train
          inputs:
            parameters: [{name: size}]
          container:
            image: alpine:3
            command: [train, "{{inputs.parameters.size}}"]
    """
PATCH = """\
+      podSpecPatch: |
+        containers:
+        - name: main
+          resources:
+            requests:
+              memory: "{{=inputs.parameters['size'] in ['small', 'a/b'] ? '112Mi' : '2048Mi'}}"
+            limits:
+              memory: "{{=inputs.parameters['size'] in ['small', 'a/b'] ? '112Mi' : '2048Mi'}}\""""


@pytest.fixture(autouse=True)
def _largest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest peak is asked for: how it is estimated is no matter of these tests."""
    monkeypatch.setattr(attempts, "estimate_request", max)


def runs(**peaks: int) -> list[Run]:
    """Three runs of the loop, whose items used so many mebibytes."""
    steps = tuple(step(number, item, peak) for number, (item, peak) in enumerate(peaks.items()))
    return [Run(family="nightly", at=float(number), name=f"nightly-{number}", steps=steps) for number in range(3)]


def step(number: int, item: str, mebibytes: int, inputs: int | None = None) -> StepRun:
    use = ContainerUse(container="main", memory=mebibytes * MEBIBYTE, cpu=0.5)
    tried = Attempt(succeeded=True, input_bytes=inputs, containers=(use,))
    name = f"main/each({number}:{item})"
    return StepRun(step=name, site="main/each", type="train", spec=name, key=name, tries=(tried,))


PEAKS = {"small": 100, "a/b": 101, "big": 2000}


def test_items_get_what_they_need(tmp_path: Path) -> None:
    result = rightsized(LOOP, tmp_path, *runs(**PEAKS), passes="rightsize{by-item=true}")
    assert PATCH.replace("2048Mi", "2Gi") in changes(result)
    (items, sizes) = changed(result)
    assert ("memory after", "2Gi") in sizes.figures
    assert (items.action, items.reason) == (
        "set memory by item",
        "2 of 4 items need less memory than the request for all; of 1 fewer than 3 attempts are known",
    )
    again = rightsized(result.files[0].text or "", tmp_path, *runs(**PEAKS), passes="rightsize{by-item=true}")
    assert not again.changed
    assert "it is written already: 2 of 4 items" in str([item.reason for item in again.decisions])


def test_a_patch_of_ours_follows_the_largest_without_the_option(tmp_path: Path) -> None:
    first = rightsized(LOOP, tmp_path, *runs(**PEAKS), passes="rightsize{by-item=true}")
    grown = rightsized(first.files[0].text or "", tmp_path, *runs(**{**PEAKS, "big": 4090}))
    assert "? '112Mi' : '4Gi'" in (grown.files[0].text or "")
    assert "'2Gi'" not in (grown.files[0].text or "")
    even = rightsized(first.files[0].text or "", tmp_path, *runs(small=2000, big=2000))
    assert "podSpecPatch" not in (even.files[0].text or "")


ONCE = "        - - {name: one, template: train, arguments: {parameters: [{name: size, value: small}]}}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("withItems: [small, a/b, big, new]", "when: 'true'"),
        ("    - name: train\n", f"{ONCE}\n    - name: train\n"),
    ],
)
def test_a_patch_of_ours_goes_where_the_loop_is_no_longer_the_one_call(old: str, new: str, tmp_path: Path) -> None:
    first = rightsized(LOOP, tmp_path, *runs(**PEAKS), passes="rightsize{by-item=true}").files[0].text or ""
    assert old in first
    then = rightsized(first.replace(old, new, 1), tmp_path, *runs(small=4000)).files[0].text or ""
    assert "memory: 4032Mi" in then
    assert "podSpecPatch" not in then


def test_what_other_workflows_call_with_the_same_values_has_one_size(tmp_path: Path) -> None:
    library = LOOP.replace("kind: Workflow", "kind: WorkflowTemplate").replace(
        "generateName: nightly-", "name: nightly"
    )
    elsewhere = msgspec.structs.replace(step(0, "small", 4000), step="main/x", site="main/x", library="nightly")
    other = Run(family="other", name="o", at=9.0, steps=(elsewhere,))
    result = rightsized(library, tmp_path, *runs(**PEAKS), other, passes="rightsize{by-item=true}")
    assert "memory: 4032Mi" in (result.files[0].text or "")
    assert "podSpecPatch" not in (result.files[0].text or "")


def test_memory_by_item_is_memory(tmp_path: Path) -> None:
    result = rightsized(LOOP, tmp_path, *runs(**PEAKS), passes="rightsize{by-item=true,memory=false}")
    assert "memory" not in changes(result)
    twofold = LOOP.replace(
        "alpine:3", "alpine:3\n            resources: {requests: {memory: 4Gi}, limits: {memory: 16Gi}}"
    )
    result = rightsized(twofold, tmp_path, *runs(**PEAKS), passes="rightsize{by-item=true,memory=false}")
    assert "memory" not in changes(result).replace("{memory: 4Gi", "").replace("{memory: 16Gi", "")


def test_a_limit_alone_is_a_request_of_the_largest_as_well(tmp_path: Path) -> None:
    limited = LOOP.replace("alpine:3", "alpine:3\n            resources: {limits: {memory: 16Gi}}")
    result = rightsized(limited, tmp_path, *runs(**PEAKS), passes="rightsize{by-item=true}")
    assert PATCH.replace("2048Mi", "2Gi") in changes(result)


def test_items_whose_attempts_failed_get_what_the_largest_needs(tmp_path: Path) -> None:
    failed = [
        msgspec.structs.replace(
            run,
            steps=tuple(
                msgspec.structs.replace(
                    one, tries=tuple(msgspec.structs.replace(two, succeeded="big" in one.step) for two in one.tries)
                )
                for one in run.steps
            ),
        )
        for run in runs(**PEAKS)
    ]
    result = rightsized(LOOP, tmp_path, *failed, passes="rightsize{by-item=true}")
    assert "podSpecPatch" not in (result.files[0].text or "")


def test_without_the_option_all_items_get_what_the_largest_needs(tmp_path: Path) -> None:
    result = rightsized(LOOP, tmp_path, *runs(**PEAKS))
    assert "podSpecPatch" not in (result.files[0].text or "")
    assert "memory: 2Gi" in (result.files[0].text or "")


CACHED = "cache{via=memoize},rightsize{by-item=true}"
ONE_SIZE = "all its items have one size: they are not in the file, or no parameter tells them apart"
SAME = LOOP.replace("[small, a/b, big, new]", "[small, small]")
OWN = LOOP.replace(
    "          container:", "          podSpecPatch: 'terminationGracePeriodSeconds: 5'\n          container:"
)


@pytest.mark.parametrize(("text", "reason"), [(SAME, ONE_SIZE), (OWN, "it has a podSpecPatch of its owner's")])
def test_why_items_have_one_size_is_said(tmp_path: Path, text: str, reason: str) -> None:
    result = rightsized(text, tmp_path, *runs(**PEAKS), passes="rightsize{by-item=true}")
    assert ("train", reason) in reasons(result)
    assert "{{=" not in (result.files[0].text or "")


def test_items_are_read_from_names_of_steps() -> None:
    nested = StepRun(step="main/outer(3:x)/inner/each(0:a(1:b))", site="inner/each", type="t", spec="", key="")
    attempt = Attempt(start=1.0, end=2.0)
    found = attempts_by_item(
        [Run(family="f", steps=(msgspec.structs.replace(nested, tries=(attempt,)),))], "inner/each"
    )
    assert dict(found) == {"a(1:b)": [attempt]}


def test_memory_that_follows_its_input_is_told_of(tmp_path: Path) -> None:
    steps = [step(number, f"i{number}", 100 + 50 * number, inputs=number * 10 * MEBIBYTE) for number in range(6)]
    result = rightsized(LOOP, tmp_path, Run(family="nightly", at=1.0, steps=tuple(steps)))
    (said,) = (item for item in result.files[0].decisions if "follows its input" in item.reason)
    assert said.figures == (
        ("container", "main"),
        ("attempts", 6),
        ("bytes of memory per byte of input", 5.0),
        ("R²", 1.0),
    )


def test_keys_of_results_do_not_depend_on_memory_by_item(tmp_path: Path) -> None:
    pure = (
        "          metadata: {annotations: {couler.io/cache: pure, couler.io/max-output-bytes: '9'}}\n"
        "          outputs: {parameters: [{name: out, valueFrom: {path: /tmp/out}}]}\n          container:"
    )
    text = LOOP.replace("          container:", pure).replace("alpine:3", f"alpine@sha256:{'a' * 64}")
    first = rightsized(text, tmp_path, *runs(**PEAKS), passes=CACHED)
    assert "memoize" in (first.files[0].text or "")
    assert "podSpecPatch" in (first.files[0].text or "")
    again = rightsized(first.files[0].text or "", tmp_path, *runs(**PEAKS), passes=CACHED)
    assert not again.changed
