"""What only a real process shows: signals, pipes, terminals, start-up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pluginbox import PluginBox
from support import ROOT

COULER = (sys.executable, "-c", "from couler_plugins.cli import main; main()")
ENGINES = ("airflow", "hera", "kfp", "kubernetes", "openai", "optuna")
HEAVY = ("rich", "numpy", "tomllib", "difflib")
NEEDED = ("rustworkx", "yaml", "couler_plugins.ir", "couler_plugins.documents")
"""What passes and the contract import at the top; `plugins_start_ratio` says what that takes."""


@pytest.fixture
def environment(plugin_box: PluginBox) -> dict[str, str]:
    """The environment of a process that finds the plugins of the test."""
    plugin_box.add_toy()
    folders = (plugin_box.site, ROOT, ROOT / "tests", ROOT / "adapters" / "argo")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}


def run(code: str, *arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=environment,
        timeout=60,
        check=False,
    )


def test_a_reader_that_leaves_is_no_error(environment: dict[str, str]) -> None:
    text = "kind: Toy\nname: a\nsteps:\n" + "".join(f"- {{name: s{n}, run: cat}}\n" for n in range(20_000))
    Path("big.yaml").write_text(text)
    process = subprocess.Popen(
        [*COULER, "optimize", "-p", "", "big.yaml"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


def test_an_interrupt_is_quiet(environment: dict[str, str], plugin_box: PluginBox) -> None:
    source = """
        import time
        from dataclasses import dataclass
        from pathlib import Path
        from couler_plugins import hookimpl
        @dataclass(frozen=True)
        class Slow:
            name = "slow"
            def run(self, plan, ctx):
                Path("running").touch()
                time.sleep(60)
        @hookimpl
        def couler_optimizers(): return [Slow]
    """
    plugin_box.add("slow", source)
    Path("a.yaml").write_text("kind: Toy\nsteps: []\n")
    process = subprocess.Popen(
        [*COULER, "optimize", "-p", "slow", "a.yaml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**environment, "COULER_LOAD_PLUGINS": "toy,slow"},
    )
    deadline = time.monotonic() + 30
    while not Path("running").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_a_mistake_of_our_own_is_no_traceback(environment: dict[str, str]) -> None:
    code = "import couler_plugins.cli.config as c; c.settings = None; from couler_plugins.cli import main; main()"
    done = run(code, "config", environment=environment)
    assert done.returncode == 70
    assert done.stderr.startswith("error: internal error: TypeError: ")
    assert len(done.stderr.splitlines()) == 2
    loud = run(code, "config", "-v", environment=environment)
    assert "Traceback" in loud.stderr


def test_on_a_terminal_there_is_colour_and_progress(environment: dict[str, str], plugin_box: PluginBox) -> None:
    source = """
        import time
        from dataclasses import dataclass
        from couler_plugins import hookimpl
        @dataclass(frozen=True)
        class Slow:
            name = "slow"
            def run(self, plan, ctx):
                time.sleep(1.1)
                ctx.progress("half way")
                time.sleep(0.3)
                return plan
        @hookimpl
        def couler_optimizers(): return [Slow]
    """
    plugin_box.add("slow", source)
    Path("a.yaml").write_text("kind: Toy\nname: a\nsteps:\n- name: get\n  run: curl\n")
    # A pseudo-terminal on all three: stdin too, so that nothing waits for a pipe.
    code = f"import pty, sys; sys.exit(pty.spawn({[*COULER, 'diff', '-p', 'hurry,slow', 'a.yaml']!r}) >> 8)"
    settings = {"COULER_LOAD_PLUGINS": "toy,slow", "TERM": "xterm"}
    done = run(code, environment={**environment, **settings})
    assert done.returncode == 0
    assert "half way" in done.stdout
    assert "\x1b[32m+  timeout: 60" in done.stdout


def imported(environment: dict[str, str], *arguments: str) -> set[str]:
    code = (
        "import sys, json\nfrom couler_plugins.cli import main\n"
        "try:\n    main()\nfinally:\n    print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    environment = {key: value for key, value in environment.items() if key != "COULER_LOAD_PLUGINS"}
    done = run(code, *arguments, environment=environment)
    names = json.loads(done.stderr.splitlines()[-1])
    assert done.stdout
    return set(names)


def test_listing_the_plugins_imports_no_engine_and_little_else(environment: dict[str, str]) -> None:
    """With all built-in plugins; the toy, which imports what it likes, is told to stay out."""
    modules = imported({**environment, "COULER_DISABLE_PLUGINS": "toy"}, "plugins")
    assert "couler_argo.plugin" in modules
    assert "couler_plugins.optimizers" in modules
    assert not modules.intersection((*ENGINES, *HEAVY))


def test_the_help_text_imports_click_and_the_table(environment: dict[str, str]) -> None:
    modules = imported(environment, "--help")
    assert not modules.intersection((*ENGINES, *HEAVY, *NEEDED, "msgspec", "pluggy"))
    own = {name.removeprefix("couler_plugins.") for name in modules if name.startswith("couler_plugins.")}
    assert own == {"cli", "cli.group", "cli.messages", "errors"}


def test_explaining_imports_no_store(environment: dict[str, str]) -> None:
    workflow = ROOT / "couler_plugins/demo/churn.yaml"
    modules = imported({**environment, "COULER_DISABLE_PLUGINS": "toy"}, "explain", str(workflow))
    slow = ("artifacts.opening", "artifacts.stores", "artifacts.entry", "dataplane.placing", "reads")
    assert not modules.intersection((*ENGINES, "sqlite3", *(f"couler_plugins.caching.{name}" for name in slow)))
