"""Statements as steps of the catalogue: who reads a table or a model waits for who makes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from couler_plugins.generation.form import Form, FormStep, Given, Taken
from couler_plugins.generation.scope import VALUES_OWN
from couler_plugins.hookspecs import CatalogueStep
from couler_plugins.ir import fresh_name
from couler_plugins.sql import models
from couler_plugins.sql.ordering import Order
from couler_plugins.sql.settings import Constant, Settings
from couler_plugins.sql.statements import (
    Evaluate,
    Explain,
    Place,
    Plain,
    Predict,
    Query,
    Refused,
    Run,
    Solve,
    Statement,
    Train,
)

BOUND = re.compile(r"(?<![:\w$]):(?=[\w$]+(?![:\w$]))")
"""What SQLAlchemy takes for a named value in a query."""
NO_PLACEHOLDER = "write it otherwise, as with a space"
BOOSTED = ("xgboost-train", "lightgbm-train")
NAME = re.compile(r"[^a-z0-9]+")


class Options(NamedTuple):
    """What the workflow of a program is given.

    Attributes:
        database: the URL of the database; empty for the variable DATABASE_URL, from a Secret.
        store: where tables and models are kept between steps; empty for a run to say.
        registry: where models are published, and where those are that no statement trains; empty for a run to say.
        places: places of models that no statement trains, by name.
        packages: what steps with a database install as well, such as its driver.
        common: inputs that all steps are given that have them, such as `image`.
        file: the name of the program, for errors.
    """

    database: str = ""
    store: str = ""
    registry: str = ""
    places: Mapping[str, str] = {}
    packages: tuple[str, ...] = ()
    common: Mapping[str, Constant] = {}
    file: str | None = None


class Plan(NamedTuple):
    """The workflow of a program.

    Attributes:
        form: as `couler_plugins.generation` checks and composes it.
        statements: the names of the steps of each statement, in the order of the statements.
        notes: what is left out, a sentence each.
    """

    form: Form
    statements: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


class Trained(NamedTuple):
    """A model that a statement trains: the output that has it, what it predicts, and the step of the catalogue."""

    source: str
    task: str
    use: str


class Planner:
    """Makes steps of one statement after the other.

    Args:
        catalogue: the ready-made steps.
        options: what the workflow is given.
    """

    def __init__(self, catalogue: Mapping[str, CatalogueStep], options: Options) -> None:
        self._steps: dict[str, FormStep] = {}
        self._trained: dict[str, Trained] = {}
        self._notes: list[str] = []
        self._statements: list[tuple[str, ...]] = []
        self._order = Order()
        self._catalogue, self._options = catalogue, options
        self._settings = Settings(catalogue, options.file)

    def plan(self, name: str) -> Plan:
        """Return the workflow of the statements so far.

        Args:
            name: of the workflow.
        """
        read = {text for step in self._steps.values() for taken in step.inputs for text in taken.sources}
        values = {"store": self._options.store, "registry": self._options.registry, "database": self._options.database}
        inputs = tuple(
            Given(name=key, value=value or None)
            for key, value in values.items()
            if key == "store" or f"inputs.{key}" in read
        )
        outputs: dict[str, Taken] = {}
        for model, item in self._trained.items():
            output = fresh_name(slug(model), outputs)
            outputs[output] = Taken(name=output, source=item.source)
        steps, handed_out = tuple(self._steps.values()), tuple(outputs.values())
        form = Form(name=slug(name), inputs=inputs, steps=steps, outputs=handed_out)
        return Plan(form, tuple(self._statements), tuple(self._notes))

    def add(self, statement: Statement) -> None:
        """Add the steps of a statement.

        Raises:
            Refused: no step does what it asks for.
        """
        first = len(self._steps)
        if match := next(filter(None, map(VALUES_OWN.search, _texts(msgspec.to_builtins(statement)))), None):
            message = f"engines take {match[0]!r} for a placeholder"
            raise self._refusal(statement.place, message, NO_PLACEHOLDER)
        kinds: dict[type, Callable[..., None]] = {
            Plain: self._plain,
            Train: self._train,
            Predict: self._predict,
            Evaluate: self._evaluate,
            Explain: self._explain,
            Run: self._run,
            Solve: self._solve,
        }
        kinds[type(statement)](statement)
        self._statements.append(tuple(self._steps)[first:])

    def _plain(self, statement: Plain) -> None:
        if statement.kind == "SELECT":
            self._query(Query(statement.query, statement.reads), "query")
            return
        what = statement.writes[0].rpartition(".")[2] if statement.writes else ""
        step = self._step(
            f"{statement.kind.lower()}-{what}",
            "sql-execute",
            self._order.waits(statement.reads, statement.writes),
            statement=statement.query,
        )
        self._order.add(step, statement.reads, statement.writes, view=statement.view)

    def _query(self, query: Query, name: str) -> str:
        """Add the step that asks for a query's table, and return the output that has it."""
        waits = self._order.waits(query.reads)
        step = self._step(name, "sql-query", waits, query=BOUND.sub(r"\:", query.text))
        self._order.add(step, query.reads)
        return f"{step}.data"

    def _store(self, table: str, **sources: str) -> None:
        """Add the step that writes a table into the database."""
        schema, _, name = table.rpartition(".")
        constants: dict[str, Constant] = {"name": name, **({"schema": schema} if schema else {})}
        written = (table.lower(),)
        step = self._step(f"store-{name}", "sql-store", self._order.waits((), written), sources, **constants)
        self._order.add(step, (), written)

    def _train(self, statement: Train) -> None:
        place = statement.verb_place
        if statement.using:
            raise self._refusal(place, f"a training cannot start from the model {statement.using!r}", "take USING out")
        if not statement.label:
            raise self._refusal(place, "TO TRAIN names no column to predict", "add LABEL")
        use, own = self._settings.training(statement)
        task = str(own["task"])
        short = statement.into.rpartition(".")[2] or statement.estimator.rpartition(".")[2]
        data = self._query(Query(statement.query, statement.reads), f"data-of-{short}")
        step = self._step(f"train-{short}", use, (), {"data": data}, target=statement.label, **own)
        sources = {"model": f"{step}.model"}
        if statement.validation is not None:
            metric = self._settings.metric(statement.attributes) or models.METRIC_OF_TASK[task]
            control = self._query(statement.validation, f"data-to-validate-{short}")
            judge = {**sources, "data": control}
            valid = self._step(f"validate-{short}", "evaluate-model", (), judge, target=statement.label, metric=metric)
            sources["metrics"] = f"{valid}.metrics"
        if statement.into:
            self._trained[statement.into] = Trained(f"{step}.model", task, use)
            resource = (f"model {statement.into}",)
            sources["registry"] = "inputs.registry"
            waits = self._order.waits((), resource)
            published = self._step(f"publish-{short}", "register-model", waits, sources, name=statement.into)
            self._order.add(published, (), resource)

    def _predict(self, statement: Predict) -> None:
        self._settings.check_prediction(statement)
        table, _, column = statement.target.rpartition(".")
        if not table:
            table, column = column, "prediction"
        short = table.rpartition(".")[2]
        data = self._query(Query(statement.query, statement.reads), f"data-for-{short}")
        sources, constants = self._model(statement.using)
        step = self._step(
            f"predict-{short}", "batch-predict", (), {**sources, "data": data}, column=column, **constants
        )
        self._store(table, data=f"{step}.predictions")

    def _evaluate(self, statement: Evaluate) -> None:
        if not statement.label:
            hint = "add LABEL"
            raise self._refusal(statement.verb_place, "TO EVALUATE names no column to compare with", hint)
        trained = self._trained.get(statement.model)
        task = trained.task if trained is not None else "classification"
        metric = self._settings.metric(statement.attributes, only=True) or models.METRIC_OF_TASK[task]
        short = statement.model.rpartition(".")[2]
        data = self._query(Query(statement.query, statement.reads), f"data-to-evaluate-{short}")
        sources, constants = self._model(statement.model)
        constants |= {"target": statement.label, "metric": metric}
        step = self._step(f"evaluate-{short}", "evaluate-model", (), {**sources, "data": data}, **constants)
        if statement.into:
            self._store(statement.into, values=f"{step}.metrics")

    def _explain(self, statement: Explain) -> None:
        own, notes = self._settings.explanation(statement)
        trained = self._trained.get(statement.model)
        if own["method"] == "contributions" and trained is not None and trained.use not in BOOSTED:
            message = f"{statement.using} is for boosted trees, and {trained.use} trains none"
            raise self._refusal(statement.verb_place, message, "write USING PermutationExplainer, or nothing")
        self._notes += notes
        short = statement.model.rpartition(".")[2]
        data = self._query(Query(statement.query, statement.reads), f"data-to-explain-{short}")
        sources, constants = self._model(statement.model)
        step = self._step(f"explain-{short}", "explain-model", (), {**sources, "data": data}, **own, **constants)
        if statement.into:
            self._store(statement.into, data=f"{step}.importances")

    def _run(self, statement: Run) -> None:
        hint = "take it out, and run the image as a step of its own"
        raise self._refusal(statement.verb_place, f"TO RUN: no step runs the image {statement.image!r}", hint)

    def _solve(self, statement: Solve) -> None:
        hint = "take it out, and solve it beside the workflow"
        raise self._refusal(statement.verb_place, f"TO {statement.verb}: no step solves linear programs", hint)

    def _model(self, name: str) -> tuple[dict[str, str], dict[str, Constant]]:
        """The model of a statement: what one before trains, what the caller names, or what is published."""
        if name in self._trained:
            return {"model": self._trained[name].source}, {}
        if name in self._options.places:
            return {}, {"model": self._options.places[name]}
        resource = (f"model {name}",)
        sources = {"registry": "inputs.registry"}
        step = self._step(f"load-{name.rpartition('.')[2]}", "load-model", (), sources, name=name)
        self._order.add(step, resource)
        return {"model": f"{step}.model"}, {}

    def _step(
        self, step: str, use: str, needs: Sequence[str], sources: Mapping[str, str] = {}, /, **constants: Constant
    ) -> str:
        """Add a step, and return its name."""
        declared = {item.name: item.default for item in self._catalogue[use].inputs}
        sources = {**sources} | ({"url": "inputs.database"} if "url" in declared and self._options.database else {})
        if "url" in declared and self._options.packages:
            own = declared["packages"]
            constants["packages"] = (*(own if isinstance(own, tuple) else ()), *self._options.packages)
        constants |= {key: value for key, value in self._options.common.items() if key in declared}
        step = fresh_name(slug(step), self._steps)
        inputs = [Taken(name=key, value=value) for key, value in constants.items()]
        inputs += [Taken(name=key, source=source) for key, source in sources.items()]
        self._steps[step] = FormStep(name=step, use=use, inputs=tuple(inputs), needs=tuple(needs))
        return step

    def _refusal(self, place: Place, message: str, hint: str) -> Refused:
        return Refused(message, place, file=self._options.file, hint=hint)


def _texts(data: object) -> Iterator[str]:
    """All texts of a statement."""
    if isinstance(data, dict):
        data = list(data.values())
    if isinstance(data, str):
        yield data
    for item in data if isinstance(data, list | tuple) else ():
        yield from _texts(item)


def slug(name: str) -> str:
    """Return a name as forms have them: small letters, digits and hyphens."""
    text = NAME.sub("-", name.lower()).strip("-")[:40].strip("-")
    return text if text[:1].isalpha() else f"s-{text}".strip("-")
