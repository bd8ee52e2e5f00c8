#!/bin/sh
# What runs in the place of a step's command in a pod: hands over a result that is there, else runs the command and
# hands its result to whoever keeps it. A busybox beside this file runs it, so it needs nothing of the step's image.
#
#   launch SECONDS NAME=PATH... -- COMMAND ARGUMENTS...
#
# A key covers what is at a PATH that begins with `@` (an input artifact is mounted there) or `+` (in one); `-` is what
# the command prints. Beside it: hit, where restored/NAME are a result; before/NAME, what an output was like before the command ran;
# kept/NAME, which this writes; done, with the seconds that it took, once they are complete; ready and saved, which the
# one who keeps them writes, ready again and again. Nothing that fails here but the command itself fails the step.
here=${0%/*}
box=$here/busybox
most=262144  # bytes of a printed result: of more, Argo takes a part
limit=$1
shift

each() {  # FUNCTION NAME=PATH... --: calls it with each name, path and the sign before that, until it fails
    function=$1
    shift
    while [ "$1" != -- ]; do
        path=${1#*=}
        "$function" "${1%%=*}" "/${path#*/}" "${path%%/*}" 2>/dev/null || return
        shift
    done
}

fetch() {
    case $3 in
        -) "$box" cp "$here/restored/$1" "$here/printed" ;;
        @)  # what is mounted stays, and what is in it is replaced: of a folder, if all of it can go
            [ -d "$2" ] && [ -d "$here/restored/$1" ] && [ ! -e "$2/.couler" ] || return
            if all_writable "$2"; then
                "$box" mkdir "$2/.couler" "$2/.couler/old" && : >"$here/aside-$1" && "$box" cp -RP "$here/restored/$1" "$2/.couler/new"
            else
                fetch_over "$@"
            fi
            ;;
        *)
            forget "$@" || return
            if "$box" mkdir -p "$("$box" dirname "$2")" && [ -w "$("$box" dirname "$2")" ]; then
                "$box" cp -RP "$here/restored/$1" "$2.couler"
            else
                fetch_over "$@"
            fi
            ;;
    esac
}

fetch_over() {  # where no file can be made or removed, those that are there are written, if they are all that there is to be
    [ -e "$2" ] && [ "$(names "$2")" = "$(names "$here/restored/$1")" ] && [ -z "$(unfit "$2")" ] &&
        "$box" rm -rf "$here/old-$1" && "$box" cp -RP "$2" "$here/old-$1" && : >"$here/over-$1"
}

names() {  # PATH: which folders, files and programs are in it
    for test in "-type d" "-type f" "-type f -perm -100"; do
        # shellcheck disable=SC2086 # the words of a test
        echo "$test" && if [ -d "$1" ]; then (cd "$1" && "$box" find . $test | "$box" sort); else "$box" find "$1" $test -exec echo \;; fi
    done
}

unfit() {  # PATH: what of it cannot be written by itself: links, files with several names, those of others
    "$box" find "$1" ! -type d \( ! -type f -o -links +1 -o -name '*
*' -o ! -exec "$box" test -w {} \; \) -print
}

write_over() {  # FROM TO: the bytes of all files; no name changes
    if [ -d "$1" ]; then "$box" cp -R "$1/." "$2"; else "$box" cp "$1" "$2"; fi
    same "$1" "$2"
}

same() {  # FROM TO
    if [ -d "$1" ]; then "$box" diff -rq "$1" "$2" >/dev/null; else "$box" cmp -s "$1" "$2"; fi
}

all_writable() {
    [ -z "$("$box" find "$1" -type d ! -exec "$box" test -w {} \; -print)" ]
}

in_folder() {  # FOLDER MORE...: all that is directly in it, but for ours
    folder=$1
    shift
    "$box" find "$folder" -mindepth 1 -maxdepth 1 ! -name .couler "$@"
}

move() {  # FROM TO: all that is in a folder
    in_folder "$1" -exec "$box" mv {} "$2" \;
    [ -z "$(in_folder "$1")" ]
}

place() {
    if [ -e "$here/over-$1" ]; then
        write_over "$here/restored/$1" "$2"
        return
    fi
    case $3 in
        -) return ;;
        @) move "$2" "$2/.couler/old" && : >"$2/.couler/empty" && move "$2/.couler/new" "$2"; return ;;
    esac
    "$box" rm -rf "$2.couler-old"
    if [ -e "$2" ] || [ -h "$2" ]; then
        "$box" mv "$2" "$2.couler-old" || return  # what is mounted cannot be moved, and is not emptied then
    fi
    "$box" mv "$2.couler" "$2" && "$box" rm -rf "$2.couler-old"
}

finish() {
    [ ! -e "$here/over-$1" ] || return 0
    case $3 in
        -) "$box" cat "$here/printed" || exit ;;
        @) "$box" rm -rf "$2/.couler" || exit ;;
    esac
}

forget() {  # an input artifact is as it was, or the command must not run
    if [ -e "$here/over-$1" ]; then
        same "$here/old-$1" "$2" || write_over "$here/old-$1" "$2" || exit
        "$box" rm -f "$here/over-$1"
        return
    fi
    case $3 in
        -) ;;
        @)
            [ -e "$here/aside-$1" ] || return 0
            [ ! -e "$2/.couler/empty" ] || in_folder "$2" -exec "$box" rm -rf {} +
            move "$2/.couler/old" "$2" && "$box" rm -rf "$2/.couler" || exit
            ;;
        *) "$box" rm -rf "$2.couler" ;;
    esac
}

state() {  # PATH: what a file, or all that is in a folder, is like: kind and mode, place, size, when it was written, ...
    "$box" find "$1" -exec "$box" stat -c '%f %d %i %s %y %z %n' {} + | "$box" sort
}

note() {
    [ "$3" ] || [ ! -e "$2" ] || state "$2" >"$here/before/$1"
}

written() {  # whether the command has written it, and all in it but folders (4...), whatever it has done to their names
    [ ! "$3" ] && [ -e "$here/before/$1" ] || return 0
    state "$2" >"$here/after" && ! "$box" cmp -s "$here/before/$1" "$here/after" &&
        "$box" awk '{ file = substr($1, 1, 1) " " $2 " " $3 " " $4 " " $5 " " $6 }
            NR == FNR { old[file]; next } !/^4/ && file in old { exit 1 }' "$here/before/$1" "$here/after"
}

keep() {
    if [ "$3" = - ]; then
        "$box" mv "$here/printed" "$here/kept/$1" && "$box" chmod a+r "$here/kept/$1"
        return
    fi
    [ "$3" != @ ] || [ -d "$2" ] || return
    [ -e "$2" ] && "$box" cp -RP "$2" "$here/kept/$1" && "$box" chmod -R a+rX "$here/kept/$1"
}

become() {  # PROGRAM ARGUMENTS...: in the environment as it was: a shell drops `a.b`, and sets variables of its own
    case $1 in
        *=*) exec "$@" ;;  # `env` would take it for a variable
    esac
    [ -r "/proc/$$/environ" ] || exec "$@"
    # Each variable in quotes; a byte that is in none (the last of these, where all are) stands for a newline in one,
    # while they stand on lines of their own.
    for byte in 001 002 003 004 005 006 007 010 013 014 016 017 020 021 022 023 024 025 026 027 030 031 032 034 035; do
        [ "$("$box" tr -cd "\\$byte" <"/proc/$$/environ" | "$box" wc -c)" -gt 0 ] || break
    done
    variables=$(lines | "$box" sed "s/'/'\\\\''/g; s/^/'/; s/\$/'/" | "$box" tr "\n\\$byte" ' \n')
    names=$(lines | "$box" sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p')
    eval "set -- \"\$box\" env -i -- $variables \"\$@\""
    # shellcheck disable=SC2086 # the names are words
    unset -v x $names  # a system takes only so much of variables and arguments together
    exec "$@"
}

lines() {
    "$box" tr '\000\n' "\n\\$byte" <"/proc/$$/environ"
}

keep_printed() {  # keeps what comes in, unless it is too much, and says that it has seen the end of it
    trap '' HUP INT QUIT USR1 USR2 TERM  # they are for the command, whose last words count as well
    "$box" head -c "$((most + 1))" >"$here/.printed" && [ "$("$box" wc -c <"$here/.printed")" -le "$most" ] &&
        "$box" mv "$here/.printed" "$here/printed"
    "$box" cat >/dev/null
    : >"$here/end"
}

print_and_keep() {
    trap '' HUP INT QUIT USR1 USR2 TERM
    exec "$box" tee "$here/copy"
}

hand_on() {  # SIGNAL: to the command, or to be handed on once there is one
    if [ "$child" ]; then
        kill "-$1" "$child" 2>/dev/null
    else
        early="$early $1"
    fi
}

run() {  # NAME=PATH... -- COMMAND ARGUMENTS...: runs the command as if it stood here
    pipe=
    while [ "$1" != -- ]; do
        [ "${1#*=}" != - ] || pipe=$here/pipe
        shift
    done
    shift
    program=$1
    shift
    case $program in
        */*) ;;
        *)  # by its name alone it would be busybox's own program, or one of the functions here
            name=$program
            program=$("$box" which -- "$name") || { echo "couler: there is no command $name" >&2; return 127; }
            ;;
    esac
    child=
    early=
    for signal in HUP INT QUIT USR1 USR2 TERM; do
        # shellcheck disable=SC2064 # the signal is known now
        trap "hand_on $signal" "$signal"
    done
    if [ "$pipe" ] && "$box" mkfifo "$pipe" "$here/copy" 2>/dev/null; then
        keep_printed <"$here/copy" >/dev/null 2>&1 3<&- &
        print_and_keep <"$pipe" 3<&- &
        become "$program" "$@" <&3 3<&- >"$pipe" &
    else
        pipe=
        become "$program" "$@" <&3 3<&- &
    fi
    child=$!
    for signal in $early; do
        hand_on "$signal"
    done
    wait "$child"
    code=$?
    while kill -0 "$child" 2>/dev/null; do  # a signal has ended the waiting, not the child
        wait "$child"
        code=$?
    done
    if [ "$code" -gt 128 ]; then  # a signal may have ended the waiting just before the child ended
        wait "$child" 2>/dev/null
        last=$?
        [ "$last" -eq 127 ] || code=$last
    fi
    trap - HUP INT QUIT USR1 USR2 TERM
    # Who is still there with the command gone may print for ever.
    [ ! "$pipe" ] || patiently 10 "$here/end" || "$box" rm -f "$here/printed"
    return "$code"
}

patiently() {  # SECONDS FILE [SIGN]: waits for a file, as long as somebody writes SIGN again and again
    left=$(($1 * 5))
    until [ -e "$2" ]; do
        [ "$left" -gt 0 ] || return
        [ -z "$3" ] || [ "$("$box" find "$3" -mmin -1)" ] || return
        "$box" sleep 0.2
        left=$((left - 1))
    done
}

if [ -e "$here/hit" ]; then
    if each fetch "$@" && each place "$@"; then
        each finish "$@"
        echo "couler: this result was computed before" >&2
        exit 0
    fi
    each forget "$@"
fi
exec 3<&0
noted=
"$box" mkdir "$here/before" 2>/dev/null && each note "$@" && noted=yes
started=$("$box" date +%s)
run "$@" || exit
umask 022  # whoever keeps the result may be somebody else
took=$(($("$box" date +%s) - started))
if ! each written "$@"; then
    echo "couler: the command has not written all of its outputs: they are not kept" >&2
elif [ "$noted" ] && "$box" mkdir "$here/kept" 2>/dev/null && each keep "$@" && echo "$took" >"$here/.done" &&
    "$box" mv "$here/.done" "$here/done"; then
    patiently 10 "$here/ready" && patiently "$limit" "$here/saved" "$here/ready"
fi
exit 0
