from dataclasses import dataclass

from couler_plugins import hookimpl, ir


@dataclass(frozen=True)
class DefaultRetry:
    """Repeats failed steps whose owner did not say how often."""

    name = "default-retry"
    limit: int = 2

    def run(self, plan, ctx):
        return plan.map_steps(self.name, self.retried, action="retry added", reason="it had no retry strategy")

    def retried(self, step):
        return step if step.retry or step.tolerates else ir.with_settings(step, retry=self.limit)


@hookimpl
def couler_optimizers():
    return [DefaultRetry]
