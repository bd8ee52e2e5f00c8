"""Keys of Secrets for generated workflows: who gets them, what is still to be named, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from couler_plugins.cli.group import couler
from couler_plugins.errors import InvalidInput
from couler_plugins.generation.form import Form
from couler_plugins.generation.secrets import missing, with_secrets
from couler_plugins.options.config import load_config
from couler_plugins.plugins import load_plugins, registry

STEPS = load_plugins(load_config(environ={})).all(registry.STEPS)
SLACK = "SLACK_WEBHOOK_URL=slack/url"


def step(name: str, use: str, **inputs: Any) -> dict[str, Any]:
    return {"name": name, "use": use, "inputs": [{"name": key, "value": value} for key, value in inputs.items()]}


TOLD: dict[str, Any] = {
    "name": "w",
    "steps": [
        step("tell", "slack-notify", text="hello"),
        step("shout", "slack-notify", text="HELLO"),
        step("ask", "sql-query", query="select 1", secrets=["PGPASSWORD=pg/password"]),
        step("known", "sql-query", query="select 1", url="sqlite://"),
        step("call", "call-webhook", url="https://example.com"),
        {"name": "code", "use": "python", "outputs": ["a"], "code": "def run():\n    return {'a': 1}\n"},
    ],
}
FORM = msgspec.convert(TOLD, Form)


def given(*secrets: str) -> dict[str, list[str]]:
    form = with_secrets(FORM, STEPS, secrets)
    found: dict[str, dict[str, Any]] = {
        item.name: {taken.name: taken.value for taken in item.inputs} for item in form.steps
    }
    return {name: list(inputs["secrets"]) for name, inputs in found.items() if "secrets" in inputs}


def test_every_step_that_reads_a_variable_gets_it() -> None:
    kept = {"ask": ["PGPASSWORD=pg/password"]}
    assert given() == kept
    assert given(SLACK) == {"tell": [SLACK], "shout": [SLACK], **kept}
    assert given("WEBHOOK_TOKEN=hooks/token") == {"call": ["WEBHOOK_TOKEN=hooks/token"], **kept}


def test_a_step_that_is_named_gets_what_it_is_given() -> None:
    assert given(f"tell:{SLACK}")["tell"] == [SLACK]
    assert "shout" not in given(f"tell:{SLACK}")
    assert given("ask:AWS_SECRET_ACCESS_KEY=s3/key")["ask"] == [
        "PGPASSWORD=pg/password",
        "AWS_SECRET_ACCESS_KEY=s3/key",
    ]


def test_what_is_still_to_be_named() -> None:
    left = [(name, variable.name) for name, variable in missing(FORM, STEPS)]
    assert left == [("tell", "SLACK_WEBHOOK_URL"), ("shout", "SLACK_WEBHOOK_URL"), ("ask", "DATABASE_URL")]
    whole = with_secrets(FORM, STEPS, [SLACK, "DATABASE_URL=warehouse/url"])
    assert list(missing(whole, STEPS)) == []


@pytest.mark.parametrize(
    ("secret", "message", "hint"),
    [
        ("SLACK_WEBHOOK=slack/url", "no step of the workflow is known to read", "did you mean 'SLACK_WEBHOOK_URL'?"),
        ("OTHER=slack/url", "no step of the workflow is known to read", "STEP:OTHER=SECRET/KEY"),
        ("tel:A=b/c", "the workflow has no step 'tel'", "did you mean 'tell'?"),
        ("code:A=b/c", "the step 'code' uses 'python', which takes nothing from Secrets", "obtain_secret"),
        ("SLACK_WEBHOOK_URL", "--secret 'SLACK_WEBHOOK_URL' names no key of a Secret", "VARIABLE=SECRET/KEY"),
        ("A=B", "--secret 'A' names no key of a Secret", "VARIABLE=SECRET/KEY"),
    ],
)
def test_what_is_refused(secret: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        with_secrets(FORM, STEPS, [secret])
    assert message in caught.value.message
    assert hint in str(caught.value.hint)


def test_a_secret_that_is_given_itself_is_not_repeated() -> None:
    with pytest.raises(InvalidInput) as caught:
        with_secrets(FORM, STEPS, ["SLACK_WEBHOOK_URL=https://hooks.example.com/T0/B0/xyz"])
    assert "hooks.example.com" not in str(caught.value)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(couler, ["generate", "--from", "flow.json", *arguments])


@pytest.fixture
def _flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    workflow = {"name": "w", "steps": TOLD["steps"][:1]}
    flow = {"schema": "couler.flow/v0", "description": "tell", "feedback": [], "workflow": workflow}
    Path("flow.json").write_text(json.dumps(flow))


@pytest.mark.usefixtures("_flow")
@pytest.mark.parametrize("engine", ["airflow", "argo", "kfp", "tekton"])
def test_the_file_of_an_engine_refers_to_the_secret(engine: str) -> None:
    done = run("--to", engine, "--secret", SLACK)
    assert done.exit_code == 0, done.output
    assert "SLACK_WEBHOOK_URL" in done.stdout.replace('os.environ.get("SLACK_WEBHOOK_URL"', "")
    assert "--secret" not in done.stderr


@pytest.mark.usefixtures("_flow")
def test_what_is_missing_is_a_note() -> None:
    note = "note: the step 'tell' needs SLACK_WEBHOOK_URL: name its Secret with --secret SLACK_WEBHOOK_URL=SECRET/KEY\n"
    assert note in run("--to", "argo").stderr


@pytest.mark.usefixtures("_flow")
def test_the_kept_workflow_names_no_secret() -> None:
    assert run("--secret", SLACK, "--keep", "kept.json").exit_code == 0
    assert "slack/url" not in Path("kept.json").read_text()
