"""Trains a model for each of five batch sizes, side by side, and then evaluates each."""

import couler_plugins.authoring as couler

BATCH_SIZES = [size * 100 for size in range(1, 6)]
MODEL_PATHS = [f"/models/{size}" for size in BATCH_SIZES]


def train(batch_size, model_path):
    couler.run_container(
        image="registry.example.com/search/train:1.0",
        command=["python", "/train.py"],
        args=[f"--batch-size={batch_size}", f"--model={model_path}"],
        step_name="train",
        resources={"cpu": 2, "memory": "4Gi"},
    )


def evaluate(model_path):
    couler.run_container(
        image="registry.example.com/search/evaluate:1.0",
        command=["python", "/evaluate.py"],
        args=[f"--model={model_path}"],
        step_name="evaluate",
    )


with couler.workflow("model-search") as workflow:
    couler.map(train, BATCH_SIZES, MODEL_PATHS)
    couler.map(evaluate, MODEL_PATHS)

if __name__ == "__main__":
    print(workflow.to("argo"))
