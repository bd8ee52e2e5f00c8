#!/usr/bin/env python3
"""Sets this repository up and runs its jobs; Python 3.11 and pip are all it needs.

    python3 dev.py demo                  optimise an example workflow, step by step
    python3 dev.py test [PYTEST ARGS]    run the tests in about five minutes; with `-m slow` the longer ones
    python3 dev.py airflow VERSION [PYTEST ARGS]
                                         run the tests of the Airflow adapter with another Airflow: 3.1, 3.2.2
    python3 dev.py cluster up|build|down|status|shell
                                         a real Kubernetes of one node with Argo and Tekton, for tests and people
    python3 dev.py lint                  lint, formatting, types, the layers of the architecture, its figures
    python3 dev.py house [FIGURE…]       print the figures of the structure, or list what these count
    python3 dev.py bench [NAME…]         run the benchmarks, or those named; figures go to build/
    python3 dev.py studio                build and test the page of `couler studio`; needs Node.js and npm
    python3 dev.py docs                  write the generated parts of the documentation
    python3 dev.py site                  build the documentation as a site in build/site, and check its links
    python3 dev.py release --dry-run     build wheel, sdist, SBOM and the image's wheels, and try them
    python3 dev.py pins                  make requirements/*.txt anew, with the newest releases

uv goes to .tools/, the virtual environment to .venv/. The second call starts at once: the environment is only
set up again after a change of the pins, pyproject.toml, the version or Python.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
TOOLS, VENV = ROOT / ".tools", ROOT / ".venv"
DEMO = [["couler", "demo", "-o", "build/demo"]]
BENCHMARKS = ("adapters", "airflow", "airflow_split", "page", "caching", "cache_store", "split", "hpo")
# Neighbours go to the same worker as far as they can: they share engines, servers and what was read before.
TEST = [["pytest", "-n", "auto", "--dist", "worksteal"]]
HOUSE = [["python", "tests/house.py"]]
LINT = [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"], ["lint-imports"], *HOUSE]

STUDIO = [["ci"], ["run", "check"], ["run", "build"], ["test"]]
AIRFLOW = ["tests/adapters/airflow", "tests/cli/test_dag_files.py"]
# Newer ones are allowed by these minors, which do not run with them; their constraint files hold them back as well.
HELD_BACK = {
    "3.0": ["fastapi<0.118", "starlette<0.49", "universal-pathlib<0.3"],
    "3.2": ["cadwyn<8", "fastapi<0.137", "svcs<26"],
}
RUN_TIME = ["--editable", "."]
EVERYTHING = [
    "--exact",
    "--editable",
    ".[airflow,argo,cluster,index,kfp,lint,metrics,plots,sql,storage,studio,templates,tune]",
    "--group",
    "dev",
]


def main(job: str = "help", *arguments: str) -> int:
    if job == "demo":
        return run(DEMO, "run", *arguments)
    if job == "test":
        return run(TEST, "all", *arguments)
    if job == "airflow" and arguments:
        return other_airflow(*arguments)
    if job == "cluster":
        return run([["python", "tests/control_cluster.py"]], "all", *arguments)
    if job == "lint":
        return run(LINT, "all")
    if job == "house":
        return run(HOUSE, "all", *arguments)
    if job == "bench":
        (ROOT / "build").mkdir(exist_ok=True)
        names = arguments or BENCHMARKS
        return run([["python", "-m", f"benchmarks.{name}", "--json", f"build/{name}.json"] for name in names], "all")
    if job == "studio":
        return build_studio(STUDIO)
    if job == "docs":
        return run([["python", "docs/generate.py"]], "all")
    if job == "site":
        return run([["mkdocs", "build", "--strict"]], "all", *arguments)
    if job == "release":
        return run([["python", "release/build.py"]], "all", *arguments)
    if job == "pins":
        compile_pins()
        return 0
    print(__doc__)
    return 0 if job in {"help", "-h", "--help"} else 2


def run(commands: list[list[str]], pins: str, *arguments: str) -> int:
    """Runs the commands in the environment, all of them, and returns the first exit code that is not 0."""
    set_up(pins)
    environment = os.environ | {"VIRTUAL_ENV": str(VENV), "PATH": f"{VENV / 'bin'}:{os.environ.get('PATH', '')}"}
    codes = []
    for program, *rest in commands:
        say(" ".join([program, *rest, *arguments]))
        codes.append(subprocess.call([VENV / "bin" / program, *rest, *arguments], cwd=ROOT, env=environment))
    return next((code for code in codes if code), 0)


def set_up(pins: str) -> None:
    """Makes .venv hold what requirements/<pins>.txt says; "all" includes "run"."""
    python = Path(sys.executable).resolve()
    files = ["pyproject.toml", "dev.py", "couler_plugins/__init__.py", "requirements/all.txt", "requirements/run.txt"]
    state = repr((sys.version, python, ROOT, [(ROOT / file).read_text("utf-8") for file in files]))
    state = hashlib.sha256(state.encode()).hexdigest()
    stamps = {name: VENV / f"installed-{name}" for name in ("run", "all")}
    if any(stamps[name].exists() and stamps[name].read_text() == state for name in (pins, "all")):
        return
    if (VENV / "bin" / "python").resolve() != python:
        uv("venv", "--quiet", "--clear", "--python", str(python), str(VENV))
    for stamp in stamps.values():
        stamp.unlink(missing_ok=True)
    say(f"installing requirements/{pins}.txt into .venv")
    limits = ["--constraints", f"requirements/{pins}.txt", "--build-constraints", "requirements/all.txt"]
    wanted = EVERYTHING if pins == "all" else RUN_TIME
    uv("pip", "install", "--quiet", "--python", str(VENV), *limits, *wanted)
    stamps[pins].write_text(state)


def build_studio(commands: list[list[str]]) -> int:
    """Runs npm in studio/, and returns the first exit code that is not 0; what it builds goes into the package."""
    npm = shutil.which("npm") or sys.exit("The page of the studio needs Node.js 20.19 or newer, and npm.")
    for arguments in commands:
        say(" ".join(["npm", *arguments]))
        if code := subprocess.call([npm, *arguments], cwd=ROOT / "studio"):
            return code
    return 0


def other_airflow(version: str, *arguments: str) -> int:
    """Tests the adapter with the newest patch of a minor, or with one release, in an environment of its own.

    A warning is no error there: which of Airflow's dependencies deprecate what of each other is nothing of ours.
    """
    venv = TOOLS / f"airflow-{version}"
    stamp = venv / "installed"
    if not stamp.exists():
        exact = version.count(".") > 1 or not version.replace(".", "").isdigit()
        newest = ["--prerelease", "allow"] if not version.replace(".", "").isdigit() else []
        tests = ["pytest>=9", "pytest-xdist", "hypothesis", "moto[server]"]
        held = HELD_BACK.get(".".join(version.split(".")[:2]), [])
        say(f"installing Airflow {version} into {venv.relative_to(ROOT)}")
        uv("venv", "--quiet", "--clear", "--python", sys.executable, str(venv))
        wanted = [f"apache-airflow=={version}{'' if exact else '.*'}", "--editable", ".[argo,lint,storage]"]
        uv("pip", "install", "--quiet", "--python", str(venv), *newest, *wanted, *held, *tests)
        stamp.touch()
    command = [str(venv / "bin" / "python"), "-m", "pytest", "-n", "auto", "-W", "default", *AIRFLOW, *arguments]
    return subprocess.call(command, cwd=ROOT)


def compile_pins() -> None:
    """Resolves everything first and the run-time pins within it, so that the two files agree."""
    compiled = ["pip", "compile", "pyproject.toml", "--quiet", "--no-annotate", "--no-header", "--upgrade"]
    compiled += ["--python-version", "3.11", "--output-file"]
    uv(*compiled, "requirements/all.txt", "--all-extras", "--group", "dev")
    uv(*compiled, "requirements/run.txt", "--constraints", "requirements/all.txt")


def uv(*arguments: str) -> None:
    program = TOOLS / "bin" / "uv"
    settings: dict[str, str] = {}
    if importlib.util.find_spec("pip"):
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        here = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_ROOT_USER_ACTION": "ignore"}
        if not program.exists():
            say("installing uv into .tools")
            # --target is allowed where pip may not touch the system's own packages, and needs no venv module.
            call([*pip, "install", "--quiet", "--upgrade", "--target", str(TOOLS), "uv"], here)
        settings = pip_settings(subprocess.check_output([*pip, "config", "list"], text=True, env=os.environ | here))
    elif not program.exists():
        program = Path(shutil.which("uv") or sys.exit("dev.py needs pip or uv."))
    if arguments[0] == "pip" and settings.get("no-index", "").lower() in {"1", "true", "yes"}:
        arguments += ("--no-index",)
    call([str(program), *arguments], uv_settings(settings) | {"UV_PYTHON_DOWNLOADS": "never"})


def pip_settings(listing: str) -> dict[str, str]:
    """The options in pip's configuration files and environment variables."""
    lines = [line.split("=", 1) for line in listing.splitlines() if "=" in line]
    values = {key: str(ast.literal_eval(value)) for key, value in lines}
    sections = ("global.", "install.", ":env:.")  # the later one wins
    return {key.removeprefix(part): values[key] for part in sections for key in values if key.startswith(part)}


def uv_settings(pip: dict[str, str]) -> dict[str, str]:
    """The same as uv's environment variables, as uv does not read pip's settings; a variable that is set wins."""
    indexes = pip.get("extra-index-url", "").split()
    links = [link for link in pip.get("find-links", "").split() if "://" in link or Path(link).exists()]
    trusted = ssl.get_default_verify_paths()
    settings = {
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": " ".join(indexes),
        "UV_INDEX_STRATEGY": "unsafe-best-match" if indexes else "",  # pip treats its indexes alike
        "UV_FIND_LINKS": ",".join(links),
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
        "UV_HTTP_TIMEOUT": pip.get("default-timeout") or pip.get("timeout", ""),
        "UV_SYSTEM_CERTS": "true" if trusted.cafile or trusted.capath else "",  # as pip does
        "SSL_CERT_FILE": pip.get("cert", ""),
        "ALL_PROXY": pip.get("proxy", ""),
    }
    return {name: value for name, value in settings.items() if value and name not in os.environ}


def call(command: list[str], variables: dict[str, str]) -> None:
    if code := subprocess.call(command, cwd=ROOT, env=os.environ | variables):
        sys.exit(code)


def say(text: str) -> None:
    print(f"dev.py: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - that is whom the message is for
        sys.exit("couler-plugins needs Python 3.11 or newer.")
    sys.exit(main(*sys.argv[1:]))
