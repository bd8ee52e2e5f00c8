"""A budget of calls, tokens and money; it is counted before and after each call."""

from __future__ import annotations

from dataclasses import dataclass

from couler_plugins.llm.client import Reply

__all__ = ["Budget", "BudgetReached", "Meter"]


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
