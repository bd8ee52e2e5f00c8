"""YAML that readers disagree on."""

from __future__ import annotations

import itertools

__all__ = ["DIFFERENT", "DOCUMENTS", "NUMBERS", "TAGGED", "WORDS"]

NUMBERS = """
0 -0 +0 00 007 08 09 0755 -0755 0o17 0O17 -0o17 0o8 0x1F 0X1f -0x1F +0x1F 0xG 0x 0b101 0B101 -0b101 0b 0b2 0b-101 0b+1
-0b-1 +0b1 0b_1 0b1_0 1_000 1__0 1_ _1 -_1 +_1 12_34.5_6 1e3 1E3 12e03 1e+3 1e-3 1.5e3 1. .5 -.5 +.5 .5e3 ._5 .5_0
.1_0_1 .5__0 .5_ . .. ... .e3 1e 1e+ e3 1e1_0 1.e5 1.2.3 1,000 - + -- +- 1e400 -1e400 .1e400 1e-400 12:30 12:30:45
190:20:30 -1:30 1:30.5 9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809
18446744073709551615 18446744073709551616 +18446744073709551615 0xFFFFFFFFFFFFFFFF 0x1FFFFFFFFFFFFFFFF
07777777777777777777777777 0x7fffffffffffffff -0x8000000000000000 -0x8000000000000001
0b1111111111111111111111111111111111111111111111111111111111111111 123456789012345678901234567890 1234567.0 0.00001
100000000000000000000.0 3.4028236e+38 1e39 0.1 -0.0 1.0 16777217.0 .inf .Inf .INF +.inf -.inf -.INF .iNf inf .nan .NaN
.NAN .nAn nan 0x1p3 0x.8p1 1_0e1_0 ٣ １ 2024-01-01 2024-1-1 2024-13-01 2024-02-30 2024-01-01T10:00:00Z
2024-01-01t10:00:00.5+02:00 2024-01-01T10:00:00 20240101
""".split()  # noqa: SIM905  # a list of so many quotes could not be read
WORDS = """
y Y yes Yes YES yEs n N no No NO on On ON off Off OFF true True TRUE tRUE false False FALSE null Null NULL nULL ~ ~~
<< = <
""".split()  # noqa: SIM905  # a list of so many quotes could not be read
TAGGED = [
    f"{tag} {text}"
    for tag, text in itertools.product(
        ("!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!binary", "!"),
        (
            *("12", '"12"', "'yes'", "yes", "1.5", '""', "~", "null", "abc", "0x10", "2024-01-01", "2024-1-2 3:4:5"),
            *("2024-01-02T03:04:05Z", "2024-01-02T03:04:05", "2024-13-01", "aGk=", "aGk", "'aG\n\n  k='", "/+8="),
            *("4oI=", "", "y"),
            *("18446744073709551615", "9223372036854775808", ".5", "1e3", "2024-01-02 3:4:5.678", "2024-1-2 03:04"),
        ),
    )
]
DOCUMENTS = [
    "",
    "# only a comment\n",
    "---\n",
    "---\n# nothing\n",
    "text",
    "- a\n-\n- ~\n",
    "a:\nb: ''\nc: \"\"\nd: |\n",
    "? a\n: b\n? c\n",
    "? {a: b}\n: c\n",
    "{a, b: , c: d, [x]}\n",
    "[a: b, c]\n",
    "a: !!map {b: !!seq [c]}\n",
    "a: &x 1\nb: *x\n*x : c\n",
    "a: &x {b: 1}\nc: *x\nd: [*x, *x]\n",
    "a: *x\nb: &x 1\n",
    "a: &x [*x]\n",
    "a: &x {b: *x}\n",
    "&a a: b\nc: *a\n",
    "base: &b {x: 1, y: 2}\nd: {<<: *b, x: 3}\n",
    "base: &b {x: 1, y: 2}\nd: {x: 3, <<: *b}\n",
    "b: &b {x: 1, y: 2}\nc: &c {x: 5, z: 6}\nd: {<<: [*b, *c, {w: 0}]}\ne: {<<: {q: {<<: *c}}}\n",
    "b: &b {x: 1}\nc: {<<: *b, <<: {y: 2}}\n",
    "b: &b [1]\nc: {<<: *b}\n",
    "c: {<<: 1}\n",
    "c: {<<: ~}\n",
    "c: {<<: [[{a: 1}]]}\n",
    'c: {"<<": 1}\n',
    "c: {!!merge <<: {a: 1}}\n",
    "c: {!!str <<: {a: 1}}\n",
    "c: [<<, !!str <<]\n",
    "a: |\n  x\n   y\n\n  z\n\n\nb: >-\n  folded\n  text\n\n  more\n",
    "a: |2\n   x\n  y\nb: |+\n  x\n\n\nc: 1\n",
    "a: 'it''s'\nb: \"\\x41\\u00e9\\U0001F600\\n\\\n  c\"\n",
    "a: plain\n  over lines\n\n  and a gap\n",
    "a: b: c\n",
    "a: [1, 2\n",
    "a: 'open\n",
    "a:\n\t- b\n",
    "a: @x\n",
    "a: `x`\n",
    "a: %x\n",
    "\ufeffa: b\n",
    "a: b\r\nc: |\r\n  x\r\n  y\r\n",
    "a: \x85b\n",
    "a: \u2028b\n",
    "a: \x7f\n",
    "a: \x01\n",
    "%YAML 1.1\n---\na: 1\n",
    "%YAML 1.2\n---\na: 1\n",
    "a: 1\n...\n",
    "a: #b\n",
    "a: b#c d #e\n",
    "- - a\n  - b\n- c\n",
    "a:\n- b\n- c\nd:\n  - e\n",
    "a: {b: 'c', \"d\":e}\n",
    "a: [x:y, x :y, http://a.b/c]\n",
    "a: ?x\nb: -x\nc: :x\n",
    'a: "\\ud83d\\ude00"\n',
    'a: "\\e \\0 \\N \\_ \\L \\P"\n',
    "12: a\n0x10: b\n1.5: c\n",
    "true: a\nNo: b\n",
    "a: 1\nb: 2\na: 3\n",
    "true: a\nyes: b\n",
    "~: a\n",
    ": a\n",
    "18446744073709551615: a\n",
    "2024-01-01: a\n!!binary aGk=: b\n",
    "{" + '"k": [' * 40 + "]}" * 40,
]

# Where we mean to differ: (text, whether we accept it); Go does the opposite.
DIFFERENT = [
    ("a: !custom x\n", False),  # a tag that Go takes no notice of
    ("a: !!set {x: }\n", False),
    ("a: [http://a.b/c?d=e]\n", True),  # Go's scanner is older than libyaml's
    ('a: "\\/"\n', True),
    ("a: {b:}\n", False),  # libyaml wants a space after a colon inside of brackets
    ("[" * 251 + "]" * 251, False),
]
