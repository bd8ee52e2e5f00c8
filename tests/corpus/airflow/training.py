# A training: fetch, train with several rates at once, choose the best, publish what is good enough.
from airflow.sdk import dag, task


@dag(schedule=None, params={"least": 0.8}, max_active_tasks=4)
def training():
    @task(retries=1)
    def fetch() -> list[float]:
        return [0.1, 0.2, 0.3]

    @task
    def train(data: list[float], rate: float) -> dict[str, float]:
        return {"rate": rate, "score": 1 - abs(rate - sum(data) / len(data))}

    @task
    def choose(models: list[dict[str, float]]) -> dict[str, float]:
        return max(models, key=lambda model: model["score"])

    @task.short_circuit
    def good_enough(model: dict[str, float], params=None) -> bool:
        return model["score"] >= params["least"]

    @task
    def publish(model: dict[str, float]) -> str:
        return f"published {model['rate']}"

    best = choose(train.partial(data=fetch()).expand(rate=[0.1, 0.2, 0.5]))
    good_enough(best) >> publish(best)


training()
