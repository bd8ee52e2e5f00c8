"""`@tune` above `@task`: Airflow tries settings of a training in mapped tasks, and runs it with the best one.

    @tune(data={"name": "churn", "metric": "auc"}, space={"rate": {"type": "float", "low": 0, "high": 1}}, trials=8)
    @task
    def train(table: str, rate: float = 0.1) -> dict: ...

    train(load())        # train_trials (mapped), train_best, and train, with its task_id and its results

The settings are chosen while the file is read, and have to be the same in every process that reads it: so no model is
asked here (a record of what one has answered may be replayed).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from couler_airflow.installed import installed_plugins
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.hookspecs.trials import Space, Task
from couler_plugins.hpo.reading import read_task
from couler_plugins.hpo.workflows.select_best import best
from couler_plugins.hpo.workflows.tuning import settings_to_try
from couler_plugins.hpo.workflows.values import read_value
from couler_plugins.plugins import TUNERS

NUMBER = "couler_trial"
MOST = 1_000
HINT = "pass a constant, or leave the parameter out of the search space"


def tune(
    *,
    data: Mapping[str, Any],
    space: Mapping[str, Any],
    model: Mapping[str, Any] | None = None,
    candidates: Sequence[Mapping[str, Any]] = (),
    trials: int,
    parallel: int = 0,
    tuner: str = "optuna",
) -> Callable[[Any], Tuned]:
    """Lets Airflow try settings of a `@task` function before it runs.

    The metric is what the function returns: a number, or a mapping that has it by its name. A trial that fails counts
    for nothing; where all fail, the task runs with what its owner has set.

    Args:
        data, space, model, candidates: as in a file of `couler tune`.
        trials: how many settings are tried, what is set now among them; 2 to 1,000.
        parallel: how many of them run at a time; 0 for as many as Airflow lets.
        tuner: what proposes them, such as `optuna{seed=3}` or `llm{replay=asked.jsonl}`.

    Raises:
        InvalidInput: what is said makes no sense.
    """
    texts = {"data": data, "model": model, "space": space, "candidates": [*candidates]}
    task = read_task({name: content for name, content in texts.items() if content})
    if trials not in range(2, MOST + 1):
        hint = "the first of them is what is set now"
        raise InvalidInput(f"trials: {trials!r:.20} is no number from 2 to {MOST:,}", engine="airflow", hint=hint)
    if parallel not in range(MOST + 1):
        hint = "leave it out for as many as Airflow lets"
        raise InvalidInput(f"parallel: {parallel!r:.20} is no number of trials", engine="airflow", hint=hint)
    return lambda target: Tuned(target, task, trials, parallel, tuner)


class Tuned:
    """A `@task` function that is tuned wherever it is called.

    Args:
        target: what `@task` has made of the function.
        task: what is tuned.
        trials: how many settings are tried.
        parallel: how many of them run at a time; 0 for any number.
        tuner: what proposes them.

    Raises:
        InvalidInput: that is no `@task` function, or it has no such parameters.
    """

    def __init__(self, target: Any, task: Task, trials: int, parallel: int, tuner: str) -> None:
        self._function = _function_of(target)
        self._target, self._task, self._trials, self._parallel, self._tuner = target, task, trials, parallel, tuner
        self._signature = inspect.signature(self._function)
        for name, parameter in self._signature.parameters.items():
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
                raise self._refusal(f"takes {name!r} by its position", "mapped tasks are given all by its name")
        kinds = {parameter.kind: name for name, parameter in self._signature.parameters.items()}
        self._others = kinds.get(inspect.Parameter.VAR_KEYWORD, "")
        for name in task.space.names:
            if name not in self._signature.parameters:
                raise self._refusal(f"has no parameter {name!r}", f"it has {', '.join(self._signature.parameters)}")

    def override(self, **options: Any) -> Tuned:
        """The same with other options of its operator, as `@task` functions have it."""
        return Tuned(self._target.override(**options), self._task, self._trials, self._parallel, self._tuner)

    def partial(self, **given: Any) -> Any:
        """Raises `InvalidInput`: what is mapped has no one best setting."""
        raise self._refusal("is mapped", "tune a call of it that is not")

    expand = expand_kwargs = partial

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Adds the trials, what picks the best of them, and the task itself; its result, as without tuning.

        Raises:
            InvalidInput: a hyperparameter is set to what the search space does not hold.
            Unsupported: only a run knows a hyperparameter, or one has no value in some setting.
        """
        values = dict(self._signature.bind_partial(*args, **kwargs).arguments)
        values |= values.pop(self._others, {})
        settings = self._settings(values)
        if len(settings) < 2:
            return self._target(**values)
        fixed = {name: value for name, value in values.items() if name not in self._task.space.names}
        card, task_id = self._task.data, self._target.kwargs["task_id"]
        items = [{NUMBER: number, **setting} for number, setting in enumerate(settings)]
        measured = self._trials_of(task_id).partial(**fixed).expand_kwargs(items)
        pick = self._picker(f"{task_id}_best")
        chosen = pick(measured=measured, settings=settings, metric=card.metric, maximize=card.goal == "maximize")
        return self._target(**fixed, **{name: chosen[name] for name in self._task.space.names})

    def _trials_of(self, task_id: str) -> Any:
        """The decorated function that trains once, with the options of its owner's."""
        import attr

        trial = _trial(self._function, self._signature, self._task.data.metric)
        options = {**self._target.kwargs, "task_id": f"{task_id}_trials"}
        if self._parallel:
            options["max_active_tis_per_dagrun"] = self._parallel
        return attr.evolve(self._target, function=trial, kwargs=options, multiple_outputs=False)

    def _picker(self, task_id: str) -> Any:
        from airflow.sdk import task

        return task(task_id=task_id, trigger_rule="all_done", multiple_outputs=True)(pick_best)

    def _settings(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All values of each trial, what is set now first."""
        space = self._task.space
        set_now = {
            name: read_value(name, parameter, value)
            for name, parameter in space.parameters
            if (value := self._set_now(name, values)) is not None
        }
        task = msgspec.structs.replace(self._task, space=space.with_defaults(set_now))
        tuner = installed_plugins().parse(TUNERS, self._tuner)
        if getattr(tuner, "model", "") and not getattr(tuner, "replay", ""):
            hint = "ask it once with couler tune and record=FILE, and give replay=FILE here"
            raise Unsupported(f"{self._tuner} would ask a model whenever the file is read", engine="airflow", hint=hint)
        proposals = settings_to_try(tuner, task, self._trials)
        return [self._whole(task.space, dict(proposal.values)) for proposal in proposals]

    def _set_now(self, name: str, values: Mapping[str, Any]) -> object:
        default = self._signature.parameters[name].default
        value = values.get(name, None if default is inspect.Parameter.empty else default)
        if value is not None and not isinstance(value, (bool, int, float, str)):
            raise self._refusal(f"gets {name!r} from another task", HINT)
        return value

    def _whole(self, space: Space, values: dict[str, Any]) -> dict[str, Any]:
        whole = {name: values.get(name, parameter.default) for name, parameter in space.parameters}
        for name, value in whole.items():
            if value is None:
                raise self._refusal(f"has no {name!r} in settings in which that does not count", "give it a default")
        return whole

    def _refusal(self, reason: str, hint: str) -> InvalidInput:
        return InvalidInput(f"the task {self._target.kwargs['task_id']!r} {reason}", engine="airflow", hint=hint)


def pick_best(
    measured: Sequence[Any], settings: list[dict[str, Any]], metric: str, maximize: bool
) -> dict[str, Any]:  # the body of a task
    """The best setting, from what those trials have left that did not fail."""
    trials = [(str(number), text) for number, text in measured or ()]
    return best(settings, trials, metric, maximize)


def _trial(function: Callable[..., Any], signature: inspect.Signature, metric: str) -> Callable[..., list[Any]]:
    """Trains once, and gives the number of the setting with the metric, as a text: models are no XComs."""

    @functools.wraps(function)
    def trial(*args: Any, **kwargs: Any) -> list[Any]:
        number = kwargs.pop(NUMBER)
        result = function(*args, **kwargs)
        return [number, str(result.get(metric) if isinstance(result, Mapping) else result)]

    parameters = [*signature.parameters.values(), inspect.Parameter(NUMBER, inspect.Parameter.KEYWORD_ONLY)]
    parameters.sort(key=lambda parameter: parameter.kind)
    trial.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # any may have it
    del trial.__wrapped__
    trial.__annotations__ = {}
    return trial


def _function_of(target: Any) -> Callable[..., Any]:
    """The function that `@task` decorates.

    Raises:
        InvalidInput: it is none, or one that runs somewhere else than in its worker.
    """
    operator = getattr(target, "operator_class", None)
    function = getattr(target, "function", None)
    if operator is None or not callable(function):
        raise InvalidInput("only a @task function is tuned", engine="airflow", hint="put @tune(…) above @task")
    if operator.__name__ != "_PythonDecoratedOperator":
        reason = f"{function.__name__!r} runs as {operator.__name__.strip('_')}, from its source alone"
        raise Unsupported(reason, engine="airflow", feature="tune", hint="tune a plain @task")
    plain: Callable[..., Any] = function
    return plain
