"""Two libraries learn from one data set at the same time; the better model is chosen once both are done."""

import couler_plugins.authoring as couler

DATA = "s3://datasets/churn.csv"


def train(library):
    return couler.run_container(
        image=f"registry.example.com/automl/{library}:1.0",
        command=["python", "/train.py"],
        args=[f"--data={DATA}", f"--model=s3://models/{library}"],
        output=couler.create_parameter_artifact(path="/tmp/auc"),
        step_name=library,
    )


with couler.workflow("automl") as workflow:
    xgboost, lightgbm = couler.concurrent([lambda: train("xgboost"), lambda: train("lightgbm")])
    couler.run_container(
        image="registry.example.com/automl/choose:1.0",
        command=["python", "/choose.py"],
        args=[f"--xgboost={xgboost}", f"--lightgbm={lightgbm}"],
        step_name="choose",
    )

if __name__ == "__main__":
    print(workflow.to("argo"))
