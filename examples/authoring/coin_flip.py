"""A Python function flips a coin, and what it prints decides which of two steps runs."""

import couler_plugins.authoring as couler
from couler_plugins.authoring import equal


def flip_coin():
    import random

    print(random.choice(["heads", "tails"]))


def heads():
    couler.run_container(image="alpine:3.20", command=["echo"], args=["it was heads"])


def tails():
    couler.run_container(image="alpine:3.20", command=["echo"], args=["it was tails"])


@couler.workflow
def coin_flip():
    result = couler.run_script(image="python:3.12-alpine", source=flip_coin)
    couler.when(equal(result, "heads"), heads)
    couler.when(equal(result, "tails"), tails)


if __name__ == "__main__":
    print(coin_flip.to("argo"))
