"""One script as a program of the POSIX shell.

Texts that Argo fills something into come in variables, which no step sees. Argo's executor sends signals to the whole
process group, so that a step gets them itself; the launcher only starts no other then.
Sources: `cmd/argoexec/commands/emissary.go`, `workflow/executor/osspecific`.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence

from couler_argo.fuse.parts import Part, Text

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

couler_fill() { # MARK FILE: the same with what is in the file, as Kubernetes would pass it
  couler_rest=$couler_text
  couler_read < "$2" || exit 64
  couler_replace '$''$' '$'
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
one `$` of two in what Argo passes to a pod; so the launcher does in values. Argo's own container gets this script in a
variable: so no `$` stands behind another one here."""


def shell_program(parts: Sequence[Part], variables: Mapping[Text, str]) -> str:
    """Return the source of a script for a shell that runs these one after another.

    Args:
        parts: what it runs.
        variables: where it gets texts that stand in its environment.
    """
    body = "".join(line for number, part in enumerate(parts, 1) for line in _lines(part, number, variables))
    calls = f"{body} couler_read couler_replace" if "couler_fill" in body else body
    functions = [text for text in FUNCTIONS.split("\n\n") if text.partition("()")[0] in calls]
    texts = [START.replace("{count}", str(len(parts))), *(f"{text.rstrip()}\n" for text in functions)]
    if "couler_variables" in calls:
        texts = [text.replace(RUN, EXPORT) for text in texts]
    own = [f"{_own(name)}=${name}; unset {name}\n" for name in variables.values()]
    return "".join((*texts, *own, body))


def _lines(part: Part, number: int, variables: Mapping[Text, str]) -> Iterator[str]:
    yield f"\ncouler_begin {shlex.quote(part.step)}\n"
    for kept, path in part.place:
        yield f"couler_place {_file(kept)} {shlex.quote(path)}\n"
    ready = "set --"
    for word in part.words:
        if word.marks:
            yield f"{ready}\n"
            yield from _load(word, part, variables)
            ready = 'set -- "$@" "$couler_text"'
        else:
            ready += f" {_word(word, variables)}"
    yield f"{ready}\n"
    if part.source is not None:
        yield from _load(part.source, part, variables)
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


def _own(variable: str) -> str:
    """The launcher's own copy of a variable, which its steps do not get."""
    return f"{variable}_own"


def _word(text: Text, variables: Mapping[Text, str]) -> str:
    name = variables.get(text)
    return shlex.quote(str(text.literal)) if name is None else f'"${_own(name)}"'


def _load(text: Text, part: Part, variables: Mapping[Text, str]) -> Iterator[str]:
    if text in variables:
        yield f"couler_text={_word(text, variables)}\n"
    else:
        end = f"COULER-{hashlib.sha256(str(text.literal).encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
        yield f"couler_read <<'{end}'\n{text.literal}\n{end}\n"
    for mark in text.marks:
        yield f"couler_fill {shlex.quote(mark)} {_file(part.marks[mark])}\n"
