"""What an expression may call so that it gives the same for the same values: a list of what is known to.

Sources: the language definition of expr-lang; sprig's documentation. Left out is what has to do with dates, chance,
cryptography, the environment and the network, and what lists the keys of a map, which have no order in Go.
"""

from __future__ import annotations

import re

from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Expression, nodes

__all__ = ["impure_expression"]

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
