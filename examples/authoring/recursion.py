"""Flips a coin, and again while it shows tails. Argo's graphs may call themselves; other engines say what to do."""

import couler_plugins.authoring as couler
from couler_plugins.authoring import equal


def flip_coin():
    import random

    print(random.choice(["heads", "tails"]))


def flip():
    return couler.run_script(image="python:3.12-alpine", source=flip_coin)


with couler.workflow("recursion") as workflow:
    couler.exec_while(equal("tails"), flip)

if __name__ == "__main__":
    print(workflow.to("argo"))
