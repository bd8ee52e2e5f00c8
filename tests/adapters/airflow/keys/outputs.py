"""Outputs: files that tasks make, and what becomes of them between two runs; the task after them looks whether they are right."""

from __future__ import annotations

import textwrap
from typing import Any

from adapters.airflow.keys.case import HIT, NEVER, OBSERVED, Case, Run, tasks

__all__ = ["CASES"]

OUT = "@BASE@/out"
FILE = f"{OUT}/x.csv"
HEAD = f"""
import os, shutil, subprocess, tempfile
from pathlib import Path
tempfile.tempdir = "@BASE@/tmp"
OUT, FILE = "{OUT}", "{FILE}"
"""
WRITES = "Path(FILE).write_text(f'{n}')\nreturn n"
LOOKS = "assert open(FILE).read() == f'{n}'\nreturn n"
BEFORE = Run(before=["mkdir -p tmp out"])


def makes(
    name: str,
    body: str = WRITES,
    change: str = "",
    *,
    looks: str = LOOKS,
    outputs: str = FILE,
    allow: str = "",
    call: str = "5",
    **case: Any,
) -> Case:
    """Return a case of a task that makes outputs, and of one after it that fails unless they are right.

    Args:
        name: of the case.
        body: the body of the first task, with `n`.
        change: a command between the runs.
        looks: the body of the second task, with the result of the first as `n`.
        outputs: what is named, separated by blanks.
        allow: what is allowed, in the same way.
        call: what the first is called with.
        **case: the fields of `Case`.
    """
    mark = f"@cached(outputs={tuple(outputs.split())}, allow={tuple(allow.split())})"
    lines = [
        HEAD,
        'with DAG("d", schedule=None):',
        *("    @task", f"    {mark}", "    def make(n, **kwargs):" if "kwargs" in body else "    def make(n):"),
        textwrap.indent(body, " " * 8),
        *("    @task", "    def look(n):", textwrap.indent(looks, " " * 8), f"    look(make({call}))"),
    ]
    given = {"layer": OBSERVED, "first": BEFORE, "second": Run(before=[change] if change else []), "tasks": ("make",)}
    return tasks(name, "\n".join(lines) + "\n", **{**given, **case})


FOLDER = "os.makedirs(OUT + '/d/e', exist_ok=True)\nfor i in 'abc':\n    Path(OUT, 'd', i).write_text(f'{n}{i}')\nPath(OUT, 'd/e/f').touch()\nreturn n"
LOOKS_IN = "assert {p.name: p.read_text() for p in Path(OUT, 'd').iterdir() if p.is_file()} == {i: f'{n}{i}' for i in 'abc'}\nassert os.path.exists(OUT + '/d/e/f')\nreturn n"
SAME_FILE = f"""{HEAD}
with DAG("d", schedule=None):
    @task
    @cached(outputs=("{FILE}",))
    def one(n):
        return Path(FILE).write_text(n)
    @task
    @cached(outputs=("{FILE}",))
    def two(n):
        with open(FILE, "HOW") as file:
            return file.write("22")
    @task
    def look(n, wanted):
        assert Path(FILE).read_text() == wanted
        return n
    look.override(task_id="last")(two(look(one("1"), "1")), "LAST")
"""
BY_ORDER = f"""{HEAD}
with DAG("d", schedule=None):
    @task
    @cached(outputs=("{FILE}",))
    def a():
        Path(FILE).write_text("one")
        return 5
    @task
    @cached
    def b(n): return n
    @task
    @cached
    def c(): return Path(FILE).read_text()
    b(a()) >> c()
"""
BASH = f"""
from airflow.providers.standard.operators.bash import BashOperator
{HEAD}
with DAG("d", schedule=None):
    make = BashOperator(task_id="make", bash_command="echo 5 > {FILE}; echo 5")
    cached(make, outputs=("{FILE}",), allow=("environment", "programs"))
    @task
    def look(n):
        assert Path(FILE).read_text().strip() == n
        return n
    look(make.output)
"""
AGAIN = {"expect": HIT}

CLEARS = "shutil.rmtree('@BASE@/scratch', ignore_errors=True)\n"

CASES: tuple[Case, ...] = (
    makes(
        "output-after-another-folder-is-removed",
        CLEARS + WRITES,
        "mkdir -p scratch",
        looks="assert not os.path.exists('@BASE@/scratch')\nreturn n",
        expect=NEVER,
    ),
    makes("output-after-a-folder-is-removed-that-is-not-there", CLEARS + WRITES, expect=HIT),
    makes("output-in-place", expect=HIT),
    makes("output-deleted", change="rm out/x.csv", worst=True, expect=HIT),
    makes("output-overwritten", change="echo other > out/x.csv", worst=True, expect=HIT),
    makes(
        "output-with-its-folder-deleted",
        change="rm -r out; mkdir out",
        outputs=f"{OUT}/y/z/x.csv",
        expect=HIT,
        body="os.makedirs(OUT + '/y/z', exist_ok=True)\nPath(OUT, 'y/z/x.csv').write_text(f'{n}')\nreturn n",
        looks="assert Path(OUT, 'y/z/x.csv').read_text() == f'{n}'\nreturn n",
    ),
    makes(
        "output-of-an-edited-producer",
        edit=("return n\n    @task\n    def look", "return n + 1\n    @task\n    def look"),
        looks="return open(FILE).read() + str(n)",
    ),
    makes("output-edited", edit=("f'{n}')\n        return n", "f'{n}1')\n        return int(f'{n}1')"), worst=True),
    makes(
        "output-by-a-template",
        outputs=OUT + "/{{ds}}.csv",
        change="rm out/*.csv",
        expect=HIT,
        first=Run(before=["mkdir tmp out"], date="2026-01-01"),
        second=Run(before=["rm out/*"], date="2026-01-01"),
        body="Path(OUT, n + '.csv').write_text(n)\nreturn n",
        call="'{{ ds }}'",
        looks="assert Path(OUT, n + '.csv').read_text() == n\nreturn n",
    ),
    makes(
        "output-of-another-day",
        outputs=OUT + "/{{ds}}.csv",
        first=Run(before=["mkdir tmp out"], date="2026-01-01"),
        second=Run(date="2026-01-02"),
        body="Path(OUT, n + '.csv').write_text(n)\nreturn n",
        call="'{{ ds }}'",
        looks="assert Path(OUT, n + '.csv').read_text() == n\nreturn n",
    ),
    makes(
        "output-by-an-argument",
        outputs="{{task.op_args[0]}}",
        call="FILE",
        change="rm out/x.csv",
        body="Path(n).write_text('5')\nreturn n",
        looks="assert Path(n).read_text() == '5'\nreturn n",
        expect=HIT,
    ),
    makes(
        "output-not-named",
        "Path(OUT, 'y').touch()\n" + WRITES,
        "rm out/y",
        expect=NEVER,
        looks="assert Path(OUT, 'y').exists()\nreturn n",
    ),
    makes(
        "output-named-and-another-removed",
        "Path(OUT, 'y').unlink(missing_ok=True)\n" + WRITES,
        "touch out/y",
        expect=NEVER,
        looks="assert not Path(OUT, 'y').exists()\nreturn n",
        first=Run(before=["mkdir tmp out; touch out/y"]),
    ),
    makes(
        "output-without-a-result",
        "Path(FILE).write_text(f'{n}')",
        "rm out/x.csv",
        looks="assert open(FILE).read() == '5'\nreturn 1",
        expect=HIT,
    ),
    makes(
        "output-written-aside",
        "with open(FILE + '.part', 'w') as f:\n    f.write(f'{n}')\nos.replace(FILE + '.part', FILE)\nreturn n",
        "rm out/x.csv",
        expect=HIT,
    ),
    makes(
        "output-of-a-temporary-file",
        "with tempfile.NamedTemporaryFile('w', dir=OUT, delete=False) as f:\n    f.write(f'{n}')\nos.replace(f.name, FILE)\nreturn n",
        "rm out/x.csv",
        worst=True,
        expect=HIT,
    ),
    makes(
        "output-of-a-temporary-file-by-descriptor",
        "fd, name = tempfile.mkstemp(dir=OUT)\nwith os.fdopen(fd, 'w') as f:\n    f.write(f'{n}')\nos.replace(name, FILE)\nreturn n",
        "rm out/x.csv",
        expect=HIT,
    ),
    makes(
        "output-of-a-temporary-file-that-is-left",
        "with tempfile.NamedTemporaryFile('w', dir=OUT, prefix='left', delete=False) as f:\n    f.write(f'{n}')\n"
        + WRITES,
        "rm out/left*",
        looks="assert list(Path(OUT).glob('left*'))\nreturn n",
        expect=NEVER,
    ),
    makes(
        "output-beside-what-is-read",
        "with tempfile.NamedTemporaryFile('w', dir=OUT, delete=False) as f:\n    f.write(open(OUT + '/in').read())\nos.replace(f.name, FILE)\nreturn int(open(FILE).read())",
        first=Run(before=["mkdir tmp out; echo 1 > out/in"]),
        second=Run(before=["echo 2 > out/in"]),
        looks="return n",
    ),
    makes(
        "output-after-a-temporary-file-beside-what-is-read",
        "with tempfile.NamedTemporaryFile('w') as f:\n    f.write('1')\nn = int(open(tempfile.tempdir + '/in').read())\n"
        + WRITES,
        first=Run(before=["mkdir tmp out; echo 1 > tmp/in"]),
        second=Run(before=["echo 2 > tmp/in"]),
        worst=True,
    ),
    makes(
        "output-of-a-thread",
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(1) as pool:\n    pool.submit(Path(FILE).write_text, f'{n}').result()\nreturn n",
        "rm out/x.csv",
        expect=HIT,
    ),
    makes(
        "output-of-pandas",
        "import pandas as pd\npd.DataFrame({'a': [n]}).to_csv(FILE)\nreturn n",
        "rm out/x.csv",
        looks="import pandas as pd\nassert pd.read_csv(FILE).a[0] == n\nreturn n",
        needs=("pandas",),
        expect=HIT,
    ),
    makes(
        "output-of-compiled-code",
        "import pyarrow as pa, pyarrow.parquet as pq\npq.write_table(pa.table({'a': [n]}), FILE)\nreturn n",
        "rm out/x.csv",
        looks="import pyarrow.parquet as pq\nassert pq.read_table(FILE)['a'].to_pylist() == [n]\nreturn n",
        allow="files",
        needs=("pyarrow",),
        expect=HIT,
    ),
    makes(
        "output-that-is-a-program",
        WRITES.replace("\n", "\nos.chmod(FILE, 0o755)\n"),
        "chmod 644 out/x.csv",
        looks="assert os.stat(FILE).st_mode & 0o777 == 0o755\nreturn n",
        expect=HIT,
    ),
    makes(
        "output-that-is-secret",
        "fd = os.open(FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)\nos.close(fd)\nreturn n",
        "rm out/x.csv",
        looks="assert os.stat(FILE).st_mode & 0o777 == 0o600\nreturn n",
        expect=HIT,
    ),
    # What a task makes of what is there.
    makes(
        "output-appended",
        "with open(FILE, 'a') as f:\n    f.write('5')\nreturn open(FILE).read()",
        worst=True,
        looks=LOOKS,
    ),
    makes(
        "output-appended-and-files-allowed",
        "with open(FILE, 'a') as f:\n    f.write('5')\nreturn open(FILE).read()",
        allow="files",
    ),
    makes(
        "output-changed-in-place",
        "with open(FILE, 'r+') as f:\n    f.write('5')\nreturn open(FILE).read()",
        first=Run(before=["mkdir tmp out; echo 111 > out/x.csv"]),
        second=Run(before=["echo 222 > out/x.csv"]),
    ),
    makes(
        "output-truncated",
        "os.truncate(FILE, 2)\nreturn open(FILE).read()",
        first=Run(before=["mkdir tmp out; echo 111 > out/x.csv"]),
        second=Run(before=["echo 222 > out/x.csv"]),
    ),
    makes(
        "output-made-where-there-is-none",
        "if not os.path.exists(FILE):\n    Path(FILE).write_text(f'{n}')\nreturn n",
        "rm out/x.csv",
        expect=HIT,
    ),
    makes(
        "output-left-where-there-is-one",
        "if not os.path.exists(FILE):\n    Path(FILE).write_text(f'{n}')\nreturn open(FILE).read()",
        "echo other > out/x.csv",
    ),
    makes(
        "output-of-a-database",
        "import sqlite3\nc = sqlite3.connect(FILE)\nc.execute('create table if not exists t (n)')\nc.execute('insert into t values (1)')\nc.commit()\nreturn c.execute('select count(*) from t').fetchone()[0]",
        looks="return n",
    ),
    tasks(
        "output-of-two-tasks",
        SAME_FILE.replace("HOW", "w").replace("LAST", "22"),
        layer=OBSERVED,
        first=BEFORE,
        tasks=("one", "two"),
        worst=True,
        expect=HIT,
    ),
    tasks(
        "output-appended-to-what-another-makes",
        SAME_FILE.replace("HOW", "a").replace("LAST", "122"),
        layer=OBSERVED,
        first=BEFORE,
        tasks=("one",),
        expect=HIT,
    ),
    tasks("output-read-by-order", BY_ORDER, layer=OBSERVED, first=BEFORE, edit=('"one"', '"two"')),
    tasks(
        "output-of-a-program",
        BASH,
        layer=OBSERVED,
        first=BEFORE,
        second=Run(before=["rm out/x.csv"]),
        tasks=("make",),
        expect=HIT,
    ),
    # Folders.
    makes(
        "output-folder",
        FOLDER,
        "rm -r out/d/e out/d/a; echo other > out/d/b",
        outputs=f"{OUT}/d",
        looks=LOOKS_IN,
        worst=True,
        expect=HIT,
    ),
    makes("output-folder-deleted", FOLDER, "rm -r out/d", outputs=f"{OUT}/d", looks=LOOKS_IN, expect=HIT),
    makes(
        "output-folder-made-anew",
        "shutil.rmtree(OUT + '/d', ignore_errors=True)\n" + FOLDER,
        "rm out/d/a",
        outputs=f"{OUT}/d",
        looks=LOOKS_IN,
        expect=HIT,
    ),
    makes(
        "output-folder-with-a-file-of-others",
        FOLDER.replace("return n", "return sorted(os.listdir(OUT + '/d'))"),
        "touch out/d/theirs",
        outputs=f"{OUT}/d",
        looks="assert sorted(os.listdir(OUT + '/d')) == n\nreturn n",
    ),
    makes(
        "output-folder-with-older-files",
        FOLDER.replace("return n", "return sorted(os.listdir(OUT + '/d'))"),
        "rm out/d/old",
        outputs=f"{OUT}/d",
        looks="return sorted(os.listdir(OUT + '/d'))",
        first=Run(before=["mkdir -p tmp out/d; touch out/d/old"]),
    ),
    # Links, and what else may be in the way.
    makes(
        "output-in-a-linked-folder",
        change="rm real/x.csv",
        first=Run(before=["mkdir tmp real; ln -s real out"]),
        expect=HIT,
    ),
    makes("output-that-has-become-a-link", change="mv out/x.csv y; ln -s ../y out/x.csv", expect=NEVER),
    makes(
        "output-that-has-become-a-link-to-another",
        change="echo other > y; ln -sf ../y out/x.csv",
        looks="assert Path('@BASE@/y').read_text() == '5'\nreturn n",
        expect=NEVER,
    ),
    makes(
        "output-that-is-made-as-a-link",
        "Path(OUT, 'y').write_text('5')\nPath(FILE).unlink(missing_ok=True)\nos.symlink('y', FILE)\nreturn n",
        "rm out/y",
        outputs=f"{FILE} {OUT}/y",
        expect=NEVER,
    ),
    makes(
        "output-in-a-folder-that-is-a-file",
        "Path(OUT).mkdir(exist_ok=True)\n" + WRITES,
        "rm -r out; mkdir out",
        expect=HIT,
    ),
    # Faults of the store.
    makes("output-and-store-lost", change="rm -r store out/x.csv", expect=NEVER),
    makes(
        "output-and-blobs-damaged",
        change="rm out/x.csv; find store -type f ! -name '*.sqlite*' | while read f; do echo x > $f; done",
        expect=NEVER,
        worst=True,
    ),
    makes(
        "output-and-the-largest-blob-lost",
        "Path(FILE).write_text(f'{n}' * 100000)\nreturn n",
        "rm out/x.csv; find store -type f -size +90k ! -name '*.sqlite*' -delete",
        looks="assert os.path.getsize(FILE) == 100000\nreturn n",
        expect=NEVER,
        worst=True,
    ),
)
