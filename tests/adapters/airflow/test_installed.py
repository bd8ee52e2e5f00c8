"""What Airflow's own commands say of us once we are installed, and that DAG files outlive us."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from couler_airflow.settings import option_names
from couler_plugins import __version__
from support import ROOT

pytestmark = pytest.mark.airflow

EXAMPLES = ROOT / "examples" / "airflow"
AIRFLOW = "from airflow.__main__ import main; main()"


def airflow(home: Path, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    """A command of Airflow that has started."""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "PYTHONWARNINGS": "ignore",
        **settings,
    }
    command = [sys.executable, "-c", AIRFLOW, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


def printed(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    return out


def data(process: subprocess.Popen[str]) -> Any:
    return json.loads(printed(process).splitlines()[-1])


@pytest.mark.slow
def test_the_commands_of_airflow_know_us(tmp_path: Path) -> None:
    secret = {"AIRFLOW__COULER__CACHE_STORE": "s3://a-secret/cache"}
    hides = version("apache-airflow-core") >= "3.2"  # before, Airflow shows whatever is set
    ways = ["--show-values", "--hide-sensitive"] if hides else []
    plugins = airflow(tmp_path / "plugins", "plugins", "-o", "json")
    providers = airflow(tmp_path / "providers", "providers", "list", "-o", "json")
    hidden = airflow(tmp_path / "hidden", "config", "list", "--section", "couler", *ways, **secret)
    defaults = airflow(tmp_path / "defaults", "config", "list", "--section", "couler", *ways[:1], "--defaults")

    (ours,) = [plugin for plugin in data(plugins) if plugin["name"] == "couler"]
    assert "CacheLink" in str(ours["global_operator_extra_links"])
    assert "couler-plugins" in ours["source"]
    (provider,) = [item for item in data(providers) if item["package_name"] == "couler-plugins"]
    assert provider["version"] == __version__
    lines = printed(hidden)
    assert "[couler]" in lines
    assert not hides or "a-secret" not in lines
    assert [name for name in option_names() if f"{name} = " not in lines] == []
    shown = printed(defaults)
    assert "cache_tag = couler-cache" in shown
    assert "cache_wait = 60.0" in shown


@pytest.mark.slow
def test_no_dag_has_an_import_error_with_our_policy_on_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    broken = tmp_path / "broken" / "broken.py"
    broken.parent.mkdir()
    broken.write_text("from airflow.sdk import DAG\nimport nonsense\n")
    kind = {"classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}
    folders = {"ours": EXAMPLES, "broken": broken.parent}
    bundles = [{"name": name, **kind, "kwargs": {"path": str(path)}} for name, path in folders.items()]
    settings = {
        "AIRFLOW__CORE__LOAD_EXAMPLES": "True",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "AIRFLOW__COULER__CACHE_STORE": str(tmp_path / "store"),
        "AIRFLOW__COULER__CACHE_DAGS": "*",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    }
    printed(airflow(tmp_path, "db", "migrate", **settings))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    manager: Any = DagBundlesManager  # without types
    names = [bundle.name for bundle in manager().get_all_dag_bundles()]
    assert {"ours", "broken", "example_dags"} <= set(names)
    everywhere = ["--local", *(word for name in names for word in ("--bundle-name", name)), "-o", "json"]
    process = airflow(tmp_path, "dags", "list-import-errors", *everywhere, **settings)
    out, err = process.communicate()
    assert process.returncode == 1, out + err
    assert "is not cached" not in out + err
    (error,) = json.loads(out.splitlines()[-1])
    assert error["filepath"].endswith("broken.py"), "and none but the one that has one"
    listed = {item["dag_id"] for item in data(airflow(tmp_path, "dags", "list", *everywhere, **settings))}
    assert {"train_tagged", "train_optimized", "example_bash_operator"} <= listed


@pytest.fixture
def without_us(tmp_path: Path) -> Path:
    """All that is installed here but ourselves, as a folder for PYTHONPATH."""
    import airflow as installed

    packages = Path(str(installed.__file__)).parents[1]
    site = tmp_path / "site"
    site.mkdir()
    for path in packages.iterdir():
        if "couler" not in path.name and path.suffix != ".pth":
            (site / path.name).symlink_to(path)
    return site


PROGRAM = """
import importlib.metadata, importlib.util, json, sys
assert not any(importlib.util.find_spec(name) for name in ("couler_airflow", "couler_plugins"))
assert not any("couler" in point.value for point in importlib.metadata.entry_points(group="airflow.policy"))
import airflow
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[1])
found = {name: [task.operator_class.__module__ for task in dag.task_dict.values()] for name, dag in bag.dags.items()}
print(json.dumps({"errors": {str(name): text for name, text in bag.import_errors.items()}, "dags": found}))
"""


def loaded_without_us(site: Path, dags: Path) -> Any:
    # Without `site`, Python reads no .pth file, and so not the one that says where we are.
    command = [sys.executable, "-S", "-c", PROGRAM, str(dags)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__COULER")}
    environment |= {"PYTHONPATH": str(site), "AIRFLOW_HOME": str(site.parent), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=site.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_dag_files_outlive_us(without_us: Path, tmp_path: Path) -> None:
    found = loaded_without_us(without_us, EXAMPLES)
    assert found["errors"] == {}
    assert sorted(found["dags"]) == ["train_optimized", "train_tagged"]
    assert not any("couler" in module for modules in found["dags"].values() for module in modules)

    bare = tmp_path / "dags"
    bare.mkdir()
    text = (EXAMPLES / "train_optimized.py").read_text()
    (bare / "bare.py").write_text(text.replace("with suppress(ImportError):", "if True:"))
    found = loaded_without_us(without_us, bare)
    assert found["dags"] == {}
    (error,) = found["errors"].values()
    assert "No module named 'couler_airflow'" in error, "an import that is not guarded is what it is"


def test_the_examples_are_cached_where_we_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from couler_airflow.airflow_compat import dag_bag
    from couler_airflow.cache.rows import wrapped_tasks

    monkeypatch.setenv("AIRFLOW__COULER__CACHE_STORE", str(tmp_path / "store"))
    bag = dag_bag()(dag_folder=str(EXAMPLES))
    assert bag.import_errors == {}
    assert wrapped_tasks(bag.dags["train_tagged"]) == ["numbers", "square", "total"]
    assert wrapped_tasks(bag.dags["train_optimized"]) == ["numbers", "square"]


def test_the_docs_show_the_guard_of_the_example() -> None:
    guard = (EXAMPLES / "train_optimized.py").read_text().split("\nwith suppress")[1]
    assert f"with suppress{guard}" in (ROOT / "docs" / "airflow.md").read_text()
