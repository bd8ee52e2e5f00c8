"""Nobody but the page of this start is answered, and nothing but the opened files is read or written."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")

from studio.serving import DAG, HOST, TOKEN, Client, open_studio


@pytest.fixture
def client(tmp_path: Path) -> Client:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "nightly.yaml").write_text(DAG)
    (tmp_path / "secret.yaml").write_text(DAG)
    (tmp_path / "flows" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    return open_studio(tmp_path / "flows")


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({}, 401, "the token is missing or wrong"),
        ({"Authorization": "Bearer other"}, 401, "the token is missing or wrong"),
        ({"Authorization": f"Basic {TOKEN}"}, 401, "the token is missing or wrong"),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "http://evil.example"}, 403, "another site asks"),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "null"}, 403, "another site asks"),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "http://["}, 403, "another site asks"),
        ({"Authorization": f"Bearer {TOKEN}", "Sec-Fetch-Site": "cross-site"}, 403, "another site asks"),
        ({"Authorization": f"Bearer {TOKEN}", "Host": "evil.example:8899"}, 403, "is not the host"),
        ({"Authorization": f"Bearer {TOKEN}", "Host": "127.0.0.1:80"}, 403, "is not the host"),
    ],
)
def test_who_is_refused(client: Client, headers: dict[str, str], status: int, said: str) -> None:
    for answer in (client.http.get("/api/state", headers=headers), client.http.post("/api/save", headers=headers)):
        assert (answer.status_code, said in answer.json()["message"]) == (status, True)
        assert TOKEN not in answer.text


def test_who_is_answered(client: Client) -> None:
    for more in ({}, {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}):
        assert client.http.get("/api/state", headers=client.headers | more).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["../secret.yaml", "/etc/passwd", "nightly.yaml/..", "./nightly.yaml", "", "flows/nightly.yaml", "..\\secret"],
)
@pytest.mark.parametrize("request_", ["view", "save", "diff", "lint", "optimize"])
def test_only_opened_files(client: Client, path: str, request_: str) -> None:
    problem = client.ask(request_, status=403, path=path)
    assert "is none of the opened files" in problem["message"]


def test_a_link_out_of_the_folder_is_not_followed(client: Client, tmp_path: Path) -> None:
    paths = [entry["path"] for entry in client.ask("state")["files"]]
    if "link.yaml" in paths:  # it may be shown; then what is saved must not go through it
        action = {"do": "set", "graph": "main", "step": "load", "field": "image", "value": "x:1"}
        client.ask("save", status=403, path="link.yaml", actions=[action])
    assert (tmp_path / "secret.yaml").read_text() == DAG


def test_what_a_browser_may_do(client: Client) -> None:
    for path in ("/api/state", "/", "/assets/none.js"):
        headers = client.http.get(path, headers=client.headers).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
        assert headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in headers


def test_too_large_a_request(client: Client) -> None:
    answer = client.http.post("/api/view", content=b"[" * 9_000_000, headers=client.headers)
    assert answer.status_code == 413

    def parts() -> object:
        for _ in range(10):
            yield b"[" * 1_000_000

    answer = client.http.post("/api/view", content=parts(), headers=client.headers)  # type: ignore[arg-type]  # as httpx takes it
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"path": 1}',
        b'{"path": "nightly.yaml", "colour": 1}',
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"path": "\xff"}',
    ],
)
def test_requests_that_make_no_sense(client: Client, body: bytes) -> None:
    answer = client.http.post("/api/view", content=body, headers=client.headers)
    assert answer.status_code == 400
    assert "the request makes no sense" in answer.json()["message"]


@pytest.mark.parametrize("action", [{"do": "run"}, {"do": "set"}, {"do": "set", "step": "load", "field": "colour"}])
def test_actions_that_make_no_sense(client: Client, action: dict[str, str]) -> None:
    assert "makes no sense" in client.ask("view", status=400, path="nightly.yaml", actions=[action])["message"]


@pytest.mark.parametrize("number", [-1, -99, 7, 2**70])
@pytest.mark.parametrize(("place", "more"), [("view", {}), ("step", {"node": "main/load"}), ("optimize", {})])
def test_no_workflow_of_this_number(client: Client, number: int, place: str, more: dict[str, str]) -> None:
    answer = client.ask(place, status=422, path="nightly.yaml", workflow=number, **more)
    assert "the file has no workflow number" in answer["message"]


@pytest.mark.parametrize("number", [-1, 7])
def test_no_action_on_a_workflow_of_this_number(client: Client, number: int) -> None:
    action = {"do": "delete", "workflow": number, "graph": "main", "step": "check"}
    answer = client.ask("view", status=422, path="nightly.yaml", actions=[action])
    assert "the file has no workflow number" in answer["message"]


def test_read_only(tmp_path: Path) -> None:
    (tmp_path / "nightly.yaml").write_text(DAG)
    client = open_studio(tmp_path, read_only=True)
    assert client.ask("state")["files"][0]["editable"] is False
    action = {"do": "set", "graph": "main", "step": "load", "field": "image", "value": "x:1"}
    for request_ in ("save", "view"):
        assert "--read-only" in client.ask(request_, status=422, path="nightly.yaml", actions=[action])["message"]
    assert (tmp_path / "nightly.yaml").read_text() == DAG


@pytest.mark.parametrize("number", [-1, -5, 1, 10**18])
@pytest.mark.parametrize("request_", ["view", "lint", "optimize"])
def test_a_workflow_that_the_file_does_not_have(client: Client, number: int, request_: str) -> None:
    problem = client.ask(request_, status=422, path="nightly.yaml", workflow=number)
    assert problem["message"] == f"the file has no workflow number {number}"
