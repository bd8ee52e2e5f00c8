"""Statements as steps of the catalogue: who reads a table or a model waits for who makes it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import sqlglot
from sqlglot import exp

from couler_plugins.errors import InvalidInput, closest
from couler_plugins.generation.form import Form, FormStep, Given, Scalar, Taken
from couler_plugins.ir import fresh_name
from couler_plugins.sql.models import BY_NAME, ESTIMATORS, FROM_DATA, METRICS, bare_name, input_value, task_of
from couler_plugins.sql.statements import Attribute, Column, Evaluate, Place, Plain, Predict, Statement, Train

BOUND = re.compile(r"(?<![:\w\\]):(?=\w)")
"""What SQLAlchemy takes for a named value in a query."""
PLAIN_COLUMN = re.compile(r"(?:DENSE|NUMERIC)\(\s*(\w+)\s*\)", re.IGNORECASE)
"""A column as it is: SQLFlow says so of columns of numbers."""
NO_STEP = {
    "Explain": "no step of the catalogue explains a model",
    "Run": "a program of somebody else's is no step of the catalogue",
    "Solve": "no step of the catalogue solves linear programs",
}
NAME = re.compile(r"[^a-z0-9]+")


class Refused(InvalidInput):
    """A statement that no steps can be made of."""


def plan_program(
    statements: Sequence[Statement],
    name: str,
    *,
    database: str = "",
    store: str = "",
    models: Mapping[str, str] | None = None,
    common: Mapping[str, Scalar | tuple[Scalar, ...]] | None = None,
    file: str | None = None,
    dialect: str = "",
) -> Form:
    """Return the workflow of a program, as a form that `couler_plugins.generation` checks and composes.

    Args:
        statements: in the order of the program.
        name: of the workflow.
        database: the URL of the database; empty for the variable DATABASE_URL, from a Secret.
        store: where tables and models are kept between steps; empty for a run to say.
        models: places of models that no statement trains, by name.
        common: inputs that all steps are given that have them, such as `image`.
        file: the name of the program, for errors.
        dialect: of the statements.

    Raises:
        Refused: a statement asks for what no step does; line and column are named.
    """
    planner = _Planner(database, models or {}, common or {}, file, dialect)
    for statement in statements:
        planner.add(statement)
    outputs = tuple(Taken(name=_slug(model), source=source) for model, source in planner.trained.items())
    inputs = (Given(name="store", value=store or None),)
    return Form(name=_slug(name), inputs=inputs, steps=tuple(planner.steps), outputs=outputs)


class _Planner:
    def __init__(
        self,
        database: str,
        models: Mapping[str, str],
        common: Mapping[str, Scalar | tuple[Scalar, ...]],
        file: str | None,
        dialect: str,
    ) -> None:
        self.steps: list[FormStep] = []
        self.trained: dict[str, str] = {}
        self._database, self._models, self._common, self._file, self._dialect = database, models, common, file, dialect
        self._writers: dict[str, str] = {}
        self._readers: dict[str, list[str]] = {}
        self._queries: dict[str, str] = {}

    def add(self, statement: Statement) -> None:
        """Add the steps of a statement."""
        match statement:
            case Plain():
                self._plain(statement)
            case Train():
                self._train(statement)
            case Predict():
                self._predict(statement)
            case Evaluate():
                self._evaluate(statement)
            case _:
                kind = type(statement).__name__
                verb = kind.upper() if kind != "Solve" else getattr(statement, "verb", "")
                hint = "take it out, and do it beside the workflow"
                raise self._refusal(statement.verb_place, f"TO {verb}: {NO_STEP[kind]}", hint)

    def _plain(self, statement: Plain) -> None:
        if statement.kind == "Select" and not statement.writes:
            self._query(statement.query, statement.reads, "query")
            return
        text = statement.query
        tree = sqlglot.parse_one(text, dialect=self._dialect or None)
        into = tree.args.get("into") if isinstance(tree, exp.Select) else None
        if into is not None:  # not every database has SELECT … INTO
            tree.set("into", None)
            text = f"CREATE TABLE {into.this.sql(self._dialect or None)} AS {tree.sql(self._dialect or None)}"
        what = _slug(statement.writes.rpartition(".")[2] or statement.kind)
        needs = self._waits(statement.reads, statement.writes)
        step = self._step(f"make-{what}" if statement.writes else what, "sql-execute", needs, statement=text)
        self._writes(statement.writes, step)
        self._reads(statement.reads, step)

    def _query(self, query: str, reads: Sequence[str], name: str) -> str:
        """The step that asks for a query's table; one for all statements that ask the same of the same tables."""
        versions = ",".join(f"{table}@{self._writers.get(table, '')}" for table in reads)
        key = f"{query} {versions}"
        if key not in self._queries:
            needs = self._waits(reads)
            step = self._step(name, "sql-query", needs, query=BOUND.sub(r"\:", query))
            self._reads(reads, step)
            self._queries[key] = step
        return self._queries[key]

    def _train(self, statement: Train) -> None:
        if statement.estimator.lower() not in BY_NAME:
            near = closest(statement.estimator, ESTIMATORS) or f"there is {', '.join(ESTIMATORS)}"
            raise self._refusal(statement.verb_place, f"no step trains {statement.estimator!r}", near)
        estimator = BY_NAME[statement.estimator.lower()]
        if statement.using:
            raise self._refusal(statement.verb_place, "a training starts from no model here", "take USING out")
        if not statement.label:
            raise self._refusal(statement.verb_place, "TO TRAIN names no column to predict", "add LABEL")
        inputs: dict[str, object] = dict(estimator.inputs)
        for attribute in statement.attributes:
            inputs |= self._setting(attribute, estimator.settings, estimator.step)
        if "task" not in inputs:
            hint = 'add WITH objective="reg:squarederror" or "binary:logistic"'
            raise self._refusal(statement.verb_place, "it does not say whether it predicts classes or numbers", hint)
        features = tuple(name for column in statement.columns for name in self._feature(column))
        if features:
            inputs["features"] = features
        model = statement.into or f"model-{len(self.trained) + 1}"
        short = _slug(model.rpartition(".")[2])
        data = self._query(statement.query, statement.reads, f"data-of-{short}")
        sources = {"data": f"{data}.data"}
        step = self._step(f"train-{short}", estimator.step, (), sources, target=statement.label, **inputs)
        self.trained[model] = f"{step}.model"

    def _setting(self, attribute: Attribute, settings: Mapping[str, str], step: str) -> dict[str, object]:
        name = bare_name(attribute)
        if name in FROM_DATA:
            return {}
        if name == "objective" and step == "xgboost-train":
            task = task_of(str(attribute.value))
            if not task:
                hint = "write reg:…, binary:… or multi:…"
                raise self._refusal(attribute.place, f"the objective {attribute.value!r} is not known", hint)
            return {"task": task}
        if name not in settings:
            near = closest(name, settings) or f"it has {', '.join(settings)}"
            raise self._refusal(attribute.place, f"{step} has no setting {attribute.name!r}", near)
        return {settings[name]: input_value(attribute.value)}

    def _feature(self, column: Column) -> tuple[str, ...]:
        if column.text == "*":
            return ()
        if column.name:
            return (column.name,)
        plain = PLAIN_COLUMN.fullmatch(column.text)
        if plain is None:
            hint = "compute it in the SELECT, and name the column that it gives"
            raise self._refusal(column.place, f"{column.text!r} computes a column", hint)
        return (plain[1],)

    def _predict(self, statement: Predict) -> None:
        self._no_settings(statement.attributes, "TO PREDICT")
        table, _, column = statement.target.rpartition(".")
        if not table:
            table, column = column, "prediction"
        short = _slug(table.rpartition(".")[2])
        data = self._query(statement.query, statement.reads, f"data-for-{short}")
        sources = {"data": f"{data}.data"}
        constants: dict[str, object] = {"column": column}
        self._model(statement.using, statement.verb_place, sources, constants)
        step = self._step(f"predict-{short}", "batch-predict", (), sources, **constants)
        self._store(table, {"data": f"{step}.predictions"})

    def _evaluate(self, statement: Evaluate) -> None:
        if not statement.label:
            raise self._refusal(statement.verb_place, "TO EVALUATE names no column to compare with", "add LABEL")
        constants: dict[str, object] = {"target": statement.label}
        for attribute in statement.attributes:
            metric = METRICS.get(str(attribute.value).partition(",")[0].strip().lower())
            if attribute.name != "validation.metrics" or metric is None:
                hint = f"write validation.metrics=…: {', '.join(METRICS)}"
                raise self._refusal(attribute.place, f"{attribute.name}={attribute.value} is not known", hint)
            constants["metric"] = metric
        short = _slug(statement.model.rpartition(".")[2])
        data = self._query(statement.query, statement.reads, f"data-to-evaluate-{short}")
        sources = {"data": f"{data}.data"}
        self._model(statement.model, statement.verb_place, sources, constants)
        step = self._step(f"evaluate-{short}", "evaluate-model", (), sources, **constants)
        if statement.into:
            self._store(statement.into, {"values": f"{step}.metrics"})

    def _model(self, name: str, place: Place, sources: dict[str, str], constants: dict[str, object]) -> None:
        """The model of a statement: what a statement before trains, or the place that the caller names."""
        if name in self.trained:
            sources["model"] = self.trained[name]
        elif name in self._models:
            constants["model"] = self._models[name]
        else:
            models = [*self.trained, *self._models]
            near = closest(name, models) or f"train it before, or give its place: --model {name}=PLACE"
            raise self._refusal(place, f"no statement before trains the model {name!r}", near)

    def _store(self, table: str, sources: dict[str, str]) -> None:
        schema, _, name = table.rpartition(".")
        constants: dict[str, object] = {"name": name, **({"schema": schema} if schema else {})}
        step = self._step(f"store-{_slug(name)}", "sql-store", self._waits((), table), sources, **constants)
        self._writes(table, step)

    def _no_settings(self, attributes: Sequence[Attribute], what: str) -> None:
        for attribute in attributes:
            hint = "take it out"
            raise self._refusal(attribute.place, f"{what} has no setting {attribute.name!r} here", hint)

    def _step(
        self,
        step: str,
        use: str,
        needs: Sequence[str],
        sources: Mapping[str, str] | None = None,
        /,
        **constants: object,
    ) -> str:
        """Add a step, and return its name."""
        if use.startswith("sql-") and self._database:
            constants["url"] = self._database
        step = fresh_name(_slug(step), {other.name for other in self.steps})
        inputs = [Taken(name=key, value=value) for key, value in (constants | dict(self._common)).items()]  # type: ignore[arg-type]  # each is a constant of a form
        inputs += [Taken(name=key, source=source) for key, source in (sources or {}).items()]
        self.steps.append(FormStep(name=step, use=use, inputs=tuple(inputs), needs=tuple(dict.fromkeys(needs))))
        return step

    def _waits(self, reads: Sequence[str], writes: str = "") -> list[str]:
        """What has to have ended before a step reads some tables, and writes one."""
        waits = [self._writers[table] for table in reads if table in self._writers]
        if writes:
            waits += [self._writers[writes]] if writes in self._writers else []
            waits += self._readers.get(writes, [])
        return waits

    def _writes(self, table: str, step: str) -> None:
        if table:
            self._writers[table] = step
            self._readers[table] = []

    def _reads(self, tables: Sequence[str], step: str) -> None:
        for table in tables:
            self._readers.setdefault(table, []).append(step)

    def _refusal(self, place: Place, message: str, hint: str) -> Refused:
        return Refused(f"column {place.column}: {message}", file=self._file, line=place.line, hint=hint)


def _slug(name: str) -> str:
    """A name as forms have them."""
    slug = NAME.sub("-", name.lower()).strip("-")[:50].strip("-")
    return slug if slug[:1].isalpha() else f"s-{slug}".strip("-")
