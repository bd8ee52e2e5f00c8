"""What runs around a command in its container for what only Tekton does with values, in POSIX shell and awk.

Each is a program of its own that runs the command behind its arguments, so they can be nested.
"""

from __future__ import annotations

AWK = r"""
function fail() { print "no list or object of texts: " text > "/dev/stderr"; exit 1 }
function space() { while (substr(text, at, 1) ~ /[ \t\n\r]/) at++ }
function word(   c, made, code, n) {
  if (substr(text, at, 1) != "\"") {
    made = ""
    while ((c = substr(text, at, 1)) != "" && c !~ /[],} \t\n\r]/) { made = made c; at++ }
    return made
  }
  made = ""
  for (at++; (c = substr(text, at, 1)) != "\""; at++) {
    if (c == "") fail()
    if (c == "\\") {
      c = substr(text, ++at, 1)
      if (c == "n") c = "\n"; else if (c == "t") c = "\t"; else if (c == "r") c = "\r"
      else if (c == "u") {
        code = 0
        for (n = 1; n <= 4; n++) code = code * 16 + index("0123456789abcdef", tolower(substr(text, at + n, 1))) - 1
        at += 4
        c = sprintf("%c", code)
      }
    }
    made = made c
  }
  at++
  return made
}
{ text = text (NR > 1 ? "\n" : "") $0 }
END {
  at = 1; space(); open = substr(text, at, 1); at++
  if (open != "[" && open != "{") fail()
  for (number = 0; ; number++) {
    space()
    if (substr(text, at, 1) ~ /[]}]/) break
    key = number
    if (open == "{") { key = word(); space(); if (substr(text, at, 1) != ":") fail(); at++; space() }
    value = word(); space()
    if (want == "") { gsub(/'/, "'\\''", value); printf " '%s'", value }
    else if (key "" == want) { printf "%s", value; found = 1; exit 0 }
    if (substr(text, at, 1) == ",") at++
  }
  if (want != "" && !found) { print "there is no " want " in " text > "/dev/stderr"; exit 1 }
}
"""
"""Reads JSON: prints each text in quotes for a shell, or the one under the key or number `want` as it is."""

TAKE = """\
program=$1; shift
run() { until [ "$1" = -- ]; do shift 3; done; shift; "$@"; }
run "$@" || exit
until [ "$1" = -- ]; do
  awk -v want="$2" "$program" "$1" > "$3" || exit
  shift 3
done
"""
"""`sh -c TAKE sh AWK [FILE KEY PLACE]… -- COMMAND…`: runs the command; then a part of each file is in its place."""

SPREAD = """\
program=$1; shift
words=
quoted() { printf " '"; printf %s "$1" | sed "s/'/'\\\\\\\\''/g"; printf "'"; }
for word in "$@"; do
  case $word in
    =*) words=$words$(quoted "${word#=}") ;;
    *) list=$(printf %s "${word#+}" | awk "$program") || exit; words=$words$list ;;
  esac
done
eval "set -- $words"
exec "$@"
"""
"""`sh -c SPREAD sh AWK [=WORD|+JSON]…`: runs the words as a command, each list's texts in its place."""

IGNORE = """\
place=$1; shift
"$@"
code=$?
[ -z "$place" ] || { mkdir -p "${place%/*}" && printf %s "$code" > "$place"; }
exit 0
"""
"""`sh -c IGNORE sh PLACE|'' COMMAND…`: runs the command, whose exit code is in its place, and succeeds."""
