"""Access to a language model: the options that all who ask one have in common, and its budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from couler_plugins.errors import InvalidInput
from couler_plugins.llm.client import Client, Reply
from couler_plugins.llm.records import Recorder, Replay
from couler_plugins.options.fields import check_range


class BudgetReached(Exception):
    """There is nothing left to ask for; who asks goes on with what there is."""


@dataclass(frozen=True)
class Budget:
    """What may be used; None for any amount.

    Attributes:
        calls: requests to the server, those that failed included.
        tokens: of questions and answers.
        money: in the unit of the prices.
        price_in, price_out: of a million tokens.
    """

    calls: int | None = None
    tokens: int | None = None
    money: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0


class Meter:
    """Counts what was used of a budget."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.calls = self.tokens_in = self.tokens_out = 0

    @property
    def money(self) -> float:
        """What the tokens cost so far."""
        return (self.tokens_in * self.budget.price_in + self.tokens_out * self.budget.price_out) / 1e6

    def call(self) -> None:
        """Counts a call that is about to be made.

        Raises:
            BudgetReached: it may not be.
        """
        limits = (
            ("calls", self.calls, self.budget.calls),
            ("tokens", self.tokens_in + self.tokens_out, self.budget.tokens),
            ("money", self.money, self.budget.money),
        )
        for what, used, limit in limits:
            if limit is not None and used >= limit:
                raise BudgetReached(f"the budget of {what} is used up: {used:g} of {limit:g}")
        self.calls += 1

    def count(self, reply: Reply) -> None:
        """Counts what an answer took."""
        self.tokens_in += reply.tokens_in
        self.tokens_out += reply.tokens_out


@dataclass(frozen=True, kw_only=True)
class ModelAccess:
    """One model, with a budget, a record, or a record in its place.

    Attributes:
        model: its name on its server.
        url: of the server, where OpenAI's protocol is spoken: `http://localhost:8000/v1`.
        key_variable: the environment variable that holds the key.
        timeout: seconds that one answer may take.
        calls, tokens, money: the budget of one process; none for any amount.
        price_in, price_out: of a million tokens, for the budget of money.
        record: a file to which all questions and answers are added.
        replay: such a file, to take the same decisions without a model.
        client: what is asked instead of a server.
    """

    model: str = ""
    url: str = ""
    key_variable: str = "OPENAI_API_KEY"
    timeout: float = 60.0
    calls: int | None = 100
    tokens: int | None = None
    money: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    record: str = ""
    replay: str = ""
    client: Client | None = field(default=None, metadata={"option": False})

    def __post_init__(self) -> None:
        """Checks the options.

        Raises:
            ValueError: one is out of range.
        """
        check_range("timeout", self.timeout, 0.01, 86_400)
        for name in ("calls", "tokens", "money", "price_in", "price_out"):
            check_range(name.replace("_", "-"), getattr(self, name), 0)
        if self.money is not None and not self.price_in and not self.price_out:
            raise ValueError("a budget of money needs price-in or price-out")

    def opened(self, owner: str, hint: str) -> Client:
        """What is asked from now on, with a budget that begins anew.

        Args:
            owner: who needs the model, for errors ("the tuner 'llm'").
            hint: how its user names a model.

        Raises:
            InvalidInput: no model is named, its server is not set up as it has to be, or there is no such record.
        """
        from couler_plugins.llm.openai_client import OpenAIClient

        if self.replay:
            return Replay(Path(self.replay))
        client = self.client
        if client is None:
            if not self.model:
                raise InvalidInput(f"{owner} needs a model", hint=hint)
            budget = Budget(self.calls, self.tokens, self.money, self.price_in, self.price_out)
            client = OpenAIClient(self.url, self.model, self.key_variable, self.timeout, Meter(budget))
        return Recorder(client, Path(self.record)) if self.record else client
