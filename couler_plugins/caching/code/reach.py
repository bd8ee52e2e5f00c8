"""What a dotted name in Python code reaches that no key can cover: clocks, chance, the network, files, the environment.

The lists find too much rather than too little: too much costs a recomputation, too little a wrong result.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

__all__ = ["kind_of", "kinds_of_attributes"]

NETWORKS = (
    r"requests|urllib\.request|urllib3|httpx|aiohttp|socket|ssl|http\.client|http\.server|ftplib|smtplib|imaplib|poplib"
    r"|telnetlib|xmlrpc|socketserver|boto3|botocore|aiobotocore|paramiko|grpc|psycopg\w*|pymysql|MySQLdb|sqlalchemy"
    r"|kafka|confluent_kafka|redis|pymongo|s3fs|gcsfs|adlfs|smart_open|cx_Oracle|oracledb|snowflake|google\.cloud|azure"
    r"|openai|anthropic|huggingface_hub|websockets?|kubernetes|docker|elasticsearch"
)
KINDS: tuple[tuple[str, str], ...] = (
    ("clock", r"time\.(?!sleep\b|strptime\b|struct_time\b|mktime\b)\w+|sched\."),
    ("clock", r"(?:\w+\.)*(?:now|utcnow|today)(?:\.|$)"),
    ("randomness", r"(?:random|secrets|numpy\.random|torch\.rand\w*|faker)(?:\.|$)|uuid\.(?:uuid[14678]|getnode)"),
    (
        "randomness",
        r"os\.(?:urandom|getpid|getrandom|getppid)|socket\.gethostname|platform\.node|builtins\.(?:id|hash)",
    ),
    ("programs", r"subprocess\.|os\.(?:system|popen|exec\w*|spawn\w*|posix_spawn\w*|fork\w*)|pty\.|pexpect\."),
    ("environment", r"os\.(?:environb?|getenvb?|getcwdb?|getlogin|uname|cpu_count)|(?:platform|getpass|locale|pwd)\."),
    ("environment", r"sys\.(?:argv|stdin|path)|builtins\.input"),
    ("network", rf"(?:{NETWORKS})(?:\.|$)"),
    (
        "files",
        r"builtins\.open|io\.(?:open\w*|FileIO)|codecs\.open|(?:shutil|glob|tempfile|sqlite3|fsspec|dbm|shelve)\.",
    ),
    ("files", r"os\.(?!path\b|sep\b|linesep\b|fspath\b|fsencode\b|fsdecode\b|PathLike\b|name\b|environ|getenv)\w+"),
    ("files", r"os\.path\.(?:exists|lexists|get\w+|is(?:file|dir|link|mount)|realpath|abspath|expand\w+|samefile)"),
    (
        "dynamic code",
        r"builtins\.(?:eval|exec|compile|globals|__import__|vars|locals)|importlib\.|runpy\.|(?:cloud)?pickle\.",
    ),
    ("dynamic code", r"inspect\.(?:stack|currentframe)|sys\.(?:_getframe|modules)|gc\.|ctypes\.|marshal\."),
)
PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in KINDS)

INNER = {"posix": "os", "nt": "os", "posixpath": "os.path", "ntpath": "os.path", "genericpath": "os.path"}
"""Modules whose functions have another name for everybody; those written in C mostly begin with `_`."""

ATTRIBUTES: dict[str, str] = {
    **dict.fromkeys(("now", "utcnow", "today"), "clock"),
    **dict.fromkeys(("sample", "shuffle", "default_rng", "randint", "uuid1", "uuid4"), "randomness"),
    **dict.fromkeys(("read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "rglob"), "files"),
    **dict.fromkeys(("is_file", "is_dir", "unlink", "touch", "mkdir", "rmdir"), "files"),
    **dict.fromkeys(("open", "exists", "stat", "lstat", "glob", "samefile", "symlink_to", "hardlink_to"), "files"),
    **dict.fromkeys(("cwd", "home", "expanduser"), "environment"),
    **dict.fromkeys(("to_csv", "to_parquet", "to_sql", "to_excel", "to_pickle", "to_feather", "to_hdf"), "files"),
    **dict.fromkeys(("urlopen", "urlretrieve"), "network"),
    **dict.fromkeys(("get_connection", "get_conn"), "connections"),
    **dict.fromkeys(("__globals__", "__builtins__", "__subclasses__", "f_globals"), "dynamic code"),
}
READING = re.compile(r"read_(?!only)\w+")
"""Methods that pandas, polars and their like read with."""


def kind_of(dotted: str) -> str | None:
    """What the thing of that name reaches (`clock`, `files`, …); None where it is nothing outside of the process."""
    head, dot, rest = dotted.partition(".")
    known = f"{INNER.get(head, head.removeprefix('_'))}{dot}{rest}"
    return next((kind for kind, pattern in PATTERNS if pattern.match(known)), None)


def kinds_of_attributes(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What attributes name outside of the process, whatever they are read of: the kind, and the name."""
    for name in names:
        kind = ATTRIBUTES.get(name) or ("files" if READING.fullmatch(name) else None)
        if kind is not None:
            yield kind, name
