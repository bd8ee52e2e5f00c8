"""A diamond: B and C wait for A, and D waits for both. The edges can stand in any order.

python diamond.py     submits it to the Argo Workflows of the current kubeconfig
"""

import couler_plugins.authoring as couler
from couler_plugins.authoring import ArgoSubmitter


def job(name):
    couler.run_container(
        image="docker/whalesay:latest",
        command=["cowsay"],
        args=[name],
        step_name=name,
    )


def diamond():
    couler.dag(
        [
            [lambda: job(name="A")],
            [lambda: job(name="A"), lambda: job(name="B")],  # A -> B
            [lambda: job(name="A"), lambda: job(name="C")],  # A -> C
            [lambda: job(name="B"), lambda: job(name="D")],  # B -> D
            [lambda: job(name="C"), lambda: job(name="D")],  # C -> D
        ]
    )


diamond()

if __name__ == "__main__":
    couler.run(submitter=ArgoSubmitter())
