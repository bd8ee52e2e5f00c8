"""The first process of the cluster's namespaces: makes the network, starts all programs, starts again what ends.

    unshare --net --mount --pid --fork --mount-proc --kill-child python3 node.py DIR

DIR/programs.json says what to run; DIR/NAME.stopped keeps a program from being started. The end of this process ends
everything, and its namespaces take mounts and network with them. It runs by any Python 3.9: it imports nothing of ours.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(sys.argv[1])
CGROUP = f"couler-cluster-{FOLDER.name}"
"""What the kubelet and its pods are in, of every hierarchy of control groups."""

NETWORK = """
mount --make-rshared /
mount -t tmpfs tmpfs /run
ip link set lo up
ip addr add 10.96.0.1/32 dev lo
ip addr add 10.96.0.20/32 dev lo
ip link add cni0 address 0a:58:0a:f4:00:01 type bridge
ip addr add 10.244.0.1/16 dev cni0
ip link set cni0 up
echo 1 > /proc/sys/net/ipv4/ip_forward
"""
"""10.96.0.1 is the API server's address as a service, 10.96.0.20 that of Tekton's webhook: there is no kube-proxy.

The bridge has an address of its own. Without it, it takes the lowest one of its pods' links, which changes as pods come
and go: whoever has asked for it before then sends to nobody, for up to a minute.
"""

WANTED = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}
"""Settings of the kernel without which a kubelet does not start: shown to it only, the machine keeps its own."""


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for line in NETWORK.strip().splitlines():
        subprocess.run(line, shell=True, check=True)
    for name, value in WANTED.items():
        shown = FOLDER / ("sysctl-" + name.replace("/", "-"))
        shown.write_text(f"{value}\n")
        subprocess.run(["mount", "--bind", str(shown), f"/proc/sys/{name}"], check=True)
    enter_cgroups()
    programs = json.loads((FOLDER / "programs.json").read_text())
    running: dict[str, int] = {}
    while True:
        for program in programs:
            name = program["name"]
            if name not in running and not (FOLDER / f"{name}.stopped").exists():
                running[name] = start(program)
        time.sleep(0.1)
        ended = set(reaped())
        running = {name: pid for name, pid in running.items() if pid not in ended}


def reaped() -> "Iterator[int]":
    """Who has ended: also orphans, as this is their first process."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid


def enter_cgroups() -> None:
    for hierarchy in {path.resolve() for path in Path("/sys/fs/cgroup").iterdir()}:
        if not (hierarchy / "cgroup.procs").exists():
            continue
        for name in (CGROUP, f"{CGROUP}-system"):
            group = hierarchy / name
            group.mkdir(exist_ok=True)
            for setting in ("cpuset.cpus", "cpuset.mems"):
                if (group / setting).exists():
                    (group / setting).write_text((hierarchy / setting).read_text())
        (hierarchy / f"{CGROUP}-system" / "cgroup.procs").write_text("0")


def start(program: "dict[str, Any]") -> int:
    with (FOLDER / "logs" / f"{program['name']}.log").open("a") as log:
        process = subprocess.Popen(
            program["command"], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **program["env"]}
        )
    (FOLDER / f"{program['name']}.pid").write_text(str(process.pid))
    return process.pid


main()
