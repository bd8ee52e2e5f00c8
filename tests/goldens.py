"""Freezes what every pipeline and every conversion makes of the corpora, as digests, and says what is not as it was.

    python tests/goldens.py check [--only GROUP] [--files PATTERN] [--share N]
                                                                       what differs from the digests; exit code 1 if any
    python tests/goldens.py update [--only GROUP]                      write the digests anew
    python tests/goldens.py show FILE PIPELINE                         a digest, and today's full text

A group is `argo`, `airflow`, `kfp`, `tekton` (our own corpus, with the shared one or Airflow's examples), or a
repository of the field corpus, which is optimized as a whole. Digests stand in tests/fixtures/goldens/GROUP.json by
file and pipeline: one for each aspect, by the aspect's first letter (the text, documents added, decisions, edits, the
refusal). A pipeline that leaves a file alone, and says nothing, has none. FILE is what `check` prints, such as
`argo:own/list.yaml`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import re
import runpy
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir
from fnmatch import fnmatchcase
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

import conftest
from adapters.airflow.examples import airflow_root, read_dag_file
from adapters.subjects import SUBJECTS, Subject
from conversions import ENGINES, OPTIONS, outcomes_of, plugins
from couler_plugins import Result, convert, lift, optimize
from couler_plugins.errors import CoulerError
from couler_plugins.options.config import Config
from hpo.workflows.test_corpus import tasks
from support import AIRFLOW, ROOT, SHARED

FOLDER = ROOT / "tests" / "fixtures" / "goldens"
FIELD = SHARED / "corpus" / "field"
RETRY = ROOT / "examples" / "couler-default-retry" / "couler_default_retry.py"
WRAPPER = f"store=s3://bucket/cache,image=registry/couler-cache@sha256:{'0' * 64},secret=s3"
PIPELINES: dict[str, Any] = {
    "dedupe": "dedupe",
    "prune": "prune",
    "cache": "cache{assume-pure=true}",
    "cache-declared": "cache",
    "cache-memoize": "cache{assume-pure=true,via=memoize}",
    "cache-wrapper": f"cache{{assume-pure=true,via=wrapper,{WRAPPER}}}",
    "split": "split{max-steps=3}",
    "all": "dedupe,prune,cache{assume-pure=true,via=memoize},split{max-steps=3}",
    "default-retry": [runpy.run_path(str(RETRY))["DefaultRetry"]()],
}
CONVERTED = 12
"""Files of a field repository that are converted to each engine: every so many-th, to have about that many."""
ASPECTS = ("text", "added", "decisions", "edits", "refusal")
PATHS = {
    Path(sys.executable): "PYTHON",
    airflow_root(): "AIRFLOW",
    airflow_root().parent: "PACKAGES",
    SHARED: "SHARED",
    ROOT: "ROOT",
}
"""Paths of this machine, and what stands for them."""
OF_PYTHON = ("example_python_decorator.py", "example_python_operator.py")
"""DAGs that name the path of Python: how large their parts are differs from machine to machine."""
TODAY = time.strftime("%Y-%m-%d")
"""What an example of Airflow's takes for the default of a parameter."""
HASHED = re.compile(r"unusual_prefix_[0-9a-f]{40}_")
"""What Airflow puts before the name of a DAG file's module: a hash of its path."""
CLOCK = re.compile(r"\b\d\d:\d\d:\d\d\.\d{6}\b")
"""A time of day to the microsecond: an example of Airflow's waits for the time at which it was read."""


class Choice(NamedTuple):
    """The files of an engine's corpus that are looked at.

    Attributes:
        pattern: of their names.
        share: one of so many; which, their names alone say.
    """

    pattern: str = "*"
    share: int = 1

    def has(self, name: str) -> bool:
        path = name.partition("#")[0]
        return fnmatchcase(path, self.pattern) and int(_digest(path), 16) % self.share == 0


EVERY = Choice()


class Golden(NamedTuple):
    """What a pipeline makes of a file: texts by aspect."""

    file: str
    pipeline: str
    aspects: Mapping[str, str]

    @property
    def digest(self) -> str:
        """One digest for each aspect that there is; empty where there is none."""
        return " ".join(f"{name[0]}:{_digest(text)}" for name, text in self.aspects.items() if text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _golden(file: str, pipeline: str, **aspects: str) -> Golden:
    for path, name in PATHS.items():
        aspects = {aspect: text.replace(str(path), name) for aspect, text in aspects.items()}
    steady = {name: CLOCK.sub("CLOCK", HASHED.sub("", text)) for name, text in aspects.items()}
    return Golden(file, pipeline, {name: text.replace(TODAY, "TODAY") for name, text in steady.items()})


def _json(value: Any) -> str:
    plain = msgspec.to_builtins(value, enc_hook=repr, str_keys=True) if value else ""
    return json.dumps(plain, indent=1, ensure_ascii=False) if value else ""


def _refusal(error: CoulerError | None) -> str:
    fields = ("message", "file", "line", "path", "engine", "step", "feature", "hint")
    return _json({"type": type(error).__name__, **{name: getattr(error, name) for name in fields}} if error else None)


def _of_result(result: Result, pipeline: str, name: str) -> Iterator[Golden]:
    """What became of each file of a call; what was added beside all of them counts for the first."""
    added = result.added + _json(result.parts)
    for file in result.files:
        yield _golden(
            name or file.relative,
            pipeline,
            text=(file.text or "") if file.status == "changed" else "",
            added=added,
            decisions=_json(file.decisions),
            edits=_json(file.edits),
            refusal=_refusal(file.error or (file.unwritable if file.status == "changed" else None)),
        )
        added = ""


def _optimized(source: Path, name: str, only: str) -> Iterator[Golden]:
    """What each pipeline makes of a file, or of a folder as a whole, whose name is empty."""
    for pipeline, passes in PIPELINES.items():
        if only in ("", pipeline):
            try:
                yield from _of_result(optimize(str(source), passes, config=Config(), plugins=plugins()), pipeline, name)
            except CoulerError as error:
                yield _golden(name, pipeline, refusal=_refusal(error))


def _tuned(path: Path, name: str, only: str) -> Iterator[Golden]:
    """What becomes of the first step of a file of which settings could be tried."""
    if only not in ("", "tune"):
        return
    try:
        place, task = next(tasks(lift(str(path), config=Config(), plugins=plugins())), ("", {}))
        if place:
            Path("task.json").write_text(json.dumps(task), encoding="utf-8")
            passes = f"tune{{trials=2,task=task.json,steps={place}}}"
            yield from _of_result(optimize(str(path), passes, config=Config(), plugins=plugins()), "tune", name)
    except CoulerError as error:
        yield _golden(name, "tune", refusal=_refusal(error))


def _converted(path: Path, name: str, only: str) -> Iterator[Golden]:
    """What each engine has of a file; one's own leaves it alone."""
    for target in ENGINES:
        if only in ("", f"to-{target}"):
            try:
                result = convert(str(path), OPTIONS[target], config=Config(), plugins=plugins())
                yield from _of_result(result, f"to-{target}", name)
            except CoulerError as error:
                yield _golden(name, f"to-{target}", refusal=_refusal(error))


def _dags_converted(subject: Subject, path: Path, only: str) -> Iterator[Golden]:
    for target in ENGINES:
        if target != subject.engine and only in ("", f"to-{target}"):
            for item in outcomes_of(subject, path, target):
                text, refusal = item.text or "", _refusal(item.error)
                yield _golden(f"{subject.shown(path)}#{item.name}", f"to-{target}", text=text, refusal=refusal)


def of_file(subject: Subject, path: Path, only: str = "") -> Iterator[Golden]:
    """All goldens of a file of an engine's corpus."""
    name = subject.shown(path)
    if subject.engine == "airflow":
        read_dag_file(path)  # registers the plugins of Airflow's that the file needs
        yield from _dags_converted(subject, path, only)
    else:
        yield from _tuned(path, name, only)
        yield from _converted(path, name, only)
    yield from _optimized(path, name, only)


def of_repository(folder: Path, only: str = "") -> Iterator[Golden]:
    """All goldens of a repository, which is optimized as a whole; a sample of its files is converted."""
    yield from _optimized(folder, "", only)
    files = [file for file in optimize(str(folder), [], config=Config(), plugins=plugins()).files if file.workflows]
    for file in files[:: -(-len(files) // CONVERTED) or 1]:
        yield from _converted(folder / file.relative, file.relative, only)


def all_groups() -> list[str]:
    """The names of all groups, those that take longest first."""
    frozen = {path.stem for path in FOLDER.glob("*.json")}
    field = {path.name for path in FIELD.iterdir() if path.is_dir()} if FIELD.is_dir() else set()
    return sorted(frozen | field | set(ENGINES), key=lambda group: (group not in ENGINES, group))


def files_of(group: str, choice: Choice) -> dict[str, tuple[Subject, Path]]:
    """The files of an engine's corpus that are here, by name."""
    (subject,) = (subject for subject in SUBJECTS if subject.engine == group)
    files = {subject.shown(path): (subject, path) for path in subject.files()}
    return {name: file for name, file in files.items() if choice.has(name) and not name.endswith(OF_PYTHON)}


def is_here(group: str, file: str) -> bool:
    """Whether the corpus that holds a file is on this machine."""
    roots = [subject.root for subject in SUBJECTS if subject.engine == group] or [FIELD / group]
    return file.startswith("own/") or roots[0].is_dir()


def goldens(group: str, choice: Choice = EVERY, only: str = "") -> Iterator[Golden]:
    """All goldens of a group, made in a folder of their own."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder, chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if group in ENGINES:
                for subject, path in files_of(group, choice).values():
                    yield from of_file(subject, path, only)
            else:
                yield from of_repository(FIELD / group, only)
        finally:
            logging.disable(logging.NOTSET)


def digests(group: str, choice: Choice = EVERY) -> dict[str, dict[str, str]]:
    """The digests of a group, by file and pipeline."""
    entries: dict[str, dict[str, str]] = {}
    for golden in goldens(group, choice):
        if golden.digest:
            entries.setdefault(golden.file, {})[golden.pipeline] = golden.digest
    return {file: entries[file] for file in sorted(entries)}


def made_with(group: str) -> dict[str, str]:
    """What the goldens of a group depend on beside the code and the files."""
    if group != "airflow":
        return {}
    return {"airflow": version("apache-airflow-core"), "python": ".".join(map(str, sys.version_info[:2]))}


def stored(group: str) -> dict[str, Any]:
    """What is frozen of a group."""
    path = FOLDER / f"{group}.json"
    empty: dict[str, Any] = {"made-with": {}, "files": {}}
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else empty


def update(group: str) -> list[str]:
    """Freeze a group as it is now; files that are not here stay as they were."""
    old, new = stored(group)["files"], digests(group)
    kept = {file: entry for file, entry in old.items() if not is_here(group, file)} | new
    lines = [f"{json.dumps(file)}: {json.dumps(kept[file], sort_keys=True)}" for file in sorted(kept)]
    text = ",\n".join(lines)
    FOLDER.mkdir(exist_ok=True)
    content = f'{{"made-with": {json.dumps(made_with(group))}, "files": {{\n{text}\n}}}}\n'
    (FOLDER / f"{group}.json").write_text(content, encoding="utf-8")
    return []


def absent(group: str) -> str:
    """Why nothing of a group can be made here; empty where it can."""
    if group == "airflow" and not AIRFLOW:
        return "needs apache-airflow"
    return "" if group in ENGINES or (FIELD / group).is_dir() else "needs corpus/field in the shared folder"


def check(group: str, choice: Choice = EVERY) -> list[str]:
    """Return a line for each pipeline and file that is not as it was frozen."""
    then, now = stored(group), made_with(group)
    if then["made-with"] != now:
        sys.stderr.write(f"{group}: skipped: frozen with {then['made-with']}, and this is {now}\n")
        return []
    old = {file: entry for file, entry in then["files"].items() if choice.has(file)}
    new = digests(group, choice)
    if elsewhere := [file for file in old if not is_here(group, file)]:
        sys.stderr.write(f"{group}: skipped: {len(elsewhere)} entries of the shared folder, which is not here\n")
    old = {file: entry for file, entry in old.items() if file not in elsewhere}
    return [
        f"{group}:{file} {pipeline}: {', '.join(aspects)}"
        for file in sorted({*old, *new})
        for pipeline in sorted({*old.get(file, ()), *new.get(file, ())})
        if (aspects := _changed(old.get(file, {}).get(pipeline, ""), new.get(file, {}).get(pipeline, "")))
    ]


def _changed(old: str, new: str) -> list[str]:
    letters = {part[0] for part in set(old.split()) ^ set(new.split())}
    return [aspect for aspect in ASPECTS if aspect[0] in letters]


def show(place: str, pipeline: str) -> Iterator[str]:
    """Yield the frozen digest of a file and a pipeline, and today's digest and full text."""
    group, _, file = place.partition(":")
    yield f"frozen: {stored(group)['files'].get(file, {}).get(pipeline, 'nothing')}"
    for golden in goldens(group, Choice(file.partition("#")[0]), pipeline):
        if golden.file == file and golden.pipeline == pipeline:
            yield f"today:  {golden.digest or 'nothing'}"
            yield from (f"--- {aspect}\n{text}" for aspect, text in golden.aspects.items() if text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=("check", "show", "update"))
    parser.add_argument("what", nargs="*", metavar="FILE PIPELINE", help="what is shown")
    parser.add_argument("--only", action="append", metavar="GROUP", help="a group; may be given several times")
    parser.add_argument("--files", default="*", metavar="PATTERN", help="check only these files of engines' corpora")
    parser.add_argument("--share", type=int, default=1, metavar="N", help="check only one of N of these")
    options = parser.parse_args(arguments)
    if options.job == "show":
        with pytest.MonkeyPatch.context() as patch:
            conftest.shorten_searches(patch)
            sys.stdout.writelines(f"{line}\n" for line in show(*options.what))
        return 0
    groups = options.only or all_groups()
    for group in groups:
        if reason := absent(group):
            sys.stderr.write(f"{group}: skipped: {reason}\n")
    job = partial(check, choice=Choice(options.files, options.share)) if options.job == "check" else update
    here = [group for group in groups if not absent(group)]
    with pytest.MonkeyPatch.context() as patch, ProcessPoolExecutor(max_workers=2) as pool:
        conftest.shorten_searches(patch)  # which splits are best is judged elsewhere
        lines = [line for lines in pool.map(job, here) for line in lines]
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")  # it writes of each file that it loads
    conftest.pytest_configure()
    try:
        sys.exit(main())
    finally:
        conftest.pytest_unconfigure()
