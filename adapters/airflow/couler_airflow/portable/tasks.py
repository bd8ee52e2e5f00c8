"""Tasks as functions: those of Python, those that decide over what comes after them, and commands that read XComs."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Collection, Mapping
from typing import Any

from couler_airflow.portable.arguments import Arguments
from couler_airflow.portable.context import INSTANCE, OBJECTS, Reader, Uses
from couler_airflow.portable.legality import check_task, refuse
from couler_airflow.portable.programs import Program, free_name, identifier
from couler_plugins.engine_kit.legalize.legality import raise_all
from couler_plugins.ir import Reference

PYTHON = frozenset(
    {"python_callable", "op_args", "op_kwargs", "templates_dict", "templates_exts", "do_xcom_push", "definition_name"}
)
ENVIRONMENT = frozenset(
    {
        "requirements",
        "serializer",
        "system_site_packages",
        "venv_cache_path",
        "python",
        "expect_airflow",
        "string_args",
        "expect_pendulum",
        "inherit_env",
        "use_dill",
        "skip_on_exit_code",
        "ignore_downstream_trigger_rules",
    }
)
"""Arguments of operators that make an environment of their own: elsewhere, a step has one in any case."""
BASH = frozenset(
    {
        "bash_command",
        "env",
        "append_env",
        "cwd",
        "output_processor",
        "skip_on_exit_code",
        "do_xcom_push",
        "output_encoding",
    }
)
RUN = """\
def _run(command, env, append, cwd):
    with _tempfile.TemporaryDirectory(prefix="airflowtmp") as folder:
        process = _subprocess.Popen(
            ["bash", "-c", command],
            stdout=_subprocess.PIPE,
            stderr=_subprocess.STDOUT,
            cwd=cwd or folder,
            env={**_os.environ, **env} if append or not env else env,
        )
        last = ""
        for line in process.stdout:
            last = line.decode(errors="backslashreplace").rstrip()
            print(last)
        return process.wait(), last
"""


def fields_of(task: Any) -> Mapping[str, Any]:
    """What an operator was given."""
    return task.partial_kwargs if task.is_mapped else task._BaseOperator__init_kwargs  # type: ignore[no-any-return]


def value_of(task: Any, name: str) -> Any:
    """What an operator has as an argument."""
    value = fields_of(task).get(name)
    of_itself = not task.is_mapped or name in ("python_callable", "multiple_outputs")
    return getattr(task, name, value) if of_itself else value


def python_program(
    task: Any, items: Collection[str] = (), carried: Collection[str] = ENVIRONMENT
) -> tuple[Program, bool]:
    """Return the program of a task that calls a function, and whether that returns something.

    Args:
        task: the task.
        carried: arguments of its operator that are carried beside those of the function.
        items: the names of what it is given of the loop; each is a parameter of the program.

    Raises:
        Unsupported: only Airflow can call the function.
    """
    raise_all(check_task(task, fields_of(task), {*PYTHON, *carried}))
    program = Program(task)
    function = value_of(task, "python_callable")
    name = program.closure.add(function)
    _install(program, task)
    call = _call(program, function, name, items)
    program.calls(f"asyncio_run({call})" if inspect.iscoroutinefunction(function) else call)
    if inspect.iscoroutinefunction(function):
        program.set_up("from asyncio import run as asyncio_run")
    tree = _definition(program.closure.texts[name])
    returns = isinstance(tree, ast.Lambda) or any(
        isinstance(node, ast.Return) and node.value is not None for node in ast.walk(tree)
    )
    if value_of(task, "multiple_outputs"):
        program.lines.append("_pushed.update(_result or {})")
    return program, returns and value_of(task, "do_xcom_push") is not False


def _install(program: Program, task: Any) -> None:
    wanted = fields_of(task).get("requirements") or ()
    if isinstance(wanted, str) or any(not isinstance(item, str) or "{{" in item for item in wanted):
        raise refuse("Operation.kind", task.task_id, "has a file of requirements", "list them")
    program.closure.packages.update(dict.fromkeys(wanted))


def _definition(source: str) -> Any:
    """The function, or the lambda, that a source defines."""
    (statement,) = ast.parse(source).body
    return statement.value if isinstance(statement, ast.Assign) else statement


def _call(program: Program, function: Any, name: str, items: Collection[str]) -> str:
    """The call of a function, with what Airflow would pass to it."""
    task = program.task
    args, kwargs = value_of(task, "op_args") or (), dict(value_of(task, "op_kwargs") or {})
    if not isinstance(args, (list, tuple)) or not isinstance(kwargs, Mapping):
        raise refuse("Step.arguments", task.task_id, "gets its arguments by an XCom as a whole", "pass them one by one")
    arguments = Arguments(program, value_of(task, "templates_exts") or ())
    tree = _definition(program.closure.texts[name])
    parameters = inspect.signature(function).parameters
    if "definition_name" in fields_of(task) and any(item.default is item.empty for item in parameters.values()):
        raise refuse("Step.arguments", task.task_id, "gets an asset, or events of it, which only Airflow knows")
    positional = {key for key, _ in zip(parameters, args, strict=False)}
    uses = Reader(task.task_id, {*positional, *kwargs, *items}).read(tree)
    written = [arguments.python(item) for item in args]
    passed = {key: arguments.python(value) for key, value in kwargs.items()}
    loop_items = {key: Reference(to="item", name="" if len(items) == 1 else key) for key in items}
    passed |= {
        key: f"_json.loads({program.parameter(f'item_{key}', 'text', item)})" for key, item in loop_items.items()
    }
    dictionary = value_of(task, "templates_dict")
    context = _context(program, uses, None if dictionary is None else arguments.python(dictionary))
    program.set_up(f"_pulled = {_pulled(program, uses)}") if uses.pulls or not uses.keys.isdisjoint(INSTANCE) else None
    by_keyword = {item.name for item in parameters.values() if item.kind is inspect.Parameter.VAR_KEYWORD}
    for key, item in parameters.items():
        if key in context and key not in passed and key not in positional:
            passed[key] = context[key]
        elif key in OBJECTS and key not in passed and item.default is inspect.Parameter.empty and key not in positional:
            passed[key] = "None"
    if by_keyword:
        passed = {**context, **passed}
    if "get_current_context" in program.closure.texts[name]:
        rows = ", ".join(f"{key!r}: {value}" for key, value in {**context, **passed}.items())
        program.set_up(f"get_current_context = {{{rows}}}.copy")
    extra = [f"{key}={value}" if key.isidentifier() else f"**{{{key!r}: {value}}}" for key, value in passed.items()]
    return f"{name}({', '.join([*written, *extra])})"


def _context(program: Program, uses: Uses, dictionary: str | None) -> dict[str, str]:
    """What stands for the keys of the context that a function reads."""
    values: dict[str, str] = {}
    for key in sorted(uses.keys):
        if key == "templates_dict" and dictionary is not None:
            values[key] = dictionary
        elif key == "dag_run":
            values[key] = program.run_object(uses.attributes)
        elif key in ("task", "dag"):
            values[key] = program.named_object()
        else:
            values[key] = program.use(key)
    return values


def _pulled(program: Program, uses: Uses) -> str:
    rows = (f"({task!r}, {key!r}): {program.pull(task, key)}" for task, key in sorted(uses.pulls))
    return "{" + ", ".join(rows) + "}"


# Commands.


def bash_program(task: Any) -> Program:
    """Return the program of a command, which runs it by itself.

    Raises:
        Unsupported: it is given what only Airflow knows.
    """
    raise_all(check_task(task, fields_of(task), BASH))
    program = Program(task)
    arguments = Arguments(program, getattr(task, "template_ext", ()))
    command = arguments.python(task.bash_command)
    _run_bash(program, task, command, arguments)
    return program


def bash_of_function(task: Any) -> Program:
    """Return the program of a function that returns a command, which is run then.

    Raises:
        Unsupported: only Airflow can call the function.
    """
    program, _ = python_program(task, carried=BASH)
    if any("{{" in text or "{%" in text for text in program.closure.texts.values()):
        raise refuse("Step.arguments", task.task_id, "returns a text that Airflow renders", "put the values in")
    program.lines.append("_command = _result")
    _run_bash(program, task, "_command", Arguments(program))
    return program


def _run_bash(program: Program, task: Any, command: str, arguments: Arguments) -> None:
    env, codes = value_of(task, "env") or {}, value_of(task, "skip_on_exit_code")
    codes = [99] if codes is None else [codes] if isinstance(codes, int) else list(codes)
    program.define(RUN)
    append = bool(value_of(task, "append_env"))
    cwd = arguments.python(value_of(task, "cwd"))
    program.lines += [
        f"_code, _result = _run({command}, {arguments.python(env)}, {append}, {cwd})",
        f"_skipped = {'_skipped or ' if program.catches else ''}_code in {codes!r}",
        "if _code and not _skipped:",
        "    raise SystemExit(f'the command ended with {_code}')",
    ]
    program.catches = True
    processor = fields_of(task).get("output_processor")
    if processor is not None:
        if getattr(processor, "__module__", "") == "json" and processor.__name__ == "loads":
            program.lines.append("_result = None if _skipped else _json.loads(_result)")
        else:
            name = program.closure.add(processor)
            program.lines.append(f"_result = None if _skipped else {name}(_result)")
    if value_of(task, "multiple_outputs"):
        program.lines.append("_pushed.update(_result or {})")


# What decides over those after it.


def choose(program: Program, following: Mapping[str, Collection[str]], ids: Collection[str]) -> dict[str, str]:
    """Let a program tell which tasks run, by the ids that it returns; return the outputs that do, by task.

    Args:
        program: what returns the ids.
        following: for each task right after it, the ids that let it run.
        ids: all ids that it may return.
    """
    program.lines += [
        "_chosen = [_result] if isinstance(_result, str) else list(_result or ())",
        f"if not {{*_chosen}} <= {{*{sorted(ids)!r}}}:",
        "    raise ValueError(f'{_chosen} are no tasks')",
    ]
    rows = ", ".join(
        f"{task!r}: not {{*_chosen}}.isdisjoint({sorted(own)!r})" for task, own in sorted(following.items())
    )
    program.lines += [f"_runs = {{{rows}}}", "_result = _result if all(_runs.values()) else None  # as in Airflow"]
    outputs: dict[str, str] = {}
    for task in sorted(following):
        name = outputs[task] = free_name(f"runs_{identifier(task)}", program.outputs)
        program.outputs[name] = f"str(_runs[{task!r}]).lower()"
    return outputs


PASSES = "passes"
SKIPPED = "skipped"


def stop(program: Program) -> None:
    """Let a program tell, by an output, whether what comes after it runs."""
    program.lines += ["_passes = bool(_result)", "_result = _result if _passes else None  # as in Airflow"]
    program.outputs[PASSES] = "str(_passes).lower()"
