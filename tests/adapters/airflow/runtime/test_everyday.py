"""A live Airflow whose DAG folder is edited between runs, as people do: only what an edit changes is computed again."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from airflow_live import LiveAirflow

pytestmark = [pytest.mark.airflow, pytest.mark.long]

DAG_FILE = '''"""Sales of our shops."""
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task
from cleaning import clean
from couler_airflow.marks import cached

log = logging.getLogger(__name__)
SALES = Path(__file__).with_name("sales.csv")


@dataclass(frozen=True)
class Sale:
    """One sale."""

    shop: str
    amount: int


def twice(amount):
    return amount * 2


def share(amount, whole):
    return amount / whole


with DAG("everyday", schedule=None, tags=["couler-cache"]):
    @task
    def load():
        """Read the file beside the DAG."""
        time.sleep(3)
        # closed shops as well
        entries = [Sale(*clean(line)) for line in SALES.read_text().splitlines()]
        return [[sale.shop, sale.amount] for sale in entries]

    @task
    def report(rows):
        log.info("reporting")
        total = sum(amount for shop, amount in rows)
        return f"{total} sold, {share(total, 100)} of the plan"

    @task
    def prices():
        return {sale.shop: sale.amount for sale in (Sale("a", 1), Sale("b", 2))}

    report(load())
    prices()
    shell = BashOperator(task_id="shell", bash_command="echo done")
    cached(shell, allow=("environment", "programs"))
'''
CLEANING = """
def clean(line):
    shop, amount = line.split(",")
    return shop.strip(), int(amount)


def unused(line):
    return line
"""


class Edit(NamedTuple):
    """One edit of a file of the DAG folder, and the tasks that are computed after it."""

    name: str
    old: str
    new: str
    computed: tuple[str, ...] = ()
    file: str = "everyday.py"


EDITS = (
    Edit("comment", "# closed shops as well", "# closed shops\n        # as well"),
    Edit(
        "formatter",
        "sum(amount for shop, amount in rows)",
        "sum(\n            amount for shop, amount in rows\n        )",
    ),
    Edit("other function of the file", "amount * 2", "amount * 3"),
    Edit("unrelated helper", "return line\n", "return line.upper()\n", file="cleaning.py"),
    Edit("documentation", '"""Read the file beside the DAG."""', '"""Read sales."""'),
    Edit("type hints", "def share(amount, whole):", "def share(amount: float, whole: float) -> float:"),
    Edit("imports", "import logging\nimport time\n", "import json\nimport time\nimport logging\n"),
    Edit(
        "schedule, tags, owner and retries",
        'schedule=None, tags=["couler-cache"]',
        'schedule="@yearly", catchup=False, tags=["couler-cache", "a"], default_args={"owner": "me", "retries": 2}',
    ),
    Edit("another task", "    prices()\n", "    prices()\n    task(twice)(4)\n", ("twice",)),
    # Names of variables are in the bytecode, where `locals()` finds them. It returns the same, which is a hit after it.
    Edit("name of a variable", "entries", "found", ("load",)),
    Edit("what a task returns", "of the plan", "of what was planned", ("report",)),
    Edit("what a helper returns", "int(amount)", "int(amount) + 1", ("load", "report"), "cleaning.py"),
)


class Shop:
    """The DAG folder of a live Airflow, and runs of the DAG in it."""

    def __init__(self, airflow: LiveAirflow) -> None:
        self.airflow = airflow

    def write(self, file: str, text: str) -> None:
        """Write a file of the folder, and wait until Airflow has parsed the DAG file."""
        self.airflow.publish(file, text)
        self.airflow.parsed("everyday")

    def replace(self, edit: Edit) -> None:
        """Edit a file of the folder."""
        text = (self.airflow.dags / edit.file).read_text()
        assert edit.old in text, edit.name
        self.write(edit.file, text.replace(edit.old, edit.new))

    def computed(self, run: str) -> tuple[str, ...]:
        """Start a run, and return the tasks that were computed in it."""
        self.airflow.start("everyday", run)
        self.airflow.finished(run)
        return self.computed_in(run)

    def computed_in(self, run: str) -> tuple[str, ...]:
        """Return the tasks of a run that were computed."""
        tasks = [row[0] for row in self.airflow.query("SELECT task_id FROM task_instance WHERE run_id = ?", run)]
        return tuple(sorted(task for task in tasks if not self.airflow.xcom(run, task, "couler_cache").get("hit")))

    def log(self, run: str, task: str) -> str:
        """Return the log of a task."""
        return next((self.airflow.home / "logs").rglob(f"run_id={run}/task_id={task}/*.log")).read_text()


SETTINGS = {
    "AIRFLOW__CORE__PARALLELISM": "2",
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "1",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
}


def test_what_people_edit_between_runs(tmp_path: Path) -> None:
    settings = SETTINGS | {"AIRFLOW__COULER__CACHE_STORE": str(tmp_path / "store")}
    with LiveAirflow(tmp_path / "home", settings, triggers=True) as airflow:
        shop = Shop(airflow)
        airflow.publish("cleaning.py", CLEANING)
        airflow.publish("sales.csv", "a, 10\nb, 20\n")
        shop.write("everyday.py", DAG_FILE)
        assert shop.computed("first") == ("load", "prices", "report", "shell")
        wrong = {}
        for number, edit in enumerate(EDITS):
            shop.replace(edit)
            computed = shop.computed(f"edit-{number}")
            if computed != edit.computed:
                wrong[edit.name] = computed
        assert not wrong

        shop.write("sales.csv", "a, 10\nb, 30\n")
        airflow.start("everyday", "one", "two")
        airflow.finished("one", "two")
        assert sorted(shop.computed_in("one") + shop.computed_in("two")) == ["load", "report"], (
            "one computes, the other waits"
        )
        changed = f"computed again: file {airflow.dags / 'sales.csv'} is not as it was"
        assert sorted(changed in shop.log(run, "load") for run in ("one", "two")) == [False, True]

        shop.write("sales.csv", "a, 10\nb, 20\n")
        assert shop.computed("back") == ()
        assert airflow.xcom("back", "report", "return_value") == "32 sold, 0.32 of what was planned"
