"""Bash, programs, virtual environments: what runs outside of this interpreter."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import HIT, NEVER, OBSERVED, SAFE, Case, Run, tasks, work

__all__ = ["CASES"]

ALLOWED = '), allow=("programs",'


def bash(name: str, command: str, more: str = "", **case: Any) -> Case:
    """Return a case of a BashOperator that is declared pure."""
    text = f"""
from airflow.providers.standard.operators.bash import BashOperator
with DAG("d", schedule=None):
    cached(BashOperator(task_id="t", bash_command={command!r}{more}))
"""
    return tasks(name, text, **{"layer": OBSERVED, **case})


def returns(name: str, body: str, top: str = "", **case: Any) -> Case:
    """Return a case of a `@task.bash` function."""
    text = f"""{top}
with DAG("d", schedule=None, tags=["couler-cache"]):
    @task.bash
    @cached
    def t():
        {body}
    t()
"""
    return tasks(name, text, **{"layer": OBSERVED, **case})


CASES: tuple[Case, ...] = (
    bash("bash-same", "echo 1", expect=SAFE, worst=True),  # nobody sees what a program reads: it takes a waiver
    bash("bash-allowed-same", "echo 1", ALLOWED, expect=HIT, worst=True),
    bash("bash-allowed-run-variables", "echo $AIRFLOW_CTX_DAG_RUN_ID", ALLOWED),
    bash(
        "bash-allowed-environment",
        "echo $REGION",
        ALLOWED,
        first=Run(env={"REGION": "eu"}),
        second=Run(env={"REGION": "us"}),
    ),
    bash("bash-command", "echo 1", edit=("echo 1", "echo 2")),
    bash("bash-run-variables", "echo $AIRFLOW_CTX_DAG_RUN_ID $AIRFLOW_CTX_TASK_ID", worst=True),
    bash(
        "bash-environment",
        "echo $REGION",
        first=Run(env={"REGION": "eu"}),
        second=Run(env={"REGION": "us"}),
        worst=True,
    ),
    bash(
        "bash-environment-by-printenv",
        "printenv REGION",
        first=Run(env={"REGION": "eu"}),
        second=Run(env={"REGION": "us"}),
    ),
    bash(
        "bash-environment-declared", "echo $REGION", ', env={"REGION": "eu"}', edit=('"REGION": "eu"', '"REGION": "us"')
    ),
    bash(
        "bash-environment-appended",
        "echo $REGION$RATE",
        ', env={"RATE": "1"}, append_env=True',
        first=Run(env={"REGION": "eu"}),
        second=Run(env={"REGION": "us"}),
    ),
    bash("bash-file", "cat @BASE@/etc/x.txt", files={"etc/x.txt": "1\n"}, edits={"etc/x.txt": ("1", "2")}, worst=True),
    bash(
        "bash-redirected-file", "wc -c < @BASE@/etc/x.txt", files={"etc/x.txt": "1\n"}, edits={"etc/x.txt": ("1", "22")}
    ),
    bash("bash-folder", "ls @BASE@/etc | wc -l", files={"etc/x.txt": "1\n"}, writes={"etc/y.txt": ""}),
    bash("bash-glob", "echo @BASE@/etc/*", files={"etc/x.txt": "1\n"}, writes={"etc/y.txt": ""}),
    bash(
        "bash-program",
        "@BASE@/etc/tool",
        files={"etc/tool": "#!/bin/sh\necho 1\n"},
        edits={"etc/tool": ("echo 1", "echo 2")},
        first=Run(before=["chmod +x etc/tool"]),
    ),
    bash(
        "bash-python-script",
        "python3 @BASE@/etc/tool.py",
        files={"etc/tool.py": "print(1)\n"},
        edits={"etc/tool.py": ("1", "2")},
    ),
    bash(
        "bash-sourced",
        ". @BASE@/etc/conf.sh; echo $N",
        files={"etc/conf.sh": "N=1\n"},
        edits={"etc/conf.sh": ("1", "2")},
    ),
    bash("bash-date", "date +%N"),
    bash("bash-seconds", "echo $EPOCHREALTIME"),
    bash("bash-random", "echo $RANDOM$RANDOM$RANDOM"),
    bash("bash-random-file", "head -c 8 /dev/urandom | od -An -tx1"),
    bash("bash-process", "echo $$"),
    bash("bash-temporary-name", "mktemp -u"),
    bash("bash-host", "hostname", expect=NEVER),
    bash("bash-working-directory", "ls", ', cwd="@BASE@/etc"', files={"etc/x.txt": ""}, writes={"etc/y.txt": ""}),
    bash("bash-template", "echo {{ ds }}", first=Run(date="2026-01-01"), second=Run(date="2026-01-02")),
    bash("bash-template-of-the-run", "echo {{ run_id }}"),
    bash("bash-script-file", "q.sh", files={"q.sh": "echo 1\n"}, edits={"q.sh": ("1", "2")}),
    bash("bash-writes-a-file", "echo x > @BASE@/out.txt; echo done", expect=SAFE),
    returns("task-bash-date", 'return "date +%N"', worst=True),
    returns("task-bash-same", 'return "echo 1"', expect=SAFE),
    returns("task-bash-command", 'return "echo 1"', edit=("echo 1", "echo 2")),
    returns("task-bash-by-a-helper", "return command()", "def command(): return 'echo 1'\n", edit=("echo 1", "echo 2")),
    returns(
        "task-bash-environment",
        'return "echo $REGION"',
        first=Run(env={"REGION": "eu"}),
        second=Run(env={"REGION": "us"}),
    ),
    returns(
        "task-bash-file", 'return "cat @BASE@/etc/x.txt"', files={"etc/x.txt": "1\n"}, edits={"etc/x.txt": ("1", "2")}
    ),
    # Programs from Python.
    work(
        "program-of-asyncio",
        "async def g():\n    p = await asyncio.create_subprocess_shell('date +%N', stdout=-1)\n    return (await p.communicate())[0].decode()\nreturn asyncio.run(g())",
        "import asyncio",
        layer=OBSERVED,
    ),
    work(
        "program-of-asyncio-exec",
        "async def g():\n    p = await asyncio.create_subprocess_exec('cat', '/proc/sys/kernel/random/uuid', stdout=-1)\n    return (await p.communicate())[0].decode()\nreturn asyncio.run(g())",
        "import asyncio",
        layer=OBSERVED,
    ),
    work(
        "program-of-subprocess",
        "import subprocess\nreturn subprocess.check_output(['date', '+%N'], text=True)",
        layer=OBSERVED,
    ),
    work("program-of-popen", "import os\nreturn os.popen('date +%N').read()", layer=OBSERVED),
    work(
        "program-of-multiprocessing",
        "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(1) as pool:\n    return pool.apply(f)",
        "import time\ndef f(): return time.time()\n",
        layer=OBSERVED,
    ),
    work(
        "program-of-a-native-call",
        "import ctypes\nlibc = ctypes.CDLL(None)\nreturn libc.system(b'exit $(( $(date +%N | sed s/^0*//) % 50 ))') * 0 + time.time()",
        "import time\n",
        layer=OBSERVED,
    ),
    work(
        "network-of-a-socket",
        "import socket\nreturn socket.socket().fileno() * 0 + time.time()",
        "import time\n",
        layer=OBSERVED,
    ),
    # Other interpreters.
    tasks(
        "external-python",
        """
        import sys
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task.external_python(python=sys.executable, expect_airflow=False)
            def t():
                import time
                return time.time()
            t()
        """,
        expect=NEVER,
        layer=OBSERVED,
    ),
    work(
        "file-that-a-library-of-cffi-reads",
        "ffi = cffi.FFI()\nffi.cdef('int open(const char *, int); long read(int, void *, size_t);')\n"
        "c, b = ffi.dlopen(None), ffi.new('char[8]')\nc.read(c.open(b'@BASE@/etc/x', 0), b, 8)\n"
        "return ffi.string(b).decode()",
        "import cffi",
        files={"etc/x": "1"},
        writes={"etc/x": "2"},
        needs=("cffi",),
        layer=OBSERVED,
    ),
    work(
        "locale-from-the-environment",
        "return locale.setlocale(locale.LC_ALL, '')",
        "import locale",
        first=Run(env={"LC_ALL": "C"}),
        second=Run(env={"LC_ALL": "C.UTF-8"}),
        layer=OBSERVED,
    ),
)
