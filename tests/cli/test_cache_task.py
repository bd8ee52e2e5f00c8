"""`couler cache task-restore` and `task-save`: what they do, and that nothing in them fails a task."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from couler_plugins.caching.artifacts import Content, open_cache
from couler_plugins.caching.dataplane.contents import content_of
from couler_plugins.caching.dataplane.lookups import Values, key_of, went_well
from couler_plugins.cli.group import couler
from couler_plugins.errors import InvalidInput

SPEC = "v1:" + 64 * "0"


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner(env={"COULER_CACHE_STORE": None, **environment}).invoke(couler, ["cache", *arguments])


def restore(folder: Path, *arguments: str, store: str = "", values: tuple[str, ...] = ("a=1",)) -> Result:
    said = (f"--store={store or folder / 'store'}", f"--hit={folder / 'hit'}", f"--key={folder / 'key'}")
    output = f"--output=result-r={folder / 'results' / 'r'}"
    return run("task-restore", *said, f"--spec={SPEC}", output, *arguments, "--", *values)


def save(folder: Path, *arguments: str, store: str = "") -> Result:
    key = (folder / "key").read_text()
    output = f"--output=result-r={folder / 'results' / 'r'}"
    return run("task-save", f"--store={store or folder / 'store'}", f"--key={key}", output, *arguments)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    return tmp_path


def test_what_one_keeps_the_next_restores(folder: Path) -> None:
    assert (restore(folder).output, (folder / "hit").read_text()) == ("", "false")
    (folder / "results/r").write_text("made")
    assert save(folder).output == ""
    (folder / "results/r").unlink()
    assert restore(folder, values=("a=2",)).output == ""
    assert (folder / "hit").read_text() == "false"
    assert restore(folder).exit_code == 0
    assert ((folder / "hit").read_text(), (folder / "results/r").read_text()) == ("true", "made")


def test_what_is_too_old_is_replaced(folder: Path) -> None:
    result = folder / "results/r"
    with open_cache(str(folder / "store"), clock=lambda: time.time() - 3600) as cache:
        cache.put(key_of(Values(spec=SPEC, texts=("a=1",), contents={})), {"result-r": Content(b"old", "file")})
    restore(folder, "--max-age=600s")
    assert (folder / "hit").read_text() == "false"
    result.write_text("new")
    assert save(folder).output == ""
    result.unlink()
    restore(folder, "--max-age=600s")
    assert ((folder / "hit").read_text(), result.read_text()) == ("true", "new")


@pytest.mark.parametrize(
    ("arguments", "values", "reason"),
    [
        (("--nonsense",), (), "No such option"),
        (("--timeout=soon",), (), "not a time"),
        (("--output=result-r",), (), "not of the form"),
        (("--output=result-r=/x",), (), "given twice"),
        (("--file=data=/no/such/file",), (), "neither a file nor a folder"),
        (("--lists=1",), ("a",), "ends a list"),
        ((), ("a=$b",), "has a $ in it"),
        (("--namespace=..",), (), "namespace"),
        (("--index=nonsense://x",), (), "nonsense"),
        (("--timeout=0.001s",), tuple(map(str, range(1000))), "longer than"),
    ],
)
def test_whatever_is_wrong_is_a_miss(
    folder: Path, arguments: tuple[str, ...], values: tuple[str, ...], reason: str
) -> None:
    found = restore(folder, *arguments, values=values)
    assert found.exit_code == 0
    assert "nothing was restored" in found.output
    assert reason in found.output
    assert not (folder / "hit").exists() or (folder / "hit").read_text() == "false"


def test_without_a_store_nothing_is_kept_and_nothing_fails(folder: Path) -> None:
    (folder / "gone").write_text("no folder")
    assert "nothing was restored" in restore(folder, store=str(folder / "gone")).output
    (folder / "results/r").write_text("made")
    for store in (str(folder / "gone"), "nonsense://x"):
        found = save(folder, store=store)
        assert found.exit_code == 0
        assert "the result is not kept" in found.output


@pytest.mark.parametrize("key", ["$(steps.couler-restore.results.key)", "../up", "k" * 300])
def test_what_is_no_key_keeps_nothing(folder: Path, key: str) -> None:
    (folder / "results/r").write_text("made")
    (folder / "key").write_text(key)
    found = save(folder)
    assert found.exit_code == 0
    assert "the result is not kept" in found.output
    assert not list((folder / "store").rglob("blobs"))


def test_without_a_key_nothing_is_said_again(folder: Path) -> None:
    (folder / "key").write_text("")
    assert save(folder).output == ""


@pytest.mark.parametrize("left", ["nothing", "a link", "a pipe"])
def test_what_is_no_result_is_not_kept(folder: Path, left: str) -> None:
    restore(folder)
    if left == "a link":
        (folder / "results/r").symlink_to("/etc/passwd")
    elif left == "a pipe":
        os.mkfifo(folder / "results/r")
    found = save(folder)
    assert found.exit_code == 0
    assert "the result is not kept" in found.output


def test_a_link_at_the_place_of_a_result_is_not_followed(folder: Path) -> None:
    restore(folder)
    (folder / "results/r").write_text("made")
    save(folder)
    (folder / "results/r").unlink()
    (folder / "results/r").symlink_to(folder / "elsewhere")
    assert "there is something at the place" in restore(folder).output
    assert not (folder / "elsewhere").exists()


def test_steps_have_to_have_succeeded(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text("0\n")
    bad.write_text("killed")
    assert went_well([])
    assert went_well([good, good])
    assert not went_well([good, bad])
    assert not went_well([tmp_path / "none"])


def test_keys_tell_lists_and_files_apart(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    one = {"x": content_of(tmp_path / "a")}
    seen = {
        key_of(Values(spec=SPEC, texts=texts, contents=used, lists=lists, end="end"))
        for texts, used, lists in (
            (["a", "end", "b", "end"], {}, 2),
            (["a", "b", "end", "end"], {}, 2),
            (["end", "a", "b", "end"], {}, 2),
            (["a", "b", "end"], {}, 1),
            ([], one, 0),
            ([], {"y": one["x"]}, 0),
            (["x=sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"], {}, 0),
        )
    }
    assert len(seen) == 7
    with pytest.raises(InvalidInput, match="ends a list"):
        key_of(Values(spec=SPEC, texts=["a", "end", "end"], contents={}, lists=1, end="end"))
