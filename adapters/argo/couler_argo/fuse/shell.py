"""One script as a program of the POSIX shell.

Texts stand in here-documents, since Argo fills values into them as they are, quotes and all. Argo's executor sends
signals to the whole process group, so that a step gets them itself; the launcher only starts no other then.
Sources: `cmd/argoexec/commands/emissary.go`, `workflow/executor/osspecific`.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Sequence

from couler_argo.fuse.parts import Part, Piece, Text

RUN = '(exec "$@")'
EXPORT = """\
(while test "$couler_variables" -gt 0; do
    export "$1"
    shift
    couler_variables=$((couler_variables - 1))
  done
  exec "$@")"""
"""The same, where variables stand in front of the command."""
START = """\
# couler: {count} steps in one pod, one after another; a step that fails ends it.
couler_stopped=
trap 'couler_stopped=143' TERM
couler_begin() { # STEP
  test -z "$couler_stopped" || exit "$couler_stopped"
  couler_step=$1
  echo "couler: step $1" >&2
}
couler_run() { # COMMAND...
  (exec "$@")
  couler_code=$?
  test "$couler_code" = 0 || exit "$couler_code"
}
"""
FUNCTIONS = """\
couler_read() { # the standard input as a text, without the newline at its end
  couler_newline='
'
  couler_text=$(cat && echo .)
  couler_text=${couler_text%.}
  couler_text=${couler_text%"$couler_newline"}
}

couler_replace() { # MARK VALUE: the value wherever the mark stands in the text
  couler_whole=
  while :; do
    case $couler_text in
      *"$1"*) couler_whole=$couler_whole${couler_text%%"$1"*}$2 ;;
      *) break ;;
    esac
    couler_text=${couler_text#*"$1"}
  done
  couler_text=$couler_whole$couler_text
}

couler_fill() { # MARK FILE: the same with what is in the file
  couler_rest=$couler_text
  couler_read < "$2" || exit 64
  couler_value=$couler_text
  couler_text=$couler_rest
  couler_replace "$1" "$couler_value"
}

couler_script() { # FILE: the text as a script
  printf '%s' "$couler_text" > "$1" && chmod 755 "$1" || exit 64
}

couler_tee() { # FILE COMMAND...: what the command prints is kept in the file, too
  couler_file=$1
  shift
  mkdir -p "${couler_file%/*}" || exit 64
  couler_code=143
  { trap : TERM; (exec "$@"); echo $? > "$couler_file.code"; } | (trap '' TERM; exec tee "$couler_file")
  read -r couler_code < "$couler_file.code"
  test "$couler_code" = 0 || exit "$couler_code"
}

couler_keep() { # PATH FOLDER: moves an output away, so that no other step finds it there
  if test -e "$1"; then
    mkdir -p "$2" && if test -h "$1"; then cp -RpH "$1" "$2/" && rm "$1"; else mv "$1" "$2/"; fi || exit 64
  fi
}

couler_need() { # PATH KEPT
  test -e "$2" || { echo "couler: step $couler_step has left nothing at $1" >&2; exit 64; }
}

couler_place() { # KEPT PATH: an artifact where the next step reads it
  rm -rf "$2" && mkdir -p "${2%/*}/" && cp -RpP "$1" "$2" || exit 64
}
"""
"""What not every script needs. A command is run by `exec`, which takes no builtin of the shell for it. Kubernetes makes
one `$` of two in a command, whatever Argo has filled in there; so does the launcher. It does so in this script as well,
which comes in a variable of Argo's own container: so none stands behind another one here."""


def shell_program(parts: Sequence[Part]) -> tuple[Piece, ...]:
    """Return the source of a script for a shell that runs these one after another."""
    static = "".join(text for part in parts for one in (*part.words, part.source) if one for text in one.texts)
    end = f"COULER-{hashlib.sha256(static.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
    body: list[Piece] = [piece for number, part in enumerate(parts, 1) for piece in _lines(part, number, end)]
    calls = "".join(piece for piece in body if isinstance(piece, str))
    if "couler_fill" in calls:
        calls += "couler_replace"
    functions = [text for text in FUNCTIONS.split("\n\n") if text.partition("()")[0] in calls]
    texts = [START.replace("{count}", str(len(parts))), *(f"{text.rstrip()}\n" for text in functions)]
    if "couler_variables" in calls:
        texts = [text.replace(RUN, EXPORT) for text in texts]
    return (*texts, *body)


def _lines(part: Part, number: int, end: str) -> Iterator[Piece]:
    yield f"\ncouler_begin {shlex.quote(part.step)}\n"
    for kept, path in part.place:
        yield f"couler_place {_file(kept)} {shlex.quote(path)}\n"
    ready = "set --"
    for word in part.words:
        plain = word.plain
        if plain is not None and "\n" not in plain:
            ready += f" {shlex.quote(plain.replace('$$', '$'))}"
        else:
            yield f"{ready}\n"
            yield from _document(word, part, end)
            yield "couler_replace '$''$' '$'\n"
            ready = 'set -- "$@" "$couler_text"'
    yield f"{ready}\n"
    if part.source is not None:
        yield from _document(part.source, part, end)
        yield f'couler_script "$0.{number}"\nset -- "$@" "$0.{number}"\n'
    if part.variables is not None:
        yield f"couler_variables={part.variables}\n"
    run = f"couler_tee {_file(part.printed)}" if part.printed else "couler_run"
    yield f'{run} "$@"{" >&2" if part.quiet else ""}\n'
    for output in part.keep:
        path, place, folder = shlex.quote(output.path), _file(output.place), _file(output.folder)
        yield f"couler_keep {path} {folder}\n"
        if output.fallback is not None:
            text = shlex.quote(output.fallback)
            yield f"test -e {place} || {{ mkdir -p {folder} && printf '%s' {text} > {place}; }} || exit 64\n"
        elif output.required:
            yield f"couler_need {path} {place}\n"
    for path in part.remove:
        yield f"rm -rf {shlex.quote(path)}\n"


def _file(path: str) -> str:
    """A file as a word of the shell; what is not absolute is beside the script."""
    return shlex.quote(path) if path.startswith("/") else f'"${{0%/*}}/"{shlex.quote(path)}'


def _document(text: Text, part: Part, end: str) -> Iterator[Piece]:
    yield f"couler_read <<'{end}'\n"
    yield from text.pieces
    yield f"\n{end}\n"
    for mark in text.marks:
        yield f"couler_fill {shlex.quote(mark)} {_file(part.marks[mark])}\n"
