"""Steps that get data, bring it somewhere, and tell people and services what came out."""

from couler_plugins.hookspecs.steps import StepInput, StepVariable
from couler_plugins.steps.declared import FILES, ROWS, STORE, TABLE, TABLES, artifact, result, scripted

LOAD_CSV = scripted(
    "load-csv",
    "Reads a table from a URL or a path.",
    "data load read csv parquet dataset ingest",
    (
        StepInput(name="url", description="Where the table is: CSV, Parquet or JSON lines, by URL or path."),
        StepInput(name="columns", description="The columns to keep; none for all.", type="list", default=()),
        STORE,
    ),
    (TABLE, ROWS, result("columns", "The names of its columns.", "list")),
    (*TABLES, "pyarrow>=15"),
)

DATABASE = StepInput(
    name="url",
    description="The database, as SQLAlchemy spells it; empty: the variable DATABASE_URL, from a Secret.",
    default="",
)
DATABASES = (*TABLES, "sqlalchemy>=2,<3", "psycopg[binary]>=3.2")
"""What scripts need that reach a database: PostgreSQL and SQLite."""
DATABASE_VARIABLES = (StepVariable(name="DATABASE_URL", instead="url"),)

SQL_QUERY = scripted(
    "sql-query",
    "Asks a database, and keeps the table that it answers with.",
    "data sql database query warehouse extract postgres",
    (
        StepInput(name="query", description="The query in SQL; `:name` in it stands for the value of that name."),
        StepInput(name="values", description="The values by name, a JSON object.", default="{}"),
        DATABASE,
        STORE,
    ),
    (TABLE, ROWS),
    DATABASES,
    variables=DATABASE_VARIABLES,
)

SQL_EXECUTE = scripted(
    "sql-execute",
    "Runs a statement in a database, such as one that makes a table.",
    "data sql database statement create insert warehouse",
    (StepInput(name="statement", description="The statement in SQL; nothing in it is filled in."), DATABASE),
    (result("rows", "How many rows it changed; 0 where the database does not say.", "int"),),
    DATABASES,
    variables=DATABASE_VARIABLES,
)

SQL_STORE = scripted(
    "sql-store",
    "Writes a table into a database, in place of the one that is there.",
    "data sql database write load table warehouse",
    (
        StepInput(name="data", description="The table, a CSV file; empty: the values.", type="artifact", default=""),
        StepInput(
            name="values",
            description="The values of a single row, a JSON object; `-` in names becomes `_`.",
            default="{}",
        ),
        StepInput(name="name", description="The name of the table in the database."),
        StepInput(name="schema", description="The schema that it is in; empty: the database's own.", default=""),
        DATABASE,
    ),
    (ROWS,),
    DATABASES,
    variables=DATABASE_VARIABLES,
)

DOWNLOAD = scripted(
    "download",
    "Gets a file from a URL.",
    "data download fetch file http s3",
    (
        StepInput(name="url", description="Where the file is: a URL that fsspec knows, or a path."),
        StepInput(name="sha256", description="The hash that it has to have; empty: any.", default=""),
        STORE,
    ),
    (artifact("file", "The file."), result("bytes", "How large it is.", "int")),
    FILES,
)

UPLOAD = scripted(
    "upload",
    "Puts a file to a URL.",
    "data upload publish export file s3",
    (
        StepInput(name="file", description="The file.", type="artifact"),
        StepInput(name="to", description="Where it goes: a URL that fsspec can write to, or a path."),
    ),
    (artifact("place", "Where it is now."),),
    FILES,
)

SOURCES = (LOAD_CSV, SQL_QUERY, SQL_EXECUTE, SQL_STORE, DOWNLOAD, UPLOAD)
"""In the order of a workflow."""


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
