"""Runs a case three times, and says what is wrong with it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.airflow.keys.case import FRESH, HIT, NEVER, VOUCHED, Case, Run, files_of

__all__ = ["Fault", "Server", "judge"]

SERVER = Path(__file__).with_name("server.py")
Tasks = dict[str, dict[str, Any]]


class Fault(AssertionError):
    """The cache did what it must not do; what else goes wrong is a mistake of the case."""


class Server:
    """A process that has loaded Airflow, and forks one for each run.

    Args:
        home: a folder that does not exist; what is beside it is shared by the servers of a test session.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True)
        self._log = (home / "server.log").open("w+")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        env = {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "TZ": "UTC"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(SERVER), str(home)],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._answer()

    def run(self, base: Path, name: str, case: Case, start: Run, *, cached: bool) -> dict[str, Any]:
        """Run the DAG file of a case once; return its tasks, or the error that ended the process."""
        request = {
            "base": str(base),
            "name": name,
            "file": f"dags/{case.file}",
            "env": {key: value and value.replace("@BASE@", str(base)) for key, value in start.env.items()},
            "date": start.date,
            "conf": {**start.conf, **({} if cached else {"couler": "off"})},
            "folder": str(base / start.folder),
            "path": [str(base / path) for path in start.path],
            "seconds": case.seconds,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._answer())
        return found

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait(30)
            self._log.seek(0)
            raise RuntimeError(f"the server has ended: {self._log.read()[-2000:]}")
        return line


def judge(case: Case, server: Server, base: Path) -> str:
    """Run a case, and return what the cache did.

    Raises:
        Fault: it did what it must not do.
        AssertionError: the case is none: its own code fails, or its change changes nothing or too much.
    """
    base.mkdir()
    for folder in ("dags", "path", "plugins"):
        (base / folder).mkdir()
    _write(base, case, case.files)
    _prepare(base, case.first)
    before = server.run(base, "first", case, case.first, cached=True)
    _write(base, case, case.changed)
    _prepare(base, case.start)
    hung = before.get("hung")  # a second time it would take as long
    after = before if hung else server.run(base, "second", case, case.start, cached=True)
    truth = server.run(base, "truth", case, case.start, cached=False)
    assert "tasks" in truth, f"it fails by itself: {truth['error'][-700:]}"
    for name, answer in (("first", before), ("second", after)):
        if "tasks" not in answer:
            raise Fault(f"{'hung' if answer.get('hung') else 'failed'}: the {name} run ended: {answer['error'][-400:]}")
    return _verdict(case, before["tasks"], after["tasks"], truth["tasks"])


def _verdict(case: Case, before: Tasks, after: Tasks, truth: Tasks) -> str:
    faults: list[str] = []
    verdicts: list[str] = []
    for name, right in truth.items():
        now = after.get(name, {"state": "missing", "xcoms": {}, "cache": {}})
        same = right["xcoms"] == before.get(name, {}).get("xcoms")
        kind, detail = _of_task(now, right)
        verdicts.append(f"{name}: {kind}{detail}")
        wanted = name.partition("[")[0] in case.tasks if case.tasks else kind != "untouched"
        if case.expect is VOUCHED and kind in ("hit", "wrong hit"):
            continue
        if kind in ("wrong hit", "failed"):
            faults.append(verdicts[-1])
        elif case.expect is HIT and wanted:
            assert same, f"{name} has another result after the change: {right} was {before.get(name)}"
            if kind != "hit":
                faults.append(f"{name}: needless {kind}{detail}")
        elif case.expect is NEVER and wanted and kind == "hit":
            faults.append(f"{name}: a hit, and tomorrow a wrong one")
    if case.expect is FRESH:
        changed = [name for name, right in truth.items() if right["xcoms"] != before.get(name, {}).get("xcoms")]
        assert changed, f"the change changes no result: {truth}"
    if case.expect is HIT:
        assert any(kind != "untouched" for kind in verdicts), "no task is cached at all"
    states = {name: item["state"] for name, item in truth.items()}
    assert {*states.values()} <= {"success", "skipped"}, f"it fails by itself: {states}"
    if faults:
        raise Fault("; ".join(faults))
    return "; ".join(verdicts)


def _of_task(now: Mapping[str, Any], right: Mapping[str, Any]) -> tuple[str, str]:
    cache = now["cache"]
    values = f" (it gave {_short(now['xcoms'])}, right is {_short(right['xcoms'])})"
    if now["state"] != right["state"]:
        return "failed", f" (it is {now['state']}, right is {right['state']})"
    if cache.get("hit"):
        return ("hit", "") if now["xcoms"] == right["xcoms"] else ("wrong hit", values)
    if cache.get("reason"):
        return "refused", f" ({cache['reason']})"
    return ("miss", "") if cache else ("untouched", "")


def _short(xcoms: Mapping[str, Any]) -> str:
    text = str(xcoms.get("return_value", xcoms))
    return text if len(text) < 80 else f"{text[:77]}…"


def _write(base: Path, case: Case, files: Mapping[str, str]) -> None:
    for name, text in files_of(files, str(base), case.file).items():
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _prepare(base: Path, start: Run) -> None:
    for command in start.before:
        subprocess.run(command.replace("@BASE@", str(base)), shell=True, cwd=base, check=True)
    (base / start.folder).mkdir(exist_ok=True)
