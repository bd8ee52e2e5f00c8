"""What a dotted name in Python code reaches that no key can cover: clocks, chance, the network, files, the environment.

The lists find too much rather than too little: too much costs a recomputation, too little a wrong result.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

NETWORKS = (
    r"requests|urllib\.request|urllib3|httpx|aiohttp|socket|ssl|http\.client|http\.server|ftplib|smtplib|imaplib|poplib"
    r"|telnetlib|xmlrpc|socketserver|boto3|botocore|aiobotocore|paramiko|grpc|psycopg\w*|pymysql|MySQLdb|sqlalchemy"
    r"|kafka|confluent_kafka|redis|pymongo|s3fs|gcsfs|adlfs|smart_open|cx_Oracle|oracledb|snowflake|google\.cloud|azure"
    r"|openai|anthropic|huggingface_hub|websockets?|kubernetes|docker|elasticsearch"
)
VERBS = {
    "clock": "read a clock",
    "randomness": "draw by chance",
    "machine": "tell of the machine",
    "dynamic code": "run code that nobody can follow",
    "files": "read or write files",
    "environment": "read environment variables",
    "programs": "start programs",
    "network": "use the network",
    "connections": "read stored connections",
    "variables": "read stored variables",
    "context": "read the run",
}
"""What a body may do that names something of a kind, for people."""
NATIVE = ("read_html", "read_spss", "read_hdf", "to_hdf", "HDFStore", "mmread", "mmwrite", "mminfo")
"""Readers and writers of libraries that an observer sees else: compiled code of another one opens the file."""
OF_ARROW = (
    *("open_input_file", "open_input_stream", "open_output_stream", "open_append_stream", "get_file_info"),
    *("make_fragment", "write_metadata_file", "write_metadata", "from_paths", "parquet_dataset", "CSVWriter"),
    *("FileSystemDatasetFactory", "ParquetDatasetFactory"),
)
"""What of pyarrow opens files by itself, and is not followed, whatever name its module has got."""
OF_RUSTWORKX = ("read_edge_list", "write_edge_list")
KINDS: tuple[tuple[str, str], ...] = (
    ("clock", r"time\.(?!sleep\b|strptime\b|struct_time\b|mktime\b)\w+|sched\.|timeit\.|resource\."),
    ("clock", r"(?:\w+\.)*(?:now|utcnow|today)(?:\.|$)"),
    (
        "clock",
        r"os\.(?:times|getloadavg)|email\.utils\.(?:formatdate|localtime|make_msgid)|gzip\.(?:compress|GzipFile)",
    ),
    ("clock", r"logging\.(?:LogRecord|makeLogRecord)|asyncio\.(?:get_running_loop|get_event_loop|new_event_loop)"),
    ("clock", r"(?:dateutil\.parser|dateparser)\b|http\.cookiejar\.time2\w+|xmlrpc\.client\.DateTime\b"),
    # Libraries that ask for the time with nothing in the name that says so; `GIVEN` of `idioms` knows who tells it.
    ("clock", r"pendulum\.(?:yesterday|tomorrow)\b|arrow\.(?:\w+\.)*get\b|humanize\.(?:\w+\.)*natural"),
    ("clock", r"dateutil\.rrule\._?rrule|croniter\.|itsdangerous\.(?:\w+\.)*\w*Time\w*|pyotp\."),
    # What else is there has to be told a time.
    ("clock", r"babel\.dates\.(?:format_(?:date|time|datetime|skeleton)|get_timezone_\w+|__dict__)\b"),
    ("randomness", r"(?:random|secrets|numpy\.random|torch\.rand\w*|faker)(?:\.|$)|uuid\.(?:uuid[14678]|getnode)"),
    ("randomness", r"os\.(?:urandom|getpid|getrandom|getppid)|builtins\.(?:id|hash)|ssl\.RAND_\w+"),
    (
        "randomness",
        r"werkzeug\.security\.generate_password_hash|bcrypt\.gensalt|nacl\.(?:utils|secret|public|signing)\.",
    ),
    ("randomness", r"tempfile\.(?:mktemp|gettemp\w*)|threading\.(?:get_ident|get_native_id|current_thread)"),
    (
        "randomness",
        r"email\.mime\.multipart\.|cryptography\.(?:fernet\.(?!InvalidToken\b)|hazmat\.primitives\.asymmetric\.)",
    ),
    ("randomness", r"(?:torch|tensorflow|jax|keras|mimesis|shortuuid|nanoid|ulid)(?:\.|$)"),
    (
        "machine",
        r"os\.(?:uname|cpu_count|process_cpu_count|statvfs|getlogin|get\w*id|sched_\w+|umask|get_terminal_size)",
    ),
    (
        "machine",
        r"(?:platform|getpass|pwd|grp|psutil)\.|socket\.(?:gethostname|getfqdn|if_nameindex)|locale\.(?:get|nl_)",
    ),
    ("machine", r"sys\.(?:argv|stdin|path|executable)|builtins\.input|multiprocessing\.cpu_count|shutil\.disk_usage"),
    (
        "dynamic code",
        r"builtins\.(?:eval|exec|compile|globals|__import__|vars|locals)|importlib\.|runpy\.|(?:cloud)?pickle\.",
    ),
    ("dynamic code", r"inspect\.(?:[sS]ignature|get\w+)|typing\.get_type_hints"),
    ("dynamic code", r"inspect\.(?:stack|currentframe)|sys\.(?:_getframe|modules)|gc\.|ctypes\.|marshal\."),
    # Code that a text names.
    ("dynamic code", r"airflow\.(?:\w+\.)*module_loading\.import_string|pkgutil\.resolve_name|pydoc\.locate"),
    ("dynamic code", r"pydantic\.(?:types\.)?ImportString|yaml\.(?:\w+\.)*(?:unsafe_load|C?UnsafeLoader)"),
    ("dynamic code", r"pandas\.(?:core\.computation\.(?:\w+\.)?)?eval$"),
    ("native", rf"(?:pandas|scipy\.io)\.(?:\w+\.)*(?:{'|'.join(NATIVE)})\b"),
    ("native", r"rustworkx\.(?:\w+\.)*(?!parse_)\w*(?:read_|write_|node_link_json)"),
    # Seen while the code runs, where there is an observer.
    (
        "files",
        r"builtins\.open|io\.(?:open\w*|FileIO)|codecs\.open|(?:shutil|glob|tempfile|sqlite3|fsspec|dbm|shelve)\.",
    ),
    ("environment", r"os\.(?:environb?|getenvb?|getcwdb?)|locale\."),
    ("programs", r"subprocess\.|os\.(?:system|popen|exec\w*|spawn\w*|posix_spawn\w*|fork\w*)|pty\.|pexpect\."),
    ("network", rf"(?:{NETWORKS})(?:\.|$)"),
    ("files", r"os\.(?!path\b|sep\b|linesep\b|fspath\b|fsencode\b|fsdecode\b|PathLike\b|name\b|environ|getenv)\w+"),
    ("files", r"os\.path\.(?:exists|lexists|get\w+|is(?:file|dir|link|mount)|realpath|abspath|expand\w+|samefile)"),
)
PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in KINDS)

INNER = {"posix": "os", "nt": "os", "posixpath": "os.path", "ntpath": "os.path", "genericpath": "os.path"}
"""Modules whose functions have another name for everybody; those written in C mostly begin with `_`."""

ATTRIBUTES: dict[str, str] = {
    **dict.fromkeys(("now", "utcnow", "today", "writestr", "diff_for_humans", "age", "is_past", "is_future"), "clock"),
    **dict.fromkeys(("humanize", "generate_presigned_url", "generate_presigned_post", "cv_results_"), "clock"),
    **dict.fromkeys(("st_mtime", "st_ctime", "st_atime", "getmtime", "getctime", "getatime"), "clock"),
    **dict.fromkeys(("st_mtime_ns", "st_ctime_ns", "st_atime_ns", "st_birthtime", "st_ino"), "clock"),
    **dict.fromkeys(("sample", "shuffle", "default_rng", "randint", "uuid1", "uuid4", "rvs"), "randomness"),
    **dict.fromkeys(("read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "rglob"), "files"),
    **dict.fromkeys(("is_file", "is_dir", "unlink", "touch", "mkdir", "rmdir"), "files"),
    **dict.fromkeys(("open", "exists", "stat", "lstat", "glob", "samefile", "symlink_to", "hardlink_to"), "files"),
    **dict.fromkeys(("cwd", "home", "expanduser"), "environment"),
    **dict.fromkeys(("to_csv", "to_sql", "to_excel", "to_pickle"), "files"),
    **dict.fromkeys(("read_parquet", "to_parquet", "read_feather", "to_feather", "read_orc", "to_orc"), "frames"),
    **dict.fromkeys((*NATIVE, *OF_ARROW, *OF_RUSTWORKX), "native"),
    **dict.fromkeys(("urlopen", "urlretrieve"), "network"),
    **dict.fromkeys(("get_connection", "get_conn"), "connections"),
    **dict.fromkeys(
        ("__globals__", "__builtins__", "__subclasses__", "f_globals", "__doc__", "__annotations__"), "dynamic code"
    ),
    "set_authorizer": "dynamic code",  # the observer's own is replaced by it
}
READING = re.compile(r"read_(?!only)\w+")
"""Methods that pandas, polars and their like read with."""

DAY = re.compile(r"\s*(?:now|today|yesterday|tomorrow)\s*", re.IGNORECASE)
SAID = re.compile(
    r".*(?:\bcurrent_(?:timestamp|date|time)\b|\blocaltimestamp\b|'now'|\bsysdate\b"
    r"|\b(?:now|getdate|random|rand|newid|gen_random_uuid|uuid)\(\))",
    re.IGNORECASE | re.DOTALL,
)
"""Texts that libraries and databases take for a clock or for chance."""
TIME = re.compile(r"\s*T?\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?\s*(?:[ap]m)?\s*", re.IGNORECASE)
PARSERS = frozenset({"parse", "to_datetime", "Timestamp", "DatetimeIndex", "Period", "date_range", "datetime64"})
"""What takes such words, and what adds the date of today to a time of day."""


INTROSPECTION = re.compile(
    r"(?:pydantic|msgspec|click|typer|fire|fastapi|beartype|typeguard)\.|functools\.singledispatch"
)
"""Libraries that do something by how a function is annotated."""


def is_day(text: str) -> bool:
    """Return whether a text is a word for a day, or for now."""
    return DAY.fullmatch(text) is not None


def is_introspection(dotted: str) -> bool:
    """Return whether the thing of that name reads the annotations and the documentation of functions."""
    return INTROSPECTION.match(dotted) is not None


def kind_of_text(text: str, names: Collection[str], *, inside: bool) -> str | None:
    """What a text may stand for where it is read: the time or chance, or an attribute; None for all other words.

    Args:
        text: the text.
        names: what the code names that reads it.
        inside: whether it is in that code, and not in a global.
    """
    parses = not PARSERS.isdisjoint(names)
    said = SAID.match(text) is not None or (parses and TIME.fullmatch(text) is not None)
    if (inside or parses) if DAY.fullmatch(text) else said:
        return "clock"
    return ATTRIBUTES.get(text) if text.startswith("__") else None


def kind_of(dotted: str) -> str | None:
    """What the thing of that name reaches (`clock`, `files`, …); None where it is nothing outside of the process."""
    head, dot, rest = dotted.partition(".")
    existing = f"{INNER.get(head, head.removeprefix('_'))}{dot}{rest}"
    return next((kind for kind, pattern in PATTERNS if pattern.match(existing)), None)


def kinds_of_attributes(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What attributes name outside of the process, whatever they are read of: the kind, and the name."""
    for name in names:
        kind = ATTRIBUTES.get(name) or ("files" if READING.fullmatch(name) else None)
        if kind is not None:
            yield kind, name
