"""Words that name clocks, chance and the network, and what only looks like them."""

from __future__ import annotations

import pytest

from couler_plugins.caching.impurity_patterns import impurities

CLOCK = """
date
/bin/date
echo $(date)
echo `date +%s`
x; date
x && date
x | date
sudo date
datetime.now()
time.time()
new Date
Date.now()
System.currentTimeMillis()
Instant.now()
Sys.time()
SELECT NOW()
select now()
$EPOCHSECONDS
chrono::Utc::now()
time.Now()
"""
CHANCE = """
random
import random
np.random.rand(3)
echo $RANDOM
cat /dev/urandom
uuidgen
x | shuf
x=$(mktemp)
Math.random()
uuid.uuid4()
secrets.token_hex()
import secrets
import os as system, secrets
from secrets import choice
__import__("secrets")
random.shuffle(x)
"""
NETWORK = """
curl -s x
wget x
git clone x
pip install x
apt-get update
kubectl get pods
aws s3 cp x y
import requests
requests.get(x)
urllib.request
socket
https://example.com
s3://bucket/key
postgresql://x
docker run x
nc -l 80
from_pretrained(x)
"""
NOTHING = """
update
candidate
outdated
my-date
--date
echo hello world
cat /tmp/x
operand
branding
curly
cp /run/secrets/token .
kustomize edit secrets.yaml
digit
gitignored
pipe
requesting
sleep 10
echo 'a b c' > /tmp/out
from urllib.parse import quote
python train.py --seed 1
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (rule, text)
        for rule, texts in (("clock", CLOCK), ("randomness", CHANCE), ("network", NETWORK))
        for text in lines(texts)
    ],
)
def test_words(rule: str, text: str) -> None:
    for surrounded in (text, f"set -e\n{text}\nexit"):
        found = impurities((surrounded,))[0]
        assert found.rule == rule
        assert found.against == "reuse"


@pytest.mark.parametrize("text", lines(NOTHING))
def test_no_words(text: str) -> None:
    assert not impurities((text,))


def test_the_first_word_is_told() -> None:
    assert not impurities(())
    found = impurities(("echo", "x | shuf", "curl x"))[0]
    assert found.reason == "it contains 'shuf', which may be random"


@pytest.mark.slow
def test_a_long_text_takes_no_time() -> None:
    """Linear: no pattern goes over the same text again and again."""
    for unit in ("a ", "; ", "date-", "/", "(((", "then ", "random_", "https", "\n", "import ", "import a, "):
        assert not impurities((unit * 50_000,))
