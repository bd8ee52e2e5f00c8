"""A step leaves a text in a file, and the next one is given it: by the value that the first one returned."""

import couler_plugins.authoring as couler


def producer():
    message = couler.create_parameter_artifact(path="/tmp/message.txt")
    return couler.run_container(
        image="docker/whalesay:latest",
        command=["sh", "-c"],
        args=["echo -n hello world > /tmp/message.txt"],
        output=message,
        step_name="producer",
    )


def consumer(message):
    couler.run_container(
        image="docker/whalesay:latest",
        command=["cowsay"],
        args=[message],
        step_name="consumer",
    )


with couler.workflow("producer-consumer") as workflow:
    consumer(producer())

if __name__ == "__main__":
    print(workflow.to("argo"))
