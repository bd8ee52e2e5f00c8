"""What may differ from run to run: words in a program that name a clock, chance or the network, calls in an expression.

A list of words finds too much rather than too little: too much costs a recomputation, too little a wrong result.
"""

from __future__ import annotations

import re
from functools import lru_cache

from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Expression, nodes

COMMAND = r"""
    (?:^|[;&|(`!{]|-\w*c["',\s\[]*["']|command["']?\s*:\s*\[?\s*["']|\b(?:then|do|else|if|elif|while|until|sudo|exec|env|xargs
        |time|timeout|nice|nohup|eval|busybox|command|builtin|chroot|watch)[ \t])
    [ \t]*(?:(?:[A-Za-z_]\w*=\S*|\d\S*|-\S+|env|!)[ \t]+)*(?:/[\w./-]*/)?"""
"""Where a shell expects a command: short words count only there."""

CLOCK = rf"""
    {COMMAND}(?:date|uptime|hwclock|cal)(?![\w-]) | \b(?:datetime|utcnow|localtime|gmtime|strftime|perf_counter)\b
    | (?i:\b(?:now|today|clock|getdate|curdate|current_timestamp|microtime|systime|ctime|asctime|time|date)\s*\(\s*\))
    | (?i:\b(?:now|microtime|sysdate|current_(?:date|time|timestamp))\b\s*(?:\(|;|,|$))
    | \btime\.(?:time|Now|monotonic|ns)\w*
    | \b(?:currentTimeMillis|nanoTime|Instant|LocalDate(?:Time)?|ZonedDateTime|SystemTime|SYSDATE|Sys\.(?:time|Date))\b
    | \b(?:new\s+Date|Date\.now|Time\.now|DateTime\.(?:Now|UtcNow)|Get-Date|EPOCH(?:SECONDS|REALTIME))\b
    | %\([^)]*\)T | \bstat\s+-c | \bfind\b.*-(?:[acm]min|[acm]time|newer)
"""
CHANCE = rf"""
    {COMMAND}(?:shuf|mktemp|uuidgen|openssl|ssh-keygen|hostname|jot)(?![\w-]) | \bsort\s+-\w*R | \buname\s+-\w*[na]
    | \b(?:random|rand|randint|randn|randrange|randomi[sz]e|shuffle|urandom|uuid[1-8]?|uuidv4|nanoid|getpid)\b
    | \bimport[ \t]+(?:[\w.]+(?:[ \t]+as[ \t]+\w+)?[ \t]*,[ \t]*)*secrets\b | \bfrom[ \t]+secrets\b
    | import_*(?:module)?\(\s*["']secrets\b | \bsecrets\.(?:token_|choice|randb|SystemRandom)
    | \b(?:Math\.random|SecureRandom|randomUUID|Random|SRANDOM|RANDOM|mt_rand|random_int|random_bytes|randomBytes)\b
    | \b(?:getRandomValues|getrandom|runif|rnorm|rbinom|mkdtemp|mkstemp|NamedTemporaryFile|ulid|cuid|Guid|Get-Random)\b
    | \b(?:rand(?:AlphaNum|Alpha|Ascii|Numeric|Bytes|Int)|gen(?:PrivateKey|CA|SelfSignedCert|SignedCert)\w*)\b
    | \bsample\s*\( | \$\$ | /etc/hostname | \b(?:HOSTNAME|gethostname|platform\.node|ARGO_POD_NAME|ARGO_NODE_ID)\b
"""
NETWORK = rf"""
    {COMMAND}(?:nc|ncat|netcat|telnet|ping|dig|host|nslookup|ftp|mc|oc|az|hg|svn|go|gem|bq|mvn|gradle|bundle)(?![\w-])
    | (?<![\w.-])(?:curl|wget|aria2c|sftp|lftp|scp|rsync|ssh|git|pip3?|pipx|uv|poetry|conda|mamba|npm|npx|yarn|pnpm
        |cargo|composer|nuget|apt|apt-get|apk|yum|dnf|brew|docker|podman|crane|skopeo|oras|helm|kubectl|argo|aws|gsutil|gcloud
        |azcopy|s5cmd|rclone|dvc|psql|mysql|mongo|mongosh|redis-cli|sqlcmd|snowsql|clickhouse-client|kcat|hdfs|hadoop
        |spark-submit|getent|kaggle|huggingface-cli)(?![\w-])
    | \b(?:requests|urllib[23]?(?!\.parse\b)|urlopen|httpx|aiohttp|socket|boto3|botocore|s3fs|gcsfs|fsspec|smart_open
        |sqlalchemy|psycopg2?|pymongo|pymysql|kafka|grpc|paramiko|http\.client|net/http|fetch|download\w*|from_pretrained|load_dataset
        |install\.packages|Invoke-WebRequest|Invoke-RestMethod)\b
    | /dev/(?:tcp|udp)/
    | \b(?:https?|ftp|s3a?|gs|abfss?|wasbs?|hdfs|jdbc|postgres(?:ql)?|mysql|mongodb|redis|amqp)://
"""
WORDS = tuple(
    (rule, what, re.compile(pattern, re.VERBOSE | re.MULTILINE))
    for rule, what, pattern in (
        ("clock", "read a clock", CLOCK),
        ("randomness", "be random", CHANCE),
        ("network", "use the network", NETWORK),
    )
)


@lru_cache(1_000)  # files have the same programs before and after a change, and so have versions of a task
def impurities(texts: tuple[str, ...]) -> tuple[Objection, ...]:
    """The objections to a program in whose texts such words stand, one a rule."""
    objections = []
    pending = list(WORDS)
    for text in texts:
        for kind in tuple(pending):
            rule, what, words = kind
            if match := words.search(text):
                pending.remove(kind)
                word = match[0].strip(" ;&|(`\n")
                objections.append(Objection(rule, f"it contains {word!r}, which may {what}", seen=word))
    return tuple(objections)


STRINGS = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`""", re.DOTALL)
COMMENT = re.compile(r"/[/*]|\*/")
CALLED = re.compile(r"([A-Za-z_$][\w$]*(?:\s*\.\s*[A-Za-z_$][\w$]*)*)\s*\(")
# fmt: off
PURE = frozenset((
    "all", "any", "ceil", "concat", "count", "filter", "find", "findIndex", "findLast", "first", "flatten",
    "float", "floor", "fromBase64", "fromJSON", "get", "groupBy", "hasPrefix", "hasSuffix", "indexOf", "int",
    "join", "last", "lastIndexOf", "len", "lower", "map", "max", "mean", "median", "min", "none", "not", "one",
    "reduce", "repeat", "replace", "reverse", "round", "sort", "sortBy", "split", "sum", "take", "toBase64",
    "toJSON", "trim", "trimPrefix", "trimSuffix", "type", "uniq", "upper", "abs", "string", "asInt", "asFloat",
    "jsonpath", "toJson", "and", "or", "in",
))
PURE_SPRIG = frozenset((
    "abbrev", "add", "add1", "append", "atoi", "b64dec", "b64enc", "b32dec", "b32enc", "base", "camelcase",
    "cat", "ceil", "clean", "coalesce", "compact", "concat", "contains", "default", "dict", "dir", "div",
    "empty", "ext", "first", "floor", "get", "has", "hasKey", "hasPrefix", "hasSuffix", "indent", "initial",
    "initials", "int", "int64", "float64", "isAbs", "join", "kebabcase", "kindOf", "last", "len", "list",
    "lower", "max", "min", "mod", "mul", "nindent", "nospace", "omit", "pick", "pluck", "plural", "prepend",
    "quote", "regexFind", "regexFindAll", "regexMatch", "regexReplaceAll", "regexReplaceAllLiteral",
    "regexSplit", "repeat", "replace", "rest", "reverse", "round", "semver", "set", "sha1sum", "sha256sum",
    "snakecase", "sortAlpha", "split", "splitList", "squote", "sub", "substr", "swapcase", "ternary", "title",
    "toDecimal", "toJson", "toString", "toStrings", "trim", "trimAll", "trimPrefix", "trimSuffix", "trunc",
    "typeOf", "uniq", "unset", "until", "untilStep", "untitle", "upper", "without", "wrap", "wrapWith",
))
# fmt: on


def impure_expression(value: object) -> Objection | None:
    """The objection to an IR value with an expression in it that calls something not known to be a function."""
    for node in nodes(value):
        if isinstance(node, Expression):
            text = "".join(part if isinstance(part, str) else " _ " for part in node.parts)
            if COMMENT.search(text):  # it could hide a call, or a quote around one
                return Objection("unknown-function", "an expression may have a comment in it")
            for call in CALLED.findall(STRINGS.sub("''", text)):
                holder, _, name = re.sub(r"\s", "", call).rpartition(".")
                if not ((name in PURE and not holder) or (name in PURE_SPRIG and holder == "sprig")):
                    return Objection("unknown-function", f"an expression calls {call}(), which may differ each time")
    return None
