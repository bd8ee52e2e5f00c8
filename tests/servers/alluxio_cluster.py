"""A real Alluxio 2.9 on loopback: master, worker and proxy, each a process of its own, over a local folder.

`tests/oracles/alluxio/pom.xml` names the programs, which Maven fetches once. Java 17 runs them without further flags.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import hashlib
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from couler_plugins.caching.artifacts.fsspec_store import attempt
from servers.processes import free_port, until, when_stopped
from support import ROOT

__all__ = ["Alluxio", "alluxio_cluster", "find_lack", "shared_cluster"]

POM = ROOT / "tests/oracles/alluxio/pom.xml"
KEPT = ROOT / ".tools/alluxio"
PROGRAMS = ("alluxio.master.AlluxioMaster", "alluxio.worker.AlluxioWorker", "alluxio.proxy.AlluxioProxy")


class Alluxio(msgspec.Struct, frozen=True):
    """A running Alluxio.

    Attributes:
        worker: the address of the worker's web server, `HOST:PORT`.
        proxy: the address of the proxy, `HOST:PORT`.
    """

    worker: str
    proxy: str

    def files(self) -> Any:
        """Return its objects as an fsspec file system, in which nothing is remembered.

        The access key is the name of the user who shall own what is written; nothing checks the secret.
        """
        import s3fs

        options = {"skip_instance_cache": True, "use_listings_cache": False}
        return s3fs.S3FileSystem(key=getpass.getuser(), secret="any", endpoint_url=self._endpoint, **options)

    def url(self) -> str:
        """Return the URL of a cache in a new bucket."""
        bucket = f"bucket-{uuid.uuid4().hex}"
        self.files().mkdir(bucket)
        return f"s3://{getpass.getuser()}:any@{bucket}/some/prefix?endpoint_url={self._endpoint}"

    @property
    def _endpoint(self) -> str:
        return f"http://{self.proxy}/api/v1/s3"


def find_lack() -> str | None:
    """Return why Alluxio cannot be run here, None where it can. Fetches its programs where they are not kept yet."""
    if missing := [name for name in ("java", "mvn") if shutil.which(name) is None]:
        return f"Alluxio needs Java and Maven: no {' and no '.join(missing)}"
    KEPT.mkdir(parents=True, exist_ok=True)
    with _locked(KEPT / "lock"):
        if not _programs().exists():
            aside = _programs().with_suffix(".new")
            fetch = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={aside}"]
            done = subprocess.run(fetch, capture_output=True, text=True, timeout=1500, check=False)
            if done.returncode:
                return f"Maven does not fetch Alluxio: {done.stdout.strip()[-300:]}"
            aside.rename(_programs())
    return None


@contextlib.contextmanager
def shared_cluster(folder: Path) -> Iterator[Alluxio]:
    """One Alluxio for all processes that name this folder: who comes first starts it, and stops it behind the last."""
    state = folder / "state.json"
    with contextlib.ExitStack() as stack:
        users = stack.enter_context((folder / "users").open("w"))
        with _locked(folder / "lock"):
            mine = not state.exists()
            if mine:
                alluxio = stack.enter_context(alluxio_cluster(folder / uuid.uuid4().hex))
                state.write_bytes(msgspec.json.encode(alluxio))
            fcntl.flock(users, fcntl.LOCK_SH)
        yield msgspec.json.decode(state.read_bytes(), type=Alluxio)
        if mine:
            with _locked(folder / "lock"):
                fcntl.flock(users, fcntl.LOCK_EX)
                state.unlink()


@contextlib.contextmanager
def alluxio_cluster(folder: Path) -> Iterator[Alluxio]:
    """A running Alluxio that keeps all it has in a folder, which is made."""
    for name in ("under", "blocks", "journal"):
        (folder / name).mkdir(parents=True)
    alluxio = Alluxio(worker=f"127.0.0.1:{free_port()}", proxy=f"127.0.0.1:{free_port()}")
    java = _java(alluxio, folder)
    subprocess.run([*java, "alluxio.cli.Format", "master"], capture_output=True, timeout=120, check=True)
    with (folder / "log").open("wb") as log, contextlib.ExitStack() as running:
        processes = [
            running.enter_context(when_stopped(subprocess.Popen([*java, program], stdout=log, stderr=log)))
            for program in PROGRAMS
        ]
        until(lambda: _answers(alluxio, processes, folder / "log"), 900, "starting Alluxio")
        yield alluxio


def _java(alluxio: Alluxio, folder: Path) -> list[str]:
    """The command that runs a program of Alluxio, with all settings."""
    settings: dict[str, object] = {"home": folder, "master.mount.table.root.ufs": folder / "under"}
    settings |= {"master.journal.type": "UFS", "master.journal.folder": folder / "journal"}
    settings |= {"master.rpc.port": free_port(), "master.web.port": free_port(), "worker.rpc.port": free_port()}
    settings |= {f"{who}.web.port": getattr(alluxio, who).rpartition(":")[2] for who in ("worker", "proxy")}
    settings |= {f"{who}.hostname": "127.0.0.1" for who in ("master", "worker")}
    listening = ("master", "master.web", "worker", "worker.web", "proxy.web")
    settings |= {f"{who}.bind.host": "127.0.0.1" for who in listening}
    settings |= {"worker.tieredstore.levels": 1, "worker.tieredstore.level0.alias": "SSD"}
    tier = {"path": folder / "blocks", "mediumtype": "SSD", "quota": "1GB"}
    settings |= {f"worker.tieredstore.level0.dirs.{name}": value for name, value in tier.items()}
    options = ["-Xmx400m", "-XX:+UseSerialGC", *(f"-Dalluxio.{name}={value}" for name, value in settings.items())]
    return ["java", *options, "-cp", f"{_programs()}/*"]


def _programs() -> Path:
    return KEPT / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]


def _answers(alluxio: Alluxio, processes: Sequence[subprocess.Popen[bytes]], log: Path) -> bool:
    assert all(process.poll() is None for process in processes), log.read_text()[-2000:]
    files = alluxio.files()
    try:
        attempt(lambda: files.makedirs("ready", exist_ok=True))
        attempt(lambda: files.pipe_file("ready/object", b"x"))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
