"""Words in a program that name a clock, chance or the network: what it makes may differ from run to run.

A list of words finds too much rather than too little: too much costs a recomputation, too little a wrong result.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from couler_plugins.hookspecs.caching import Objection

__all__ = ["impurity"]

COMMAND = r"(?:^|[;&|(`]|\b(?:then|do|else|sudo|exec|env|xargs|time|nohup|eval)[ \t])[ \t]*(?:/[\w./-]*/)?"
"""Where a shell expects a command: short words count only there."""

CLOCK = rf"""
    {COMMAND}(?:date|uptime|hwclock|cal)(?![\w-]) | \b(?:datetime|utcnow|localtime|gmtime|strftime|perf_counter)\b
    | (?i:\b(?:now|today|clock|getdate|curdate|current_timestamp)\s*\() | \btime\.(?:time|Now|monotonic)\w*
    | \b(?:currentTimeMillis|nanoTime|Instant|LocalDate(?:Time)?|ZonedDateTime|Sys\.(?:time|Date))\b
    | \bnew\s+Date\b | \bDate\.now\b | \bEPOCH(?:SECONDS|REALTIME)\b
"""
CHANCE = rf"""
    {COMMAND}(?:shuf|mktemp|uuidgen|openssl|ssh-keygen|hostname)(?![\w-])
    | \b(?:random|rand|randint|randn|randrange|randomi[sz]e|shuffle|urandom|uuid[1-8]?|uuidv4|secrets|nanoid|getpid)\b
    | \b(?:Math\.random|SecureRandom|randomUUID|Random|SRANDOM|RANDOM)\b
    | \b(?:rand(?:AlphaNum|Alpha|Ascii|Numeric|Bytes|Int)|gen(?:PrivateKey|CA|SelfSignedCert|SignedCert)\w*)\b
"""
NETWORK = rf"""
    {COMMAND}(?:nc|ncat|netcat|telnet|ping|dig|host|nslookup|ftp|mc|oc|az|hg|svn|go|gem)(?![\w-])
    | (?<![\w.-])(?:curl|wget|aria2c|sftp|scp|rsync|ssh|git|pip3?|pipx|uv|poetry|conda|mamba|npm|npx|yarn|pnpm|cargo
        |apt|apt-get|apk|yum|dnf|brew|docker|podman|crane|skopeo|oras|helm|kubectl|argo|aws|gsutil|gcloud|azcopy
        |rclone|dvc|psql|mysql|mongo|mongosh|redis-cli|kaggle|huggingface-cli)(?![\w-])
    | \b(?:requests|urllib[23]?|httpx|aiohttp|socket|boto3|botocore|s3fs|gcsfs|fsspec|smart_open|sqlalchemy|psycopg2?
        |pymongo|pymysql|kafka|grpc|paramiko|http\.client|net/http|fetch|download\w*|from_pretrained|load_dataset)\b
    | \b(?:https?|ftp|s3a?|gs|abfss?|wasbs?|hdfs|jdbc|postgres(?:ql)?|mysql|mongodb|redis|amqp)://
"""
WORDS = tuple(
    (rule, what, re.compile(pattern, re.VERBOSE | re.MULTILINE))
    for rule, what, pattern in (
        ("clock", "a clock", CLOCK),
        ("randomness", "chance", CHANCE),
        ("network", "the network", NETWORK),
    )
)


def impurity(texts: Iterable[str]) -> Objection | None:
    """The objection to a program in whose texts such a word stands."""
    for text in texts:
        for rule, what, words in WORDS:
            if found := words.search(text):
                return Objection(rule, f"{found[0].strip(' ;&|(`')!r} in it may name {what}")
    return None
