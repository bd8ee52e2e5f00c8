from dataclasses import dataclass

from couler_plugins import hookimpl, ir


@dataclass(frozen=True)
class DefaultRetry:
    """Repeats failed containers whose owner did not say how often."""

    name = "default-retry"
    limit: int = 2

    def run(self, plan, ctx):
        return plan.map_operations(self.name, self.retried, action="retry added", reason="it had no retry strategy")

    def retried(self, operation):
        bare = operation.containers and operation.retry is None
        return ir.replace(operation, retry=ir.Retry(limit=ir.Literal(value=self.limit))) if bare else operation


@hookimpl
def couler_optimizers():
    return [DefaultRetry]
