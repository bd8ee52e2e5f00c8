"""Steps that tell people and services what came out."""

from __future__ import annotations

from couler_plugins.hookspecs.steps import StepInput, StepVariable
from couler_plugins.steps.declared import FILES, STORE, artifact, result, scripted

__all__ = ["TELLING"]

STATUS = (result("status", "The status of the answer.", "int"),)

WRITE_REPORT = scripted(
    "write-report",
    "Writes a page for people: a title, notes, and a table of values.",
    "report html summary document",
    (
        StepInput(name="title", description="The title."),
        StepInput(name="notes", description="Paragraphs, with an empty line between them.", default=""),
        StepInput(name="values", description="What the table shows, a JSON object, such as metrics.", default="{}"),
        STORE,
    ),
    (artifact("report", "The page, an HTML file."),),
    FILES,
)

SLACK_NOTIFY = scripted(
    "slack-notify",
    "Writes into a channel of Slack; its webhook is the variable SLACK_WEBHOOK_URL, from a Secret.",
    "notify slack message alert chat",
    (StepInput(name="text", description="The message."),),
    STATUS,
    (),
    variables=(StepVariable(name="SLACK_WEBHOOK_URL"),),
)

CALL_WEBHOOK = scripted(
    "call-webhook",
    "Sends JSON to a web service; the variable WEBHOOK_TOKEN, from a Secret, says who we are.",
    "notify webhook http request call",
    (
        StepInput(name="url", description="The service; empty: the variable WEBHOOK_URL, from a Secret.", default=""),
        StepInput(name="body", description="What to send, a JSON object.", default="{}"),
        StepInput(name="method", description="How it is sent.", default="POST", choices=("POST", "PUT")),
    ),
    STATUS,
    (),
    variables=(StepVariable(name="WEBHOOK_URL", instead="url"), StepVariable(name="WEBHOOK_TOKEN", optional=True)),
)

TELLING = (WRITE_REPORT, SLACK_NOTIFY, CALL_WEBHOOK)
"""From what everybody has to what few have."""
