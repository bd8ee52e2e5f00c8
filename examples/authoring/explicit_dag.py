"""The diamond again, by what each step depends on: names, which may be those of steps that come later."""

import couler_plugins.authoring as couler


def job(name):
    couler.run_container(image="docker/whalesay:latest", command=["cowsay"], args=[name], step_name=name)


with couler.workflow("explicit-dag") as workflow:
    couler.set_dependencies(lambda: job(name="D"), dependencies="B && C")
    couler.set_dependencies(lambda: job(name="A"), dependencies=None)
    couler.set_dependencies(lambda: job(name="B"), dependencies=["A"])
    couler.set_dependencies(lambda: job(name="C"), dependencies=["A"])

if __name__ == "__main__":
    print(workflow.to("argo"))
