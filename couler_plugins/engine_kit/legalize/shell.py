"""What runs around a command in its container where an engine has no words for it, in POSIX shell.

Each is a program of its own that runs the command behind its arguments, so they can be nested. They need `sh`,
`mktemp`, `cat`, `tee`, `dirname` and `mkdir` in the image.
"""

from __future__ import annotations

from couler_plugins.ir import Literal, Template, Value

__all__ = ["KEEP", "PRINTED", "SCRIPT", "as_argument"]

SCRIPT = """\
directory=$(mktemp -d) && printf %s "$1" > "$directory/script" && shift && exec "$@" "$directory/script"
"""
"""`sh -c SCRIPT sh TEXT COMMAND…`: runs the command on a file that holds the text."""

PRINTED = "-"
"""In place of a file: what the command prints."""

KEEP = """\
run() { until [ "$1" = -- ]; do shift 3; done; shift; "$@"; }
directory=$(mktemp -d) || exit
if [ "$1" = - ]; then
  { run "$@"; echo $? > "$directory/status"; } | tee "$directory/printed"
  status=$(cat "$directory/status")
else
  run "$@"; status=$?
fi
[ "$status" = 0 ] || exit "$status"
newline='
'
until [ "$1" = -- ]; do
  file=$1
  [ "$file" = - ] && file=$directory/printed
  mkdir -p "$(dirname "$2")" || exit
  if [ -e "$file" ]; then
    value=$(cat "$file" && echo .) || exit
    value=${value%.}
    printf %s "${value%"$newline"}" > "$2" || exit
  elif [ -n "$3" ]; then printf %s "${3#=}" > "$2" || exit
  else echo "an output is missing: there is no file $file" >&2; exit 1
  fi
  shift 3
done
"""
"""`sh -c KEEP sh [FILE PLACE =DEFAULT|'']… -- COMMAND…`: runs the command; then what is in each file is in its place,
without one newline at the end (Argo takes that off, and others do not), or the default where there is no file.

What the command prints (`PRINTED`) comes first where it is wanted.
"""


def as_argument(script: Value) -> Value:
    """A program as an argument of a container, where it is the same text again when the container starts.

    There, Kubernetes reads `$$` as `$` (k8s.io/kubernetes/third_party/forked/golang/expansion/expand.go). What the run
    puts into the program is out of reach here.
    """
    match script:
        case Literal(value=str(text)):
            return Literal(value=text.replace("$$", "$$$$"))
        case Template(parts=parts):
            return Template(
                parts=tuple(part.replace("$$", "$$$$") if isinstance(part, str) else part for part in parts)
            )
    return script
