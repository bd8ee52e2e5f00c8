"""What the launchers of one script do: exit codes, the log, signals, files, and values of any kind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from ast import literal_eval
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.fuse.chains import after, container, fused, script, template_of, workflow

RESULT = "{{tasks.a.outputs.result}}"
NUMBER = {"outputs": {"parameters": [{"name": "n", "valueFrom": {"path": "/tmp/couler/n"}}]}}
VALUE = {"inputs": {"parameters": [{"name": "x"}]}}
SHELLS = [
    pytest.param(["dash"], id="dash"),
    pytest.param(["bash"], id="bash"),
    pytest.param(["busybox", "sh"], id="busybox"),
]


class Pod:
    """A fused template, ready to be run as a process of this machine."""

    def __init__(self, document: Any, folder: Path, interpreter: list[str] | None = None, **inputs: str) -> None:
        whole = fused(document)
        (task,) = template_of(whole, "main")["dag"]["tasks"]
        self.template = template_of(whole, task["template"])
        body = self.template["script"]
        self.folder = folder
        file = folder / "script"
        file.write_text(self._here(self._pass_on(body["source"], inputs)))
        own = {item["name"]: self._here(self._pass_on(item["value"], inputs)) for item in body.get("env", [])}
        self.environment = {**os.environ, **own}
        python = {"python": sys.executable, "python3": sys.executable}
        words = [python.get(word, word) for word in body["command"]]
        self.command = [*(interpreter or words), str(file)]

    @staticmethod
    def _pass_on(text: str, inputs: Mapping[str, str]) -> str:
        """A text as Argo completes it, and as the kubelet passes it in a variable: Argo's container gets scripts so."""
        for name, value in inputs.items():
            text = text.replace(f"{{{{inputs.parameters.{name}}}}}", value)
        text = text.replace("{{workflow.name}}", "chain")
        assert "{{" not in text
        return text.replace("$$", "$")

    def _here(self, text: str) -> str:
        return text.replace("/tmp/couler", f"{self.folder}/own").replace("/argo/staging", str(self.folder))

    def run(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command, capture_output=True, text=True, check=False, env=self.environment)

    def said(self, name: str) -> str:
        """An output parameter, as Argo reads it."""
        outputs = {item["name"]: item["valueFrom"]["path"] for item in self.template["outputs"]["parameters"]}
        return Path(self._here(outputs[name])).read_text().removesuffix("\n")


def two(first: Any, second: Any, **arguments: str) -> Any:
    """A chain of two tasks; the second one reads what the first one prints."""
    return workflow([after("a"), after("b", "a", **{"x": RESULT, **arguments})], [first, {**second, **VALUE}])


def python(name: str, source: str, **more: Any) -> Any:
    return script(name, source, "python3", **more)


ENDS = {
    "shell": two(script("a", "echo one; echo other >&2; exit 7\n"), script("b", "echo {{inputs.parameters.x}}\n")),
    "python": two(
        python("a", "import sys\nprint('one', flush=True)\nprint('other', file=sys.stderr, flush=True)\nsys.exit(7)\n"),
        python("b", "print('{{inputs.parameters.x}}')\n"),
    ),
}


@pytest.mark.parametrize("kind", ENDS)
def test_a_step_that_fails_ends_the_pod_with_its_code(kind: str, tmp_path: Path) -> None:
    done = Pod(ENDS[kind], tmp_path).run()
    assert (done.returncode, done.stdout) == (7, "one\n")
    assert done.stderr.splitlines() == ["couler: step a", "other"]


@pytest.mark.parametrize("kind", ["shell", "python"])
def test_a_command_that_is_not_there_is_named(kind: str, tmp_path: Path) -> None:
    make = script("a", "echo one") if kind == "shell" else python("a", "print('one')")
    done = Pod(two(make, container("b", "no-such-command", "{{inputs.parameters.x}}")), tmp_path).run()
    assert (done.returncode, "Traceback" in done.stderr, "no-such-command" in done.stderr) == (127, False, True)


@pytest.mark.parametrize("shell", SHELLS)
def test_any_shell_runs_the_parts(shell: list[str], tmp_path: Path) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"this machine has no {shell[0]}")
    odd = 'it\'s "$HOME" \\n `date` $(date) %s é\u0081\u0088Ł \t*?[a] \\'
    document = two(
        script("a", "cat <<'END'\n{{inputs.parameters.x}}\nend\nEND\n", **VALUE),
        container("b", "printf", "<%s>", "{{inputs.parameters.x}}"),
    )
    document["spec"]["templates"][0]["dag"]["tasks"][0]["arguments"] = {
        "parameters": [{"name": "x", "value": "{{workflow.name}}"}]
    }
    pod = Pod(document, tmp_path, shell, x=odd)
    done = pod.run()
    assert (done.returncode, done.stdout) == (0, f"{odd}\nend\n<{odd}\nend>")
    assert done.stderr.splitlines() == ["couler: step a", "couler: step b"]


def test_commands_are_no_builtins_of_the_shell(tmp_path: Path) -> None:
    document = two(script("a", r"printf '%s' 'a\tb'"), container("b", "/bin/echo", "{{inputs.parameters.x}}"))
    document["spec"]["templates"][2]["container"]["command"][0] = "echo"  # dash's own would make a tab of it
    assert Pod(document, tmp_path).run().stdout == "a\\tba\\tb\n"


@pytest.mark.parametrize("command", ["dash", "bash", "busybox", "python3"])
def test_each_step_has_its_own_variables(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which(command) is None:
        pytest.skip(f"this machine has no {command}")
    odd = 'it\'s "$HOME" `date` $$X \\n é\n  end\n'
    monkeypatch.setenv("OF_IMAGE", "image")
    show = "import os, sys\nsys.stdout.write(repr([os.environ.get(n) for n in ('ONE', 'OF_IMAGE', 'PATH')]) + '\\n')\n"
    steps = [python(name, show) for name in "ab"]
    if command != "python3":
        source = f"exec {sys.executable} -c '{show.replace(chr(39), chr(34))}'\n"
        steps = [script(name, source) for name in "ab"]
    steps[0]["script"]["env"] = [
        {"name": "ONE", "value": f"{odd}{{{{workflow.name}}}}"},
        {"name": "PATH", "value": "/bin:/usr/bin"},
    ]
    steps[1]["script"]["env"] = [{"name": "OF_IMAGE", "value": "own {{inputs.parameters.x}}"}]
    pod = Pod(two(*steps), tmp_path, {"busybox": ["busybox", "sh"], "python3": None}.get(command, [command]))
    done = pod.run()
    first, second = map(literal_eval, done.stdout.splitlines())
    assert first == [odd.replace("$$", "$") + "chain", "image", "/bin:/usr/bin"]
    assert second[:2] == [None, f"own {first}"]
    assert second[2].endswith(os.environ["PATH"])  # a wrapper of Python may put its own in front


@pytest.mark.parametrize("kind", ["shell", "python"])
def test_kubernetes_leaves_one_dollar_of_two_wherever_argo_passes_them(kind: str, tmp_path: Path) -> None:
    """Argo's init container gets the template in a variable, and the kubelet expands that."""
    source = "printf %s '$$$$'" if kind == "shell" else "print('$$$$', end='')"
    use = container("b", "printf", "%s|", "$$$$-{{inputs.parameters.x}}", "$$$$", "{{inputs.parameters.y}}")
    use["inputs"] = {"parameters": [{"name": "x"}, {"name": "y"}]}
    tasks = [after("a"), after("b", "a", x=RESULT, y="$$$$ {{workflow.name}}")]
    document = workflow(tasks, [script("a", source) if kind == "shell" else python("a", source), use])
    assert Pod(document, tmp_path, y="$$$$ chain").run().stdout == "$$" + "$$-$|$$|$$ chain|"


@pytest.mark.parametrize("kind", ["shell", "python"])
def test_no_value_is_run_as_a_program(kind: str, tmp_path: Path) -> None:
    make = script("a", "cat <<'END'\n{{inputs.parameters.x}}\nEND\n", **VALUE)
    if kind == "python":
        make = container("a", "python3", "-c", "print(__import__('sys').argv[1])", "{{inputs.parameters.x}}", **VALUE)
    document = two(make, container("b", "printf", "%s", "{{inputs.parameters.x}}"))
    document["spec"]["templates"][0]["dag"]["tasks"][0]["arguments"] = {
        "parameters": [{"name": "x", "value": "{{workflow.name}}"}]
    }
    names = set(re.findall(r"COULER-\w+|couler_\w+", f"{fused(document)}"))
    marks = "".join(f"\n{name}\ntouch {tmp_path}/broken\n" for name in names)
    odd = f"'; touch {tmp_path}/broken #\n\"; touch {tmp_path}/broken #{marks}$(touch {tmp_path}/broken)"
    done = Pod(document, tmp_path, x=odd).run()
    assert (done.returncode, (tmp_path / "broken").exists()) == (0, False)
    assert odd in done.stdout


@pytest.mark.parametrize("kind", ["shell", "python"])
def test_no_step_sees_the_texts_of_others(kind: str, tmp_path: Path) -> None:
    source = "env" if kind == "shell" else "import os\nprint(*os.environ)"
    make = script("a", source) if kind == "shell" else python("a", source)
    document = two(make, container("b", "echo", "{{inputs.parameters.x}}-{{workflow.name}}"))
    pod = Pod(document, tmp_path)
    assert any(name.startswith("couler_") for name in pod.environment)
    done = pod.run()
    assert (done.returncode, done.stdout.strip()[-6:]) == (0, "-chain")
    names = [line.partition("=")[0] for line in re.split(r"\n" if kind == "shell" else r"\s", done.stdout)]
    assert [name for name in names if name.startswith("couler")] == []


@pytest.mark.parametrize("kind", ["shell", "python"])
def test_an_output_that_is_missing_fails_the_pod_as_it_failed_its_step(kind: str, tmp_path: Path) -> None:
    make, use = (script("a", "true", **NUMBER), script("b", "true"))
    if kind == "python":
        make, use = python("a", "", **NUMBER), python("b", "")
    done = Pod(two(make, use, x="{{tasks.a.outputs.parameters.n}}"), tmp_path).run()
    assert done.returncode == 64
    assert re.search(r"couler: step a has left nothing at \S+/n\n$", done.stderr)


@pytest.mark.parametrize("kind", ["shell", "python"])
def test_a_default_is_what_the_next_step_gets(kind: str, tmp_path: Path) -> None:
    outputs = {"parameters": [{"name": "n", "valueFrom": {"path": "/tmp/couler/n", "default": "it's 4"}}]}
    make, use = script("a", "true", outputs=outputs), container("b", "echo", "{{inputs.parameters.x}}")
    if kind == "python":
        make = python("a", "", outputs=outputs)
    pod = Pod(two(make, use, x="{{tasks.a.outputs.parameters.n}}"), tmp_path)
    assert (pod.run().stdout, pod.said("n")) == ("it's 4\n", "it's 4")


@pytest.mark.parametrize("kind", ["shell", "python"])
def test_an_output_that_is_a_link_is_what_it_points_to(kind: str, tmp_path: Path) -> None:
    make = script("a", "mkdir -p /tmp/couler; cd /tmp/couler; echo 5 > real; ln -s real n", **NUMBER)
    if kind == "python":
        text = "import os\nos.makedirs('/tmp/couler')\nos.chdir('/tmp/couler')\nopen('real', 'w').write('5\\n')\n"
        make = python("a", f"{text}os.symlink('real', 'n')\n", **NUMBER)
    use = container("b", "echo", "{{inputs.parameters.x}}")
    pod = Pod(two(make, use, x="{{tasks.a.outputs.parameters.n}}"), tmp_path)
    assert (pod.run().stdout, pod.said("n")) == ("5\n", "5")
    assert not (tmp_path / "own" / "n").is_symlink()


def test_a_default_is_read_as_json_has_it(tmp_path: Path) -> None:
    outputs = {"parameters": [{"name": "n", "valueFrom": {"path": "/tmp/couler/n", "default": 1.0}}]}
    use = container("b", "echo", "{{inputs.parameters.x}}")
    pod = Pod(two(script("a", "true", outputs=outputs), use, x="{{tasks.a.outputs.parameters.n}}"), tmp_path)
    assert pod.run().stdout == "1\n"


def test_values_of_odd_names_stay_apart(tmp_path: Path) -> None:
    """Of the step `x`, the output `x` and the output `parameter`."""
    paths = {"x": "/tmp/couler/o", "parameter": "/tmp/couler/p"}
    outputs = {"parameters": [{"name": name, "valueFrom": {"path": path}} for name, path in paths.items()]}
    make = script("x", "mkdir /tmp/couler; echo 1 > /tmp/couler/o; echo 2 > /tmp/couler/p", outputs=outputs)
    inputs = {"parameters": [{"name": "u"}, {"name": "v"}]}
    use = container("y", "echo", "{{inputs.parameters.u}}", "{{inputs.parameters.v}}", inputs=inputs)
    read = {"u": "{{tasks.x.outputs.parameters.x}}", "v": "{{tasks.x.outputs.parameters.parameter}}"}
    assert Pod(workflow([after("x"), after("y", "x", **read)], [make, use]), tmp_path).run().stdout == "1 2\n"


def test_a_step_does_not_find_the_outputs_of_those_before_it(tmp_path: Path) -> None:
    write = "mkdir -p /tmp/couler; ls /tmp/couler; echo 3 > /tmp/couler/n"
    document = workflow([after("a"), after("b", "a")], [script("a", write, **NUMBER), script("b", write, **NUMBER)])
    pod = Pod(document, tmp_path)
    done = pod.run()
    assert (done.stdout, pod.said("n"), pod.said("b-n")) == ("", "3", "3")


@pytest.mark.parametrize("kind", ["shell", "python"])
def test_only_the_last_step_prints_what_the_pod_prints_where_that_is_read(kind: str, tmp_path: Path) -> None:
    make, use = script("a", "echo first"), script("b", "echo last")
    if kind == "python":
        make, use = python("a", "print('first')"), python("b", "print('last')")
    document = two(make, use)
    handed = {"r": "{{tasks.b.outputs.result}}", "m": RESULT}
    document["spec"]["templates"][0]["outputs"] = {
        "parameters": [{"name": name, "valueFrom": {"parameter": tag}} for name, tag in handed.items()]
    }
    pod = Pod(document, tmp_path)
    done = pod.run()
    assert (done.stdout, pod.said("a-result")) == ("last\n", "first")
    assert done.stderr.splitlines() == ["couler: step a", "first", "couler: step b"]


SLEEPS = {
    "sh": "trap 'echo ended; exit 9' TERM; echo begun; while :; do sleep 0.1; done",
    "python3": "import signal, sys, time\n"
    "signal.signal(15, lambda *_: (print('ended', flush=True), sys.exit(9)))\n"
    "print('begun', flush=True)\ntime.sleep(20)\n",
}


@pytest.mark.parametrize("command", SLEEPS)
@pytest.mark.parametrize("code", [9, 0])
def test_a_signal_reaches_the_step_that_runs_and_no_other_starts(command: str, code: int, tmp_path: Path) -> None:
    """As Argo's executor sends it: to the whole process group."""
    source = SLEEPS[command].replace("(9)", f"({code})").replace("exit 9", f"exit {code}")
    pod = Pod(two(script("a", source, command), script("b", "print('late')", command)), tmp_path)
    options: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True, "start_new_session": True}
    with subprocess.Popen(pod.command, **options) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        os.killpg(process.pid, signal.SIGTERM)
        rest, _ = process.communicate(timeout=15)
    assert (rest, process.returncode) == ("ended\n", code or 128 + signal.SIGTERM)
