"""`python3 dev.py cluster up|build|down|status|shell`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

from cluster.cluster import Cluster, missing_here
from cluster.images import image_on_demand, images
from cluster.programs import GITOPS, MODULES, build

USAGE = """A cluster of one node with Argo and Tekton, of real programs, in namespaces of its own.

    python3 dev.py cluster up            build it where it is not built yet, and start it
    python3 dev.py cluster build         build it, and start nothing
    python3 dev.py cluster build gitops  build kustomize and helm instead, which tests of docs/gitops.md run
    python3 dev.py cluster status        what runs
    python3 dev.py cluster shell [CMD]   a shell, or a command, inside of it: kubectl, couler
    python3 dev.py cluster down          end it; what was built stays in .tools/cluster
"""


def main(job: str = "help", *command: str) -> int:
    cluster = Cluster()
    if job == "up":
        try:
            cluster.up()
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 1
        print("the cluster is up: python3 dev.py cluster shell kubectl get pods -A")
        return 0
    if job == "build":
        # What `up` would say, it says later.
        with contextlib.suppress(RuntimeError, subprocess.CalledProcessError):
            if command == ("gitops",):
                for module in GITOPS:
                    build(module)
            elif not missing_here():
                images({module.path: build(module) for module in MODULES})
                for name in ("couler", "debian"):  # a test that needs one would make it beside others, with time limits
                    image_on_demand(name)
        return 0
    if job == "down":
        cluster.down()
        return 0
    if job == "status":
        print(cluster.kubectl("get", "nodes,pods", "-A") if cluster.is_up else "the cluster is down")
        return 0
    if job == "shell":
        inside = cluster.inside(*(command or (os.environ.get("SHELL", "/bin/sh"),)))
        return subprocess.call(inside, env=cluster.environment())
    print(USAGE)
    return 0 if job in {"help", "-h", "--help"} else 2


sys.exit(main(*sys.argv[1:]))
