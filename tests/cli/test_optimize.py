from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pluginbox import PluginBox

TOY = "# kept\nkind: Toy\nname: a\nsteps:\n- {name: get, run: curl, timeout: 1}\n- name: use  # kept, too\n  run: cat\n"
HURRIED = TOY + "  timeout: 60\n"
BROKEN = "kind: Toy\nname: b\nsteps: 3\n"
HURRY = ("-p", "hurry")
Couler = Callable[..., Result]


@pytest.fixture
def folder(plugin_box: PluginBox) -> Path:
    """A folder `in` with two good files and one that is refused."""
    root = plugin_box.folder / "in"
    (root / "deep").mkdir(parents=True)
    (root / "a.yaml").write_text(TOY)
    (root / "deep" / "b.yml").write_text(HURRIED)
    (root / "c.yaml").write_text(BROKEN)
    return root


def test_one_file_goes_to_stdout(couler_command: Couler, folder: Path) -> None:
    done = couler_command("optimize", *HURRY, "in/a.yaml")
    assert (done.exit_code, done.stdout, done.stderr) == (0, HURRIED, "")
    assert (folder / "a.yaml").read_text() == TOY


@pytest.mark.parametrize("arguments", [(), ("-",), ("-o", "-")])
def test_stdin_is_read_where_it_is_piped(couler_command: Couler, arguments: tuple[str, ...]) -> None:
    done = couler_command("optimize", *HURRY, *arguments, stdin=TOY)
    assert (done.exit_code, done.stdout) == (0, HURRIED)


def test_line_ends_and_marks_survive_the_way_to_stdout(couler_command: Couler) -> None:
    text = "\ufeff" + TOY.replace("\n", "\r\n")
    done = couler_command("optimize", "-p", "", stdin=text.encode())
    assert done.stdout_bytes == text.encode()


def test_several_files_need_a_place_to_go(couler_command: Couler, folder: Path) -> None:
    done = couler_command("optimize", *HURRY, "in")
    assert done.exit_code == 2
    assert "There are 3 files: give -o FOLDER, or --in-place." in done.stderr


def test_a_folder_is_written_into_a_folder_without_what_is_refused(couler_command: Couler, folder: Path) -> None:
    done = couler_command("optimize", *HURRY, "in", "-o", "out")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == "error: in/c.yaml:3: steps is no list\nwarning: c.yaml was not written\n"
    written = {str(path.relative_to("out")): path.read_text() for path in Path("out").rglob("*") if path.is_file()}
    assert written == {"a.yaml": HURRIED, "deep/b.yml": HURRIED}


def test_one_file_can_be_written_to_a_file_or_into_a_folder(couler_command: Couler, folder: Path) -> None:
    assert couler_command("optimize", *HURRY, "in/a.yaml", "-o", "new/x.yaml").exit_code == 0
    assert Path("new/x.yaml").read_text() == HURRIED
    assert couler_command("optimize", *HURRY, "in/a.yaml", "-o", "new").exit_code == 0
    assert Path("new/a.yaml").read_text() == HURRIED
    assert couler_command("optimize", *HURRY, "in/deep", "-o", "folder").exit_code == 0
    assert Path("folder/b.yml").read_text() == HURRIED


def test_two_inputs_for_one_output_are_refused(couler_command: Couler, folder: Path) -> None:
    (folder / "deep" / "a.yaml").write_text(TOY)
    done = couler_command("optimize", *HURRY, "in/a.yaml", "in/deep/a.yaml", "-o", "out")
    assert done.exit_code == 2
    assert "in/a.yaml and in/deep/a.yaml would both be written to out/a.yaml" in done.stderr
    assert not Path("out").exists()


def test_nothing_is_written_outside_the_folder(couler_command: Couler, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "deep").symlink_to(tmp_path / "elsewhere")
    done = couler_command("optimize", *HURRY, "in", "-o", "out")
    assert done.exit_code == 2
    assert "out/deep/b.yml leads out of out" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["deep"]
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_file_is_replaced_in_place_only_where_it_changes(couler_command: Couler, folder: Path) -> None:
    changed, same = folder / "a.yaml", folder / "deep" / "b.yml"
    changed.chmod(0o640)
    before = same.stat()
    assert couler_command("optimize", *HURRY, "in", "--in-place").exit_code == 2
    assert changed.read_text() == HURRIED
    assert stat.S_IMODE(changed.stat().st_mode) == 0o640
    after = same.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert (folder / "c.yaml").read_text() == BROKEN
    assert sorted(path.name for path in folder.iterdir()) == ["a.yaml", "c.yaml", "deep"]


def test_a_link_is_followed_and_stays_a_link(couler_command: Couler, folder: Path) -> None:
    link = folder / "link.yaml"
    link.symlink_to("a.yaml")
    assert couler_command("optimize", *HURRY, "in/link.yaml", "-i").exit_code == 0
    assert link.is_symlink()
    assert (folder / "a.yaml").read_text() == HURRIED


def test_a_write_that_fails_leaves_the_file_and_no_rest(
    couler_command: Couler, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    done = couler_command("optimize", *HURRY, "in/a.yaml", "-i")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: in/a.yaml: it cannot be written: No space left on device\n"
    assert (folder / "a.yaml").read_text() == TOY
    assert sorted(path.name for path in folder.iterdir()) == ["a.yaml", "c.yaml", "deep"]


def test_check_writes_nothing_and_says_what_would_change(couler_command: Couler, folder: Path) -> None:
    done = couler_command("optimize", *HURRY, "in/a.yaml", "in/deep/b.yml", "--check")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "warning: in/a.yaml would change\n")
    assert couler_command("optimize", *HURRY, "in/deep/b.yml", "--check").exit_code == 0
    assert couler_command("optimize", *HURRY, "in", "--check").exit_code == 1  # a refused file of a folder is a finding
    assert couler_command("optimize", *HURRY, "in/c.yaml", "--check").exit_code == 2
    assert (folder / "a.yaml").read_text() == TOY


def test_json_is_one_record_a_file(couler_command: Couler, folder: Path) -> None:
    done = couler_command("optimize", *HURRY, "in", "--format", "json")
    assert done.exit_code == 2
    report = json.loads(done.stdout)
    assert report["schema"] == "couler.optimize/v1"
    by_path = {record["path"]: record for record in report["files"]}
    assert {path: record["status"] for path, record in by_path.items()} == {
        "in/a.yaml": "changed",
        "in/c.yaml": "refused",
        "in/deep/b.yml": "ok",
    }
    assert by_path["in/c.yaml"]["error"] == {"message": "steps is no list", "file": "in/c.yaml", "line": 3}
    record = by_path["in/a.yaml"]
    assert record["decisions"] == [
        {
            "optimizer": "hurry",
            "workflow": "a",
            "subject": "use",
            "action": "timeout set",
            "reason": "it had none",
            "figures": {},
            "affects": [],
        }
    ]
    assert record["edits"] == [
        {
            "op": "add",
            "document": 0,
            "before": None,
            "after": ["steps", 1, "timeout"],
            "old": None,
            "new": 60,
            "subject": "main/use",
            "decision": 0,
        }
    ]
    assert not Path("out").exists()


def test_json_and_files_can_be_had_together_but_not_on_one_stdout(couler_command: Couler, folder: Path) -> None:
    done = couler_command("optimize", *HURRY, "in/a.yaml", "--format", "json", "-o", "x.yaml")
    assert json.loads(done.stdout)["files"][0]["status"] == "changed"
    assert Path("x.yaml").read_text() == HURRIED
    done = couler_command("optimize", *HURRY, "in/a.yaml", "--format", "json", "-o", "-")
    assert done.exit_code == 2
    assert "-o - is taken" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--check", "-i", "in/a.yaml"), "--check writes nothing"),
        (("-i", "-o", "x", "in/a.yaml"), "Give either -o or --in-place"),
        (("in", "-o", "in/a.yaml"), "in/a.yaml is a file: several results need a folder"),
        (("--max-bytes", "much", "in/a.yaml"), "'much' is not a size"),
        (("--nothing",), "No such option"),
        (("-p", "hurry{", "in/a.yaml"), "column 7"),
        (("-p", "hury", "in/a.yaml"), "did you mean 'hurry'"),
        (("-p", "hurry{second=3}", "in/a.yaml"), "did you mean 'seconds'"),
        (("--to", "toy{strikt=true}", "in/a.yaml"), "did you mean 'strict'"),
        (("--engine", "argo", "in/a.yaml"), "there is no adapter 'argo'"),
        (("missing.yaml",), "missing.yaml: it cannot be read: No such file or directory"),
        (("*.nothing",), "*.nothing: nothing matches this pattern"),
        (("empty",), "empty: no workflow found in this folder"),
        (("binary.yaml",), "binary.yaml: this is a binary file"),
        (("latin.yaml",), "is not UTF-8"),
        (("bad.yaml",), "error: bad.yaml:"),
        (("--max-bytes", "10", "in/a.yaml"), "10 are allowed"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_few_lines(
    couler_command: Couler, folder: Path, arguments: tuple[str, ...], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COULER_PIPELINE", "hurry")
    Path("empty").mkdir()
    Path("binary.yaml").write_bytes(b"\x7fELF\0\0\0\1")
    Path("latin.yaml").write_bytes(b"name: caf\xe9\n")
    Path("bad.yaml").write_text("a: [\n")
    done = couler_command("optimize", *arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) <= 5


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_an_error(couler_command: Couler, folder: Path) -> None:
    (folder / "a.yaml").chmod(0)
    done = couler_command("optimize", "in/a.yaml")
    assert done.exit_code == 2
    assert "Permission denied" in done.stderr


def test_stdin_is_limited_as_well(couler_command: Couler) -> None:
    done = couler_command("optimize", "-p", "", "--max-bytes", "1kB", stdin="a" * 1001)
    assert done.exit_code == 2
    assert "<stdin>: the file has more bytes, 1000 are allowed" in done.stderr
    assert couler_command("optimize", "-p", "", "--max-bytes", "1kB", stdin="a: " + "b" * 996 + "\n").exit_code == 0


def test_a_pass_that_fails_is_named_and_nothing_is_written(
    couler_command: Couler, folder: Path, plugin_box: PluginBox
) -> None:
    source = """
        from dataclasses import dataclass
        from couler_plugins import hookimpl
        @dataclass(frozen=True)
        class Bad:
            name = "bad"
            def run(self, plan, ctx):
                print("hello from a plugin")
                return 1 / 0
        @hookimpl
        def couler_optimizers(): return [Bad]
    """
    plugin_box.add("bad", source)
    done = couler_command("optimize", "-p", "hurry,bad", "in/a.yaml", "-o", "x.yaml")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "error: the optimizer 'bad' raised ZeroDivisionError: division by zero" in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("x.yaml").exists()
    loud = couler_command("optimize", "-v", "-p", "bad", "in/a.yaml")
    assert "Traceback" in loud.stderr


def test_quiet_and_verbose(couler_command: Couler, folder: Path) -> None:
    loud = couler_command("optimize", "-v", *HURRY, "in/a.yaml", "-o", "x.yaml")
    assert "running hurry\n" in loud.stderr
    assert "wrote x.yaml\n" in loud.stderr
    assert "[hurry] a use: timeout set: it had none\n" in loud.stderr
    quiet = couler_command("optimize", "-q", *HURRY, "in", "-o", "out")
    assert quiet.stderr == "error: in/c.yaml:3: steps is no list\n"
    other = couler_command("optimize", "-v", *HURRY, stdin="kind: Deployment\n")
    assert "<stdin>: no workflow found" in other.stderr


def test_a_plugin_that_cannot_be_loaded_is_a_warning_here(
    couler_command: Couler, folder: Path, plugin_box: PluginBox
) -> None:
    plugin_box.add("bad", "1 / 0")
    done = couler_command("optimize", *HURRY, "in/a.yaml")
    assert (done.exit_code, done.stdout) == (0, HURRIED)
    assert "warning: the plugin bad is not wholly usable: cannot be loaded: ZeroDivisionError" in done.stderr


def test_new_documents_follow_the_file_or_get_one_of_their_own(
    couler_command: Couler, folder: Path, plugin_box: PluginBox
) -> None:
    source = """
        from toy_plugin import ToyAdapter
        from dataclasses import replace
        from couler_plugins import hookimpl
        class Adding(ToyAdapter):
            engine = "adding"
            kind = "Adding"
            def lower(self, plan, options):
                return replace(super().lower(plan, options), added=({"kind": "Side"},))
        @hookimpl
        def couler_adapters(): return [Adding()]
    """
    plugin_box.add("adding", source)
    text = TOY.replace("Toy", "Adding")
    Path("x.yaml").write_text(text)
    assert couler_command("optimize", "-p", "", "x.yaml").stdout == f"{text}---\nkind: Side\n"
    assert couler_command("optimize", "-p", "", "x.yaml", "-o", "out/").exit_code == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["added.yaml", "x.yaml"]
    done = couler_command("optimize", "-p", "", "x.yaml", "-i")
    assert done.exit_code == 2
    assert "give -o FOLDER" in done.stderr


def test_a_file_that_an_optimizer_refuses_stops_no_other(couler_command: Couler, plugin_box: PluginBox) -> None:
    plugin_box.add("picky", PICKY)
    for name in ("a", "b", "c"):
        Path(f"{name}.yaml").write_text(TOY.replace("name: a\n", f"name: {name}\n"))
    done = couler_command("optimize", "-p", "picky,hurry", "a.yaml", "b.yaml", "c.yaml", "-o", "out")
    assert done.exit_code == 2
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.yaml"]
    assert (Path("out") / "a.yaml").read_text() == HURRIED
    refused = "error: {0}.yaml: the optimizer 'picky': {0} is not to its taste\n"
    assert refused.format("b") + refused.format("c") in done.stderr


def test_a_link_to_itself_is_one_file_that_cannot_be_read(couler_command: Couler, folder: Path) -> None:
    (folder / "self.yaml").symlink_to("self.yaml")
    done = couler_command("optimize", *HURRY, "in", "-o", "out")
    assert done.exit_code == 2
    assert "1 file skipped: no permission, or a link to nowhere (self.yaml)" in done.stderr
    assert sorted(path.name for path in Path("out").rglob("*.y*ml")) == ["a.yaml", "b.yml"]


PICKY = """\
from dataclasses import dataclass

from couler_plugins import hookimpl
from couler_plugins.errors import Unsupported


@dataclass(frozen=True)
class Picky:
    \"\"\"Takes workflows that are called a.\"\"\"

    name = "picky"

    def run(self, plan, ctx):
        for workflow in plan.workflows:
            if workflow.name != "a":
                raise Unsupported(f"{workflow.name} is not to its taste", file=f"{workflow.name}.yaml")
        return plan


@hookimpl
def couler_optimizers():
    return [Picky]
"""
