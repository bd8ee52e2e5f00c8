"""How good generated workflows are: by tasks with right answers, over any endpoint that speaks OpenAI's protocol.

python -m benchmarks.nl --json nl.json --plot nl.svg --model qwen3 --url http://localhost:8000/v1 --record asked.jsonl

Every method answers every task of `nl_tasks` several times, with seeds that all methods share. `direct` asks once, with
the whole catalogue in the question; `pipeline` is what `couler generate` does; the others are the pipeline with one
stage left out. Without a model (or with --plumbing, for one that is too small to mean it), the quality is reported as
not measured; a stand-in that knows the answers and makes mistakes proves that the scores tell better from worse.

Figures:

quality           by method, where it was measured: `valid` (every engine of the task takes it, and its lint finds no
                  error), the same by engine, `node_f1`, `edge_f1`, `equal` (the same graph), `properties` (all that
                  has to hold does), `pass@1`, `pass@3`, `pass@5` (valid, equal, with all properties; unbiased),
                  `repairs` and `tokens` a workflow; `question_tokens`, those of the questions alone, by our own count
plumbing          the same, where it was not
stand_in          by noise of the stand-in, the `pass@1` of `direct` and of the `pipeline`
question_tokens   by method, tokens of the questions for a workflow that needs no repair, as `nl_models.py` counts them
retrieval         by how many steps are retrieved for a description alone, the share of those of the right workflow
calibration       how often a right workflow scores more than itself with a step left out, and with one step replaced
                  by another of the catalogue (`less`: less; `same`: the same)
tasks             by task, the `pass@1` of the pipeline
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from benchmarks.harness import in_parallel, parser, report, tell
from benchmarks.nl_models import StandIn, tokens_of
from benchmarks.nl_plot import draw
from benchmarks.nl_scoring import Score, mean, pass_at, plugins, score
from benchmarks.nl_task import ENGINES, Task, tasks
from couler_plugins.errors import CoulerError
from couler_plugins.generation.calibration import calibrate
from couler_plugins.generation.form import CODE, Form
from couler_plugins.generation.generation import generate
from couler_plugins.generation.generation_options import GenerationOptions, Stages
from couler_plugins.generation.lake import library
from couler_plugins.generation.retrieval import retrieve
from couler_plugins.generation.scope import waits_for
from couler_plugins.llm.access import ModelAccess
from couler_plugins.llm.client import Client, Reply, Request
from couler_plugins.plugins import STEPS

DIRECT, PIPELINE = "direct", "pipeline"
STAGES = ("decompose", "retrieve", "constrain", "repair", "calibrate")
METHODS = {
    DIRECT: Stages(**dict.fromkeys(STAGES, False)),
    PIPELINE: Stages(),
    **{f"without {stage}": replace(Stages(), **{stage: False}) for stage in STAGES},
}
"""Which stages each method has."""

KS = (1, 3, 5)
NOISES = (0.0, 0.1, 0.3, 0.6)
NOISE = 0.3
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Run:
    """What came of one question."""

    score: Score
    repairs: int = 0
    tokens: int = 0
    question_tokens: int = 0


@dataclass(frozen=True)
class Job:
    """A method on a task, so many times."""

    task: Task
    method: str
    samples: int
    access: ModelAccess | float
    temperature: float

    def __call__(self) -> list[Run]:
        return [self._run(seed) for seed in range(self.samples)]

    @property
    def cost(self) -> float:
        return len(self.task.oracle.steps) * self.samples

    def _run(self, seed: int) -> Run:
        known = library(plugins().all(STEPS))
        client = Counting(self._client())
        manner = GenerationOptions(stages=METHODS[self.method], seed=seed, temperature=self.temperature)
        try:
            made = generate(client, self.task.description, known, manner)
        except CoulerError as error:
            if error.exit_code != 2 or client.tokens == 0:
                raise  # no server, no key: nothing that says how good a workflow is
            return Run(Score(of=self.task.engines), 0, client.tokens, client.question_tokens)
        return Run(score(made.form, self.task, known.steps), made.repairs, client.tokens, client.question_tokens)

    def _client(self) -> Client:
        if isinstance(self.access, ModelAccess):
            return self.access.opened("this benchmark", "--model NAME --url URL")
        return StandIn([self.task], self.access)


class Counting:
    """A client that counts tokens: as its server does, and those of the questions alike for all servers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.tokens = self.question_tokens = 0

    def complete(self, request: Request) -> Reply:
        self.question_tokens += sum(tokens_of(message.content) for message in request.messages)
        reply = self._client.complete(request)
        self.tokens += reply.tokens_in + reply.tokens_out
        return reply


def main() -> None:
    flags = parser(__doc__ or "", "a folder of tasks (`nl_tasks/README.md` says what one is), instead of our own")
    flags.add_argument("--samples", type=int, help="answers to each task (default: 5; 3 with --quick)")
    flags.add_argument("--method", action="append", choices=list(METHODS), help="only these (several for several)")
    flags.add_argument("--model", default="", help="the model, as its server calls it")
    flags.add_argument("--url", default="", help="where OpenAI's protocol is spoken")
    flags.add_argument("--key-variable", default="OPENAI_API_KEY", help="the environment variable with the key")
    flags.add_argument("--temperature", type=float, default=0.7, help="how freely the model draws")
    flags.add_argument("--timeout", type=float, default=120.0, help="seconds that one answer may take")
    flags.add_argument("--record", default="", help="add all questions and answers to this file (with --jobs 1)")
    flags.add_argument("--replay", default="", help="take the answers of such a file")
    flags.add_argument(
        "--plumbing", action="store_true", help="the model is too small for its figures to mean anything"
    )
    flags.add_argument("--jobs", type=int, default=1, help="processes at once")
    options = flags.parse_args()
    subjects = tasks(options.traces) if options.traces else tasks()[:: 4 if options.quick else 1]
    samples = options.samples or (3 if options.quick else 5)
    methods = options.method or list(METHODS)
    is_model = bool(options.model or options.replay)
    access: ModelAccess | float = NOISE
    if is_model:
        names = ("model", "url", "key_variable", "timeout", "record", "replay")
        access = ModelAccess(calls=None, **{name: getattr(options, name) for name in names})
    tell(f"{len(subjects)} tasks, {samples} answers each by {', '.join(methods)}")
    jobs = {one: [Job(task, one, samples, access, options.temperature) for task in subjects] for one in methods}
    done = in_parallel(jobs, options.jobs)
    found = {method: summary(done[method]) for method in methods}
    stand_in = stand_in_figures(subjects, samples, options.jobs)
    measured = is_model and not options.plumbing
    figures: dict[str, Any] = {
        "asked": len(subjects),
        "samples": samples,
        "model": options.model or ("replayed" if is_model else f"stand-in, noise {NOISE}"),
        "quality": found if measured else NOT_MEASURED,
        "plumbing": NOT_MEASURED if measured else found,
        "stand_in": {noise: {name: one["pass@1"] for name, one in some.items()} for noise, some in stand_in.items()},
        "question_tokens": {name: one["question_tokens"] for name, one in stand_in["0.0"].items()},
        "retrieval": {str(most): recall(subjects, most) for most in (5, 10, 20)},
        "calibration": separated(subjects, options.seed),
    }
    if PIPELINE in methods:
        rights = (sum(run.score.passed for run in runs) for runs in done[PIPELINE])
        figures["tasks"] = {task.name: right / samples for task, right in zip(subjects, rights, strict=True)}
    report(options, figures)
    if options.plot:
        said = figures["model"] if measured else f"{figures['model']}: it proves the plumbing, quality is not measured"
        draw(options.plot, found, figures["stand_in"], f"{len(subjects)} tasks, {samples} answers each; {said}")


def summary(done: Sequence[Sequence[Run]]) -> dict[str, float]:
    """The figures of a method, from what came of its questions by task."""
    runs = [run for some in done for run in some]
    figures = {
        "valid": mean([run.score.valid for run in runs]),
        **{engine: mean([engine in run.score.engines for run in runs if engine in run.score.of]) for engine in ENGINES},
        "node_f1": mean([run.score.node_f1 for run in runs]),
        "edge_f1": mean([run.score.edge_f1 for run in runs]),
        "equal": mean([run.score.equal for run in runs]),
        "properties": mean([run.score.properties for run in runs]),
        "repairs": mean([run.repairs for run in runs]),
        "tokens": mean([run.tokens for run in runs]),
        "question_tokens": mean([run.question_tokens for run in runs]),
    }
    for k in KS:
        chances = [pass_at(len(some), sum(run.score.passed for run in some), k) for some in done if len(some) >= k]
        if chances:
            figures[f"pass@{k}"] = mean(chances)
    return figures


def stand_in_figures(subjects: Sequence[Task], samples: int, jobs: int) -> dict[str, dict[str, dict[str, float]]]:
    """The figures of the stand-in by its noise, for both ends of what can be done."""
    groups = {
        (noise, method): [Job(task, method, samples, noise, 0.0) for task in subjects]
        for noise in NOISES
        for method in (DIRECT, PIPELINE)
    }
    done = in_parallel({f"{noise} {method}": some for (noise, method), some in groups.items()}, jobs)
    return {
        str(noise): {method: summary(done[f"{noise} {method}"]) for method in (DIRECT, PIPELINE)} for noise in NOISES
    }


def recall(subjects: Sequence[Task], most: int) -> float:
    """The share of the steps of right workflows that are retrieved for their descriptions alone."""
    catalogue = plugins().all(STEPS)
    shares: list[float] = []
    for task in subjects:
        wanted = {step.use for step in task.oracle.steps} - set(CODE)
        found = set(retrieve([task.description], catalogue, most))
        shares.append(len(wanted & found) / len(wanted) if wanted else 1.0)
    return mean(shares)


def separated(subjects: Sequence[Task], seed: int) -> dict[str, Mapping[str, float]]:
    """How the score of calibration tells right workflows from spoilt ones."""
    catalogue = plugins().all(STEPS)
    found: dict[str, list[float]] = {"left out": [], "replaced": []}
    for task in subjects:
        rng = random.Random(f"{seed} {task.name}")
        right = calibrate(task.oracle, task.description, (), catalogue).score
        for name, spoilt in (
            ("left out", without_an_end(task.oracle, rng)),
            ("replaced", with_another(task.oracle, rng)),
        ):
            if spoilt is not None:
                found[name].append(calibrate(spoilt, task.description, (), catalogue).score - right)
    return {
        name: {"less": mean([value < 0 for value in values]), "same": mean([value == 0 for value in values])}
        for name, values in found.items()
    }


def without_an_end(form: Form, rng: random.Random) -> Form | None:
    """A form without one of the steps that nobody waits for; None where nothing would be left."""
    before = {name for step in form.steps for name in waits_for(step)}
    ends = [step for step in form.steps if step.name not in before]
    if len(form.steps) == 1:
        return None
    gone = rng.choice(ends)
    return msgspec.structs.replace(form, steps=tuple(step for step in form.steps if step is not gone), outputs=())


def with_another(form: Form, rng: random.Random) -> Form | None:
    """A form with another step of the catalogue in the place of one, called after that; None where it uses none."""
    used = {step.use for step in form.steps}
    known = [step for step in form.steps if step.use not in CODE]
    if not known:
        return None
    old, other = rng.choice(known), rng.choice(sorted(set(plugins().all(STEPS)) - used))
    text = msgspec.json.encode(form).decode()
    text = text.replace(f'"{old.name}.', f'"{other}.').replace(f'"needs":["{old.name}"]', f'"needs":["{other}"]')
    changed = msgspec.json.decode(text, type=Form)
    steps = (
        msgspec.structs.replace(step, name=other, use=other) if step.name == old.name else step
        for step in changed.steps
    )
    return msgspec.structs.replace(changed, steps=tuple(steps))


if __name__ == "__main__":
    main()
