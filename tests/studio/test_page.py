"""The page in Chromium: the whole job on a workflow, by a person's own means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("selenium")

from selenium.webdriver.common.keys import Keys

from rightsizing.drawn import history_in
from rightsizing.test_optimizer import run_of
from servers.openai_api import says, serving, status
from studio.page_driver import Page, copied, need_bundle, open_page, serve, studio_page
from studio.serving import DAG
from support import CORPUS, shared
from viz.browser import chromium

pytestmark = pytest.mark.slow
FIELD = "corpus/field/ClimateImpactLab__downscaleCMIP6/workflows/templates/clean-cmip6.yaml"


def lines(path: Path, before: str) -> list[str]:
    """The lines that went and came."""
    diff = unified_diff(before.splitlines(), path.read_text("utf-8").splitlines(), lineterm="", n=0)
    return [line for line in list(diff)[2:] if not line.startswith("@@")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    need_bundle()
    with chromium() as driver:
        yield driver


def test_a_field_manifest(tmp_path: Path, browser: Any) -> None:
    """Open, change an image, add a step with an arrow, switch optimizers on, look at both versions, save."""
    file = copied(shared(*FIELD.split("/")), tmp_path)
    before = file.read_text("utf-8")
    run = run_of("clean-cmip6", ("timeslicezarr", {"main": (900, 0.4)}), count=40)
    history = history_in(tmp_path, [run] * 3).history
    with serve(str(file), *(f"--history={place}" for place in history)) as url:
        page = open_page(browser, url)
        for step in ("variable-id-switch", "variable-id-switch/process-simple-job"):
            page.choose(step)
            page.click(".form button", "graph")
            page.wait(".group .label", step.rsplit("/", 1)[-1])
        page.choose("crop-historical-time")
        page.fill('[data-field="image"] input', "ghcr.io/example/dodola:1.0")
        add_gate(page, "process-job")
        page.choose("quality-gate")
        page.pick('select[aria-label="Wait for another step"]', "slice-training")
        page.tab("Optimize")
        for name in ("dedupe", "rightsize"):
            page.click(f'input[name="{name}"]')
            page.settle()
        page.wait(".pipeline", "dedupe,rightsize")
        for version in ("Before", "After"):
            page.click(".versions label", version)
            page.settle()
            assert page.all(".react-flow__node")
        assert page.all(".box.is-changed")
        page.click(".versions label", "Edit")
        page.save()
        assert page.complaints() == []
        assert page.hosts() == {url.split("/")[2]}
    changed = lines(file, before)
    assert [line for line in changed if "image: ghcr.io/" in line] == [
        "-        image: ghcr.io/climateimpactlab/dodola:0.19.0",
        "+        image: ghcr.io/example/dodola:1.0",
    ]
    removed = [line for line in changed if line.startswith("-") and "memory" not in line and "cpu" not in line]
    assert len(removed) == 1  # the image; and what rightsize set to less
    assert any("memory" in line for line in changed if line.startswith("-"))
    assert sum("- name: quality-gate" in line for line in changed) == 1
    assert accepted(file)


def add_gate(page: Page, graph: str = "") -> None:
    """Add a ready-made step."""
    page.tab("Add")
    page.fill('input[aria-label="Find a ready-made step"]', "threshold")
    page.click(".catalogue button", "threshold-gate")
    page.fill("#new-name", "quality-gate")
    if graph:
        page.pick("#new-graph", graph)
    page.fill('[data-name="value"] input', "0.9")
    page.fill('[data-name="threshold"] input', "0.5")
    page.click("button[type=submit]", "Add the step")
    page.settle()


def accepted(path: Path) -> bool:
    """Whether the engine's lint has nothing against a file that it would refuse."""
    from couler_plugins.api import lint

    return not lint(str(path)).failed


def test_undo_to_the_start_gives_the_file_byte_by_byte(tmp_path: Path, browser: Any) -> None:
    file = tmp_path / "nightly.yaml"
    file.write_text(DAG)
    with serve(str(file)) as url:
        page = open_page(browser, url)
        page.choose("load")
        page.fill('[data-field="image"] input', "busybox:1.36")
        add_gate(page)
        page.choose("train")
        page.fill("#step-name", "train-model")
        page.click("button", "Rename")
        page.wait(page.node("train-model"))
        for _ in range(3):
            page.driver.find_element("css selector", ".canvas").send_keys("")
            page.chord(Keys.CONTROL, "z")
        assert page.wait("header button", "Undo").get_attribute("disabled")
        assert page.wait("header button.primary").get_attribute("disabled")
        page.chord(Keys.CONTROL, Keys.SHIFT, "z")
        page.save()
        assert lines(file, DAG) == ['-        image: "alpine:3.20"', '+        image: "busybox:1.36"']
        assert page.complaints() == []


def test_a_change_on_disk_is_noticed(tmp_path: Path, browser: Any) -> None:
    file = tmp_path / "nightly.yaml"
    file.write_text(DAG)
    with serve(str(file)) as url:
        page = open_page(browser, url)
        page.choose("load")
        page.fill('[data-field="image"] input', "busybox:1.36")
        theirs = DAG.replace("echo train", "echo their train", 1)
        file.write_text(theirs)
        page.wait("#disk-changed", "The file changed on disk")
        page.click("#disk-changed button", "Apply my changes")
        page.settle()
        page.save()
        assert lines(file, theirs) == ['-        image: "alpine:3.20"', '+        image: "busybox:1.36"']


@pytest.mark.parametrize(
    ("engine", "name", "step"),
    [("tekton", "train.yaml", "prepare"), ("kfp", "diamond.yaml", "say")],
)
def test_other_engines(engine: str, name: str, step: str, tmp_path: Path, browser: Any) -> None:
    file = copied(CORPUS / engine / name, tmp_path)
    before = file.read_text("utf-8")
    with serve(str(file)) as url:
        page = open_page(browser, url)
        page.choose(step)
        page.fill('[data-field="image"] input', "example.org/other:1")
        add_gate(page)
        page.save()
        assert page.complaints() == []
    changed = lines(file, before)
    assert any("example.org/other:1" in line for line in changed if line.startswith("+"))
    assert len([line for line in changed if line.startswith("-")]) == 1
    assert accepted(file)


@pytest.mark.airflow
def test_a_dag_file_is_shown_and_not_edited(tmp_path: Path, browser: Any) -> None:
    pytest.importorskip("airflow")
    file = copied(CORPUS / "airflow" / "diamond.py", tmp_path)
    before = file.read_bytes()
    with serve(str(file)) as url:
        page = open_page(browser, url)
        page.wait(".notice", "edited by its author")
        page.click(".react-flow__node .label")
        page.wait(".form h2")
        assert page.all(".form .fixed")
        assert not page.all(".form input:not([type=checkbox])")
        assert page.wait("header button.primary").get_attribute("disabled")
        assert page.complaints() == []
    assert file.read_bytes() == before


def test_script_in_every_text_runs_nothing(tmp_path: Path, browser: Any) -> None:
    evil = '"<img src=x onerror=window.evil=1><script>window.evil=1</script>"'
    text = DAG.replace('"alpine:3.20"', evil).replace("alpine:3.20", evil).replace('"echo train"', evil)
    file = tmp_path / "evil.yaml"
    file.write_text(text)
    with serve(str(file)) as url:
        page = open_page(browser, url)
        page.choose("load")
        for name in ("Lint", "Optimize", "Step"):
            page.tab(name)
        page.fill('[data-field="command"] textarea', "<script>window.evil=1</script>")
        page.click("header button.primary")
        page.wait("dialog .diff")
        assert page.driver.execute_script("return window.evil") is None
        assert page.complaints() == []


def test_a_workflow_is_generated_from_a_description(tmp_path: Path, browser: Any, monkeypatch: Any) -> None:
    """The model, scripted as there is none here, fails first, and then writes a workflow."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-of-the-key-0123456789")
    file = tmp_path / "dag.yaml"
    file.write_text(DAG)
    echo = {"name": "greet", "use": "container", "image": "busybox:1.36", "command": ["echo", "<b>hello</b>"]}
    form, tasks = {"name": "hello", "steps": [echo]}, {"subtasks": ["say hello"]}
    answers = status(401, message="no such key"), says(json.dumps(tasks)), says(json.dumps(form))
    with serving(*answers) as model, serve(str(file), "--model", "small", "--url", model.url) as url:
        page = open_page(browser, url)
        page.click("header button", "Generate")
        page.fill("dialog textarea", "Say hello.")
        page.click("dialog button.primary", "Generate")
        page.wait("dialog [role=alert]", "401 – check the key")
        page.click("dialog button.primary", "Generate")
        page.wait("dialog pre", "busybox:1.36")
        page.wait("dialog pre", "<b>hello</b>")
        page.wait("dialog [role=status]", "Read it before you use it")
        assert page.complaints() == []


def test_a_token_is_not_kept_in_the_address(tmp_path: Path) -> None:
    file = tmp_path / "nightly.yaml"
    file.write_text(DAG)
    with studio_page(str(file)) as page:
        assert "token" not in page.driver.current_url
        page.driver.refresh()
        page.wait(".react-flow__node")
        page.driver.execute_script("sessionStorage.clear()")
        page.driver.refresh()
        page.wait(".failure", "The studio cannot be used")
