"""What names in code reach that no key covers, and names like these that reach nothing."""

from __future__ import annotations

import linecache
import types

import pytest

from couler_plugins.caching.code.fingerprint import Fingerprint
from couler_plugins.caching.code.reach import kind_of

TOP = (
    "import types\nQ, PLAIN, TABLE = 'a > @X', 'a > 1', {'x': ['a > @X']}\nTABLE['y'] = TABLE\nclass C: Q = 'a > @X'\n"
)

LIBRARIES = (
    "import arrow\nfrom croniter import croniter\nfrom dateutil.rrule import rrule\nfrom pandas import to_datetime\n"
    "NOON, DAYS, SQL = '12:00', ['today'], 'select now()'\n"
)


def rules(body: str, top: str = TOP, allow: tuple[str, ...] = ()) -> set[str]:
    """The rules of objections to the code of a function of one argument."""
    scope = {"__name__": "steps_reach"}
    text = f"{top}\ndef work(x):\n    {body}\n"
    linecache.cache["steps_reach.py"] = len(text), None, text.splitlines(keepends=True), "steps_reach.py"
    exec(compile(text, "steps_reach.py", "exec"), scope)
    forms = Fingerprint(allow)
    work = scope["work"]
    assert isinstance(work, types.FunctionType)
    forms.form(work)
    return {item.rule for item in forms.objections}


@pytest.mark.parametrize(
    "body",
    [
        *("return x.query('a > @X')", "return x.eval('a * @X')", "return x.query(Q)", "return x.query(TABLE['x'])"),
        *("return x.query(C.Q, 'python')", "return [f.query('@x') for f in x]", "return x.query(x)"),
    ],
)
def test_texts_with_names_in_them_are_code(body: str) -> None:
    assert rules(body) == {"dynamic-code"}


@pytest.mark.parametrize(
    "body",
    [
        *("return x.query('a > 1')", "return x.query(PLAIN)", "return x.query(C).get('a')", "return x.eval('a')"),
        *("return Q + x.text", "x.query = Q"),
    ],
)
def test_other_texts_are_none(body: str) -> None:
    assert rules(body, TOP.replace("class C: Q = 'a > @X'", "class C: pass")) == set()


@pytest.mark.parametrize("name", ["make_fragment", "read_html", "to_hdf", "mmread", "read_spss"])
def test_compiled_code_behind_methods_is_told_and_waived_as_files(name: str) -> None:
    assert rules(f"return x.{name}('a')") == {"native"}
    assert rules(f"return x.{name}('a')", allow=("files",)) == set()


@pytest.mark.parametrize(
    ("module", "names", "rule"),
    [
        ("pandas", ("read_html", "read_hdf", "read_spss"), "native"),
        ("scipy.io", ("mmread", "mmwrite"), "native"),
        ("pandas", ("eval",), "dynamic-code"),
        ("pkgutil", ("resolve_name",), "dynamic-code"),
        ("pydoc", ("locate",), "dynamic-code"),
        ("pydantic", ("ImportString",), "dynamic-code"),
        ("yaml", ("unsafe_load", "UnsafeLoader"), "dynamic-code"),
        ("email.mime.multipart", ("MIMEMultipart",), "randomness"),
        ("cryptography.fernet", ("Fernet",), "randomness"),
        ("cryptography.hazmat.primitives.asymmetric.rsa", ("generate_private_key",), "randomness"),
        ("http.cookiejar", ("time2isoz", "time2netscape"), "clock"),
        ("babel.dates", ("format_datetime", "format_time"), "clock"),
        ("dateutil.rrule", ("rrulestr",), "clock"),
        ("itsdangerous", ("TimestampSigner", "URLSafeTimedSerializer"), "clock"),
        ("pendulum", ("yesterday", "tomorrow"), "clock"),
        ("werkzeug.security", ("generate_password_hash",), "randomness"),
    ],
)
def test_names_are_known_however_they_are_read(module: str, names: tuple[str, ...], rule: str) -> None:
    pytest.importorskip(module)
    for name in names:
        assert rule in rules(f"return {name}(x, 'a')", f"from {module} import {name}"), "a global"
        assert rule in rules(f"from {module} import {name}; return {name}(x, 'a')"), "an import of its own"
        assert rule in rules(f"return m.{name}(x, 'a')", f"import {module} as m"), "an attribute of a module"


@pytest.mark.parametrize(
    "name",
    [
        *("pandas.read_csv", "pandas.DataFrame", "scipy.io.loadmat", "pkgutil.get_data", "yaml.safe_load"),
        *(
            "yaml.SafeLoader",
            "cryptography.fernet.InvalidToken",
            "babel.dates.format_timedelta",
            "email.mime.text.MIMEText",
        ),
        *("own.read_parquet", "http.cookiejar.CookieJar", "airflow.sdk.module_loading.qualname"),
    ],
)
def test_their_neighbours_are_not(name: str) -> None:
    assert kind_of(name) in (None, "network", "files")


ARROW = "import functools\nfrom pyarrow.csv import read_csv\nfrom pyarrow.parquet import read_table\n"


@pytest.mark.parametrize(
    ("body", "top", "expected"),
    [
        ("return read_table('a')", ARROW, set()),
        ("return read_csv('a')", ARROW, {"native"}),  # a name of its own, which may be held anywhere
        ("return P()", f"{ARROW}P = functools.partial(read_csv, 'a')", {"native"}),
        ("return pa.csv.read_csv('a'), pa.table({})", "import pyarrow as pa", {"file-access"}),
        ("return pa.memory_map('a')", "import pyarrow as pa", {"native"}),
        ("m = pa.csv\n    return m.CSVWriter('a')", "import pyarrow as pa", {"native"}),
        ("return x.to_parquet('a')", "", {"file-access"}),
        ("return x.to_parquet('a'), fsspec", "import fsspec", {"file-access", "native"}),  # it may use pyarrow
        ("f = fsspec\n    return f, x.to_parquet('a')", "import fsspec", {"file-access", "native"}),
    ],
)
def test_of_compiled_code_that_opens_files_what_is_followed_is_no_objection(
    body: str, top: str, expected: set[str]
) -> None:
    pytest.importorskip("pyarrow.csv")
    pytest.importorskip("fsspec")
    assert rules(body, top) == expected
    assert "native" not in rules(body, top, allow=("files",))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scipy.io import loadmat", set()),
        ("scipy.stats import norm", set()),
        ("scipy.stats import bootstrap", {"randomness"}),
        ("scipy.optimize import dual_annealing", {"randomness"}),
    ],
)
def test_of_libraries_that_draw_some_parts_do_not(name: str, expected: set[str]) -> None:
    pytest.importorskip("scipy")
    assert rules(f"from {name} as f\n    return f(x)", "") == expected


@pytest.mark.parametrize(
    "body",
    [
        *("return arrow.get()", "return arrow.get(*x)", "return croniter(x)", "return croniter(x, None)"),
        *("return croniter(x, start_time=None)", "return rrule(1, count=2)", "return map(croniter, x)"),
        *(
            "return to_datetime('10:00')",
            "return to_datetime(NOON)",
            "return x.parse(DAYS[0])",
            "return x.execute(SQL)",
        ),
    ],
)
def test_what_asks_for_the_time_where_it_is_told_none(body: str) -> None:
    assert rules(body, LIBRARIES) == {"clock"}


@pytest.mark.parametrize(
    "body",
    [
        *("return arrow.get(x)", "return croniter(x, x)", "return croniter(x, start_time=x)"),
        *("return rrule(1, x)", "return rrule(1, dtstart=x)", "return x.get()"),
        *("return '10:00'", "return x.strptime('10:00')", "return NOON", "return DAYS", "return to_datetime('2024')"),
    ],
)
def test_who_is_told_the_time_asks_for_none(body: str) -> None:
    assert rules(body, LIBRARIES) == set()


@pytest.mark.parametrize(
    ("body", "top", "module"),
    [
        ("return Timestamp(seconds=x)", "from google.protobuf.timestamp_pb2 import Timestamp", "google.protobuf"),
        ("return plt.Figure(x)", "import matplotlib.pyplot as plt", "matplotlib"),  # it needs contourpy and others
    ],
)
def test_compiled_code_that_opens_nothing_is_no_objection(body: str, top: str, module: str) -> None:
    pytest.importorskip(module)
    assert rules(body, top) == set()
