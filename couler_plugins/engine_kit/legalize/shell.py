"""What runs around a command in its container where an engine has no words for it, in POSIX shell.

Each is a program of its own that runs the command behind its arguments, so they can be nested. They need `sh`,
`mktemp`, `cat`, `tee`, `dirname` and `mkdir` in the image.
"""

from __future__ import annotations

from collections.abc import Callable as Function

from couler_plugins.engine_kit.legalize.python.functions import text_of
from couler_plugins.engine_kit.legalize.values import words
from couler_plugins.ir import Container, Literal, Operation, Template, Value, replace

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


def around(container: Container, program: str, *arguments: Value) -> Container:
    """Return a container whose command a program of shell runs."""
    return replace(container, command=(*words("sh", "-c", program, "sh"), *arguments, *container.command))


def scripted(container: Container) -> Container:
    """Return a container whose script, if it has one, is run by its command as other engines do."""
    if container.script is None:
        return container
    command = (*words("sh", "-c", SCRIPT, "sh"), as_argument(container.script), *container.command, *container.args)
    return replace(container, command=command, args=(), script=None)


def keeping(
    operation: Operation, container: Container, place: Function[[str], Value], *, is_printed: bool
) -> tuple[Container, tuple[str, ...]]:
    """Return a container that leaves its outputs where an engine looks for them, and the names of these.

    Args:
        operation: its outputs have paths, and defaults that are constants.
        container: the one that does the work.
        place: gives the file for an output of this name.
        is_printed: whether somebody reads what it prints, which is an output then.
    """
    rows = [(printed_output(operation), PRINTED, "")] if is_printed else []
    for output in operation.outputs:
        default = f"={text_of(output.default.value)}" if isinstance(output.default, Literal) else ""
        rows.append((output.name, str(getattr(output.path, "value", "")), default))
    if not rows:
        return container, ()
    kept = (value for name, file, default in rows for value in (*words(file), place(name), *words(default)))
    return around(container, KEEP, *kept, *words("--")), tuple(name for name, _, _ in rows)


def printed_output(operation: Operation) -> str:
    """Return the name of the output that holds what an operation prints."""
    return "printed" if any(output.name == "result" for output in operation.outputs) else "result"
