"""Builds a release and tries it: wheel, sdist, list of parts (SBOM), notes, and the wheels of the image.

    python3 dev.py release --dry-run     build and try; no tag is needed
    python3 dev.py release               the same, of a clean tree with the version's tag

All of it is in build/release. A workflow publishes what is in its folder `dist`; this uploads nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # of the clone
import dev

OUTPUT = dev.ROOT / "build" / "release"
EXTRAS = "cluster,index,storage"
"""Extras of the image: what its pods, wrappers of cached steps and CronWorkflows use."""
SBOM = "cyclonedx-bom==7.5.0"


def main() -> int:
    """Build everything; a text that says why is the exit code where something does not work."""
    parser = argparse.ArgumentParser(prog="dev.py release", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dry-run", action="store_true", help="ask for no tag, and take what is unreleased")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="only put the wheels for the image into a folder")
    options = parser.parse_args()
    is_dry, dist = options.dry_run, OUTPUT / "dist"
    if options.wheels:
        build("--wheel", options.wheels)
        (wheel,) = options.wheels.glob("*.whl")
        return 0 if collect_wheels(wheel, options.wheels) else 1
    version = version_of(dev.ROOT)
    changes = notes_of((dev.ROOT / "CHANGELOG.md").read_text("utf-8"), "Unreleased" if is_dry else version)
    problems = [] if is_dry else [*tag_problems(dev.ROOT, version)]
    if not changes:
        problems.append(f"CHANGELOG.md has no section {'Unreleased' if is_dry else version} with text: write it")
    if problems:
        sys.exit("\n".join(f"error: {problem}" for problem in problems))
    shutil.rmtree(OUTPUT, ignore_errors=True)
    if code := dev.build_studio(dev.STUDIO):
        return code
    build("--sdist", dist)
    build("--wheel", dist)
    (OUTPUT / "notes.md").write_text(changes, "utf-8")
    (wheel,) = dist.glob("*.whl")
    for artifact in (wheel, *dist.glob("*.tar.gz")):
        started = time.monotonic()
        try_out(artifact, OUTPUT / "sbom.cdx.json")
        seconds = time.monotonic() - started
        dev.say(f"{artifact.name} ({artifact.stat().st_size:,} bytes) installs and runs the demo: {seconds:.0f} s")
    parts = json.loads((OUTPUT / "sbom.cdx.json").read_text("utf-8"))["components"]
    dev.say(f"{len(parts)} parts are in {OUTPUT / 'sbom.cdx.json'}")
    dev.say(f"{collect_wheels(wheel, OUTPUT / 'wheels')} wheels for the image are in {OUTPUT / 'wheels'}")
    return 0


def build(kind: str, folder: Path) -> None:
    """Build a wheel or an sdist of the tree."""
    dev.uv("build", "--quiet", kind, "--build-constraints", "requirements/all.txt", "--out-dir", str(folder))
    (folder / ".gitignore").unlink(missing_ok=True)  # uv's own


def version_of(root: Path) -> str:
    """Return the version of the tree."""
    text = (root / "couler_plugins" / "__init__.py").read_text("utf-8")
    (version,) = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    return str(version)


def notes_of(changelog: str, heading: str) -> str:
    """Return what a changelog says of a version, without its heading; empty where it says nothing."""
    section = re.search(rf"^## \[?{re.escape(heading)}(?![\w.])\]?.*\n((?:(?!## ).*\n?)*)", changelog, re.MULTILINE)
    return section[1].strip() + "\n" if section is not None and section[1].strip() else ""


def tag_problems(root: Path, version: str) -> Iterator[str]:
    """Yield why a tree is not what the tag of a version says."""
    git = ["git", "-C", str(root)]
    if subprocess.check_output([*git, "status", "--porcelain"], text=True).strip():
        yield "the tree has changes: commit them"
    if f"v{version}" not in subprocess.check_output([*git, "tag", "--points-at", "HEAD"], text=True).split():
        yield f"the commit has no tag v{version}: git tag v{version}"


def try_out(artifact: Path, sbom: Path) -> None:
    """Install an artifact into an empty environment, run its demo, and list the parts of the environment."""
    with tempfile.TemporaryDirectory() as folder:
        venv = Path(folder, "venv")
        python = str(venv / "bin" / "python")
        dev.uv("venv", "--quiet", "--python", sys.executable, str(venv))
        limits = ("--constraints", "requirements/run.txt", "--build-constraints", "requirements/all.txt")
        dev.uv("pip", "install", "--quiet", "--python", python, *limits, str(artifact))
        clean = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "COULER_"))}
        clean |= {"HOME": folder}
        command = [str(venv / "bin" / "couler"), "demo", "-o", str(Path(folder, "demo"))]
        done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"error: the demo of {artifact.name} fails:\n{done.stdout}{done.stderr}")
        written = ("--output-format", "JSON", "--output-reproducible", "--output-file", str(sbom))
        dev.uv("tool", "run", "--quiet", "--from", SBOM, "cyclonedx-py", "environment", *written, python)


def collect_wheels(wheel: Path, folder: Path) -> int:
    """Put a wheel, all that it needs with the extras of the image, and pip into a folder; how many files these are.

    They are for this Python and this machine's platform.
    """
    wanted = [f"{wheel}[{EXTRAS}]", "pip"]
    command = ("tool", "run", "--quiet", "--python", sys.executable, "pip", "wheel", "--quiet")
    dev.uv(*command, "--constraint", "requirements/all.txt", "--wheel-dir", str(folder), *wanted)
    return len(list(folder.iterdir()))


if __name__ == "__main__":
    sys.exit(main())
