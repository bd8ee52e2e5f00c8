"""Tables: files and folders that pyarrow reads and writes in compiled code, by itself or for pandas."""

from __future__ import annotations

import sys
from typing import Any

from adapters.airflow.keys.case import FRESH, HIT, NEVER, OBSERVED, Case, Run, work
from adapters.airflow.keys.outputs import OUT, makes

__all__ = ["CASES"]

FILE = "@BASE@/etc.parquet"
FOLDER = "@BASE@/parts"
BOTH = ("pandas", "pyarrow")
FILL = f"{sys.executable} -c \"import pandas as pd; pd.DataFrame({{'a': [N, 2]}}).to_parquet('etc.parquet')\""
FILL_FOLDER = f"mkdir -p parts/day=1; {FILL}; mv etc.parquet parts/day=1/x.parquet"
ADD = "cp parts/day=1/x.parquet parts/day=1/y.parquet"


def filled(one: str, number: int) -> Run:
    return Run(before=[one.replace("N", str(number))])


def reads(name: str, body: str, top: str = "", fill: str = FILL, **case: Any) -> Case:
    """Return a case of a task that reads a table, which is changed unless a hit is expected; FILE is its path."""
    expect = case.pop("expect", FRESH)
    given = {"layer": OBSERVED, "needs": BOTH, "first": filled(fill, 1), "second": filled(fill, 1 + (expect is FRESH))}
    code, top = (text.replace("FILE", repr(FILE)).replace("FOLDER", repr(FOLDER)) for text in (body, top))
    return work(name, code, top, expect=expect, **{**given, **case})


PANDAS = "import pandas as pd\nreturn int(pd.read_parquet(FILE).a.sum())"
IMPORTED = "import pyarrow.parquet as pq\nfrom pyarrow.parquet import read_table\n"
SUM = "return sum(read_table(FILE)['a'].to_pylist())"
PARTS = "import pandas as pd\nreturn int(pd.read_parquet(FOLDER).a.sum())"
DATASET = "return ds.dataset(FOLDER).to_table(filter=ds.field('a') > 0).num_rows"
LOOKS = "import pandas as pd\nassert pd.read_parquet(FILE).a[0] == n\nreturn n"
TO_PARQUET = "pd.DataFrame({'a': [n]}).to_parquet(FILE)\nreturn n"
PARTED = "import pandas as pd\nshutil.rmtree(OUT + '/parts', ignore_errors=True)\npd.DataFrame({'a': [n], 'day': [1]}).to_parquet(OUT + '/parts', partition_cols=['day'])\nreturn n"
LOOKS_IN = "import pandas as pd\nassert list(pd.read_parquet(OUT + '/parts').a) == [n]\nreturn n"
AT_FILE: dict[str, Any] = {"looks": LOOKS, "needs": BOTH}
IN_FOLDER: dict[str, Any] = {"looks": LOOKS_IN, "needs": BOTH, "outputs": f"{OUT}/parts"}

CASES: tuple[Case, ...] = (
    reads("table-of-pandas-same", PANDAS, expect=HIT, worst=True),
    reads("table-of-pandas", PANDAS),
    reads("table-of-a-function-imported-above", SUM, IMPORTED),
    reads("table-of-a-function-imported-above-same", SUM, IMPORTED, expect=HIT),
    reads(
        "table-of-a-held-function",
        "return P()['a'].to_pylist()",
        f"import functools\n{IMPORTED}P = functools.partial(read_table, FILE)\n",
    ),
    reads(
        "table-of-a-held-reader",
        "return P().num_rows",
        "import functools\nfrom pyarrow.csv import read_csv\nP = functools.partial(read_csv, '@BASE@/etc.csv')\n",
        fill="echo a > etc.csv; seq N >> etc.csv",
    ),
    reads(
        "table-of-csv",
        "from pyarrow import csv\nreturn csv.read_csv('@BASE@/etc.csv').num_rows",
        fill="echo a > etc.csv; seq N >> etc.csv",
    ),
    reads(
        "table-of-csv-same",
        "from pyarrow import csv\nreturn csv.read_csv('@BASE@/etc.csv').num_rows",
        fill="echo a > etc.csv; seq N >> etc.csv",
        expect=HIT,
    ),
    reads(
        "table-by-a-file-system",
        "from pyarrow import fs\nreturn pq.read_table(fs.LocalFileSystem().open_input_file(FILE))['a'].to_pylist()",
        "import pyarrow.parquet as pq",
    ),
    reads(
        "table-in-a-map",
        "import pyarrow as pa, pyarrow.parquet as pq\nreturn pq.read_table(pa.memory_map(FILE))['a'].to_pylist()",
    ),
    reads("table-in-a-folder", PARTS, fill=FILL_FOLDER),
    reads("table-in-a-folder-same", PARTS, fill=FILL_FOLDER, expect=HIT),
    reads("table-in-a-folder-added", PARTS, first=filled(FILL_FOLDER, 1), second=Run(before=[ADD])),
    reads("table-of-a-dataset-same", DATASET, "import pyarrow.dataset as ds", fill=FILL_FOLDER, expect=HIT),
    reads(
        "table-of-a-dataset-added",
        DATASET,
        "import pyarrow.dataset as ds",
        first=filled(FILL_FOLDER, 1),
        second=Run(before=[ADD]),
    ),
    reads(
        "table-of-a-dataset-made-above",
        "return D.count_rows()",
        "import pyarrow.dataset as ds\nD = ds.dataset(FOLDER)\n",
        first=filled(FILL_FOLDER, 1),
        second=Run(before=[ADD]),
    ),
    makes("table-written", f"import pandas as pd\n{TO_PARQUET}", "rm out/x.csv", expect=HIT, worst=True, **AT_FILE),
    makes(
        "table-written-and-spoilt", f"import pandas as pd\n{TO_PARQUET}", "echo 1 > out/x.csv", expect=HIT, **AT_FILE
    ),
    makes(
        "table-written-by-another-code",
        f"import pandas as pd\n{TO_PARQUET}",
        edit=("'a': [n]})", "'a': [n, n]})"),
        looks="import pandas as pd\nreturn len(pd.read_parquet(FILE))",
        needs=BOTH,
    ),
    makes(
        "table-written-elsewhere",
        f"import pandas as pd\npd.DataFrame().to_parquet(OUT + '/y')\n{TO_PARQUET}",
        "rm out/y",
        expect=NEVER,
        **AT_FILE,
    ),
    makes(
        "table-written-by-arrow",
        "import pyarrow as pa, pyarrow.parquet as pq\nwith pq.ParquetWriter(FILE, pa.schema([('a', pa.int64())])) as file:\n    file.write_table(pa.table({'a': [n]}))\nreturn n",
        "rm out/x.csv",
        expect=HIT,
        **AT_FILE,
    ),
    makes("table-written-in-parts", PARTED, "rm -r out/parts", expect=HIT, **IN_FOLDER),
    makes("table-written-in-parts-again", PARTED, "true", expect=HIT, **IN_FOLDER),
    makes(
        "table-added-to-parts",
        PARTED.replace("OUT + '/parts'", "OUT"),
        "rm -r out; mkdir out",
        outputs=OUT,
        looks="return n",
        needs=BOTH,
        expect=NEVER,
    ),
)
