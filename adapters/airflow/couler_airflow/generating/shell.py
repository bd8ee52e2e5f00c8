r"""What runs around a command in the pod of a generated task, in POSIX shell; the image needs sh, awk, tee and mktemp.

Each is a program of its own that runs the command behind its arguments, so they can be nested.
Argo takes one newline from the end of what it reads (`workflow/executor`: "Trims off a single newline for user
convenience"), appends the path of a script to its command, and fails where a file is missing and nothing stands in.
"""

from __future__ import annotations

__all__ = ["COLLECT"]

COLLECT = r"""
run() { until [ "$1" = -- ]; do shift 3; done; shift; "$@"; }
quoted() {
  LC_ALL=C awk '
    BEGIN { for (i = 1; i < 32; i++) code[sprintf("%c", i)] = sprintf("\\u%04x", i)
            code["\""] = "\\\""; code["\\"] = "\\\\"; printf "\"" }
    { if (NR > 1) printf "\\n"
      for (i = 1; i <= length($0); i++) { c = substr($0, i, 1); printf "%s", (c in code) ? code[c] : c } }
    END { printf "\"" }'
}
if [ "$1" = result ]; then
  { run "$@"; echo $? > /airflow/xcom/status; } | tee "$2"
  status=$(cat /airflow/xcom/status)
else
  run "$@"; status=$?
fi
[ "$status" = 0 ] || exit "$status"
separator='{'
until [ "$1" = -- ]; do
  if [ -e "$2" ]; then value=$(quoted < "$2")
  elif [ -n "$3" ]; then value=$(printf '%s\n' "${3#=}" | quoted)
  else echo "the output $1 is missing: there is no file $2" >&2; exit 1
  fi
  printf '%s"%s":%s' "$separator" "$1" "$value"
  separator=,
  shift 3
done > /airflow/xcom/outputs
printf '}' >> /airflow/xcom/outputs
mv /airflow/xcom/outputs /airflow/xcom/return.json
"""
"""`sh -c COLLECT sh [NAME FILE =DEFAULT|'']… -- COMMAND…`: runs the command; then the outputs are in return.json.

The output `result` comes first where there is one: it is what the command prints.
"""
