// What there is to say about the chosen step, as a form.

import { Fragment, useEffect, useState } from "react";
import { Refusal } from "../api";
import type { Action, FieldValue, FormField, Input, Node, Reference, StepForm } from "../messages";
import { useSnapshot, type WorkStore } from "../work";
import { Field } from "./fields";
import { FindingText } from "./findings";
import { rescueFocus } from "./focus";
import { isReference } from "./groups";
import "./panels.css";

const SECTIONS: [title: string, fields: string[]][] = [
  ["What it runs", ["image", "script", "command", "args", "env"]],
  ["Inputs", ["input"]],
  ["When it runs", ["when", "over"]],
  ["How it runs", ["retry", "timeout", "requests", "limits", "cache"]],
];

/** The action that gives a field another value. */
export function actionOf(node: Node, field: FormField, value: FieldValue | Reference): Action {
  const place = { graph: node.graph, step: node.step };
  if (field.field !== "input")
    return { do: "set", ...place, field: field.field, value: value as FieldValue, container: field.container };
  const input: Input = isReference(value)
    ? { name: field.name, from: value.from }
    : { name: field.name, value: value as Input["value"] };
  return { do: "pass", ...place, input };
}

/** Carry out an action, and return why it is refused; an empty text where it is not. */
export async function refusalOf(work: WorkStore, action: Action): Promise<string> {
  if (await work.act(action)) return "";
  const { problem } = work.snapshot();
  return [problem?.message ?? "it cannot be done", problem?.hint].filter(Boolean).join(" – ");
}

export function StepPanel({ work }: { work: WorkStore }) {
  const { selected, view, showing } = useSnapshot(work);
  const [form, setForm] = useState<StepForm | null>(null);
  const [refused, setRefused] = useState("");
  const [id] = selected;
  const node = id ? work.node(id) : undefined;

  useEffect(() => {
    let isLate = false;
    setRefused("");
    if (!id || showing !== "edit") {
      setForm(null);
      return;
    }
    work
      .form(id)
      .then((answer) => !isLate && setForm(answer))
      .catch((error: unknown) => {
        if (isLate) return;
        setForm(null);
        setRefused(error instanceof Refusal ? error.problem.message : String(error));
      });
    return () => {
      isLate = true;
    };
  }, [id, view, showing, work]);

  if (!node)
    return (
      <div className="form">
        <h2>Step</h2>
        <p className="note">Click a step in the graph to see its form. With the keyboard: go to the graph, walk with the arrow keys, and press Enter.</p>
      </div>
    );
  if (showing !== "edit")
    return (
      <div className="form">
        <h2>{node.label}</h2>
        <p className="note">{node.detail}</p>
        <p className="note">You see the step as it is {showing} the optimizers. Choose “Edit” below the graph to change it.</p>
      </div>
    );
  if (refused) return <p className="note bad">{refused}</p>;
  if (!form || form.node !== id) return <p className="note">The form is on its way…</p>;
  return <StepFormView key={id} work={work} node={node} form={form} />;
}

function StepFormView({ work, node, form }: { work: WorkStore; node: Node; form: StepForm }) {
  const { findings } = useSnapshot(work);
  return (
    <div className="form">
      <div>
        <h2>{form.title}</h2>
        <p className="note">
          Runs {form.runs}.
          {form.source.map(([line, what]) => (
            <span key={what}>
              {" "}
              Line {line}: {what}.
            </span>
          ))}
        </p>
      </div>
      {findings
        .filter((finding) => finding.node === node.id)
        .map((finding, number) => (
          <FindingText key={number} finding={finding} />
        ))}
      {node.kind === "graph" && (
        <button type="button" onClick={() => void work.toggle(node.id)}>
          Open or close its graph
        </button>
      )}
      {SECTIONS.map(([title, names]) => {
        const fields = form.fields.filter((field) => names.includes(field.field));
        const isPlacement = title === "When it runs" && Boolean(node.graph);
        if (!fields.length && !isPlacement) return null;
        return (
          <section key={title} aria-label={title}>
            <h3>{title}</h3>
            {title === "What it runs" && <Shared steps={form.shared} />}
            {fields.map((field, number) => (
              <Fragment key={`${field.field} ${field.name} ${field.container}`}>
                {field.container && field.container !== fields[number - 1]?.container && (
                  <h4>Container {field.container}</h4>
                )}
                <Field field={field} onChange={(value) => refusalOf(work, actionOf(node, field, value))} />
              </Fragment>
            ))}
            {isPlacement && <Waits work={work} node={node} form={form} />}
          </section>
        );
      })}
      {!work.readOnly && node.graph && <Commands work={work} node={node} form={form} />}
      {form.facts.length > 0 && (
        <details>
          <summary>More about this step</summary>
          <dl>
            {form.facts.map(([label, text], number) => (
              <div key={number}>
                <dt>{label}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </div>
  );
}

const FEW = 4;

function Shared({ steps }: { steps: string[] }) {
  if (!steps.length) return null;
  const [first, others] = [steps.slice(0, FEW), steps.slice(FEW)];
  return (
    <div className="callout" id="shared">
      <p>
        A change here also changes {steps.length === 1 ? "another step that runs" : `${steps.length} other steps that run`}{" "}
        the same: {first.join(", ")}
        {others.length === 0 && "."}
      </p>
      {others.length > 0 && (
        <details>
          <summary>and {others.length} more</summary>
          {others.join(", ")}
        </details>
      )}
    </div>
  );
}

function Waits({ work, node, form }: { work: WorkStore; node: Node; form: StepForm }) {
  const others = (work.picture?.nodes ?? []).filter(
    (other) => other.graph === node.graph && other.kind !== "barrier" && other.step !== node.step,
  );
  const free = [...new Set(others.map((other) => other.step))].filter((name) => !form.waits_for.includes(name));
  const place = { graph: node.graph, target: node.step };
  const disconnect = async (source: string) => {
    await work.act({ do: "disconnect", ...place, source });
    document.querySelector<HTMLElement>("#wait-for")?.focus();
  };
  return (
    <div className="field" role="group" aria-label="Waits for">
      <span className="name">Waits for</span>
      {form.waits_for.length === 0 && <p className="note">It waits only for the steps that it reads from.</p>}
      <ul className="waits">
        {form.waits_for.map((name) => (
          <li key={name}>
            {name}
            {!work.readOnly && (
              <button
                type="button"
                className="small"
                aria-label={`Wait no longer for ${name}`}
                onClick={() => void disconnect(name)}
              >
                ×
              </button>
            )}
          </li>
        ))}
      </ul>
      {!work.readOnly && free.length > 0 && (
        <select
          id="wait-for"
          aria-label="Wait for another step"
          value=""
          onChange={(event) => void work.act({ do: "connect", ...place, source: event.target.value })}
        >
          <option value="">wait for another step…</option>
          {free.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
    </div>
  );
}

function Commands({ work, node, form }: { work: WorkStore; node: Node; form: StepForm }) {
  const [name, setName] = useState(node.step);
  const [refusal, setRefusal] = useState("");
  useEffect(() => setRefusal(""), [form]);
  const place = { graph: node.graph, step: node.step };
  const isNew = name.trim() !== node.step && name.trim() !== "";
  const isTaken = isNew && work.picture?.nodes.some((other) => other.graph === node.graph && other.step === name.trim());
  const send = async (action: Action) => {
    setRefusal(await refusalOf(work, action));
    rescueFocus();
  };
  const canRename = isNew && !isTaken && !form.can_rename;
  return (
    <section className="commands" aria-label="Name">
      <h3>Name</h3>
      <input
        id="step-name"
        aria-label="Name of the step, or of its copy"
        value={name}
        spellCheck={false}
        onChange={(event) => setName(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && canRename) void send({ do: "rename", ...place, name: name.trim() });
          if (event.key === "Escape") setName(node.step);
        }}
      />
      <div className="row">
        <button type="button" disabled={!canRename} onClick={() => void send({ do: "rename", ...place, name: name.trim() })}>
          Rename
        </button>
        <button
          type="button"
          disabled={!isNew || isTaken}
          onClick={() => void send({ do: "copy", ...place, name: name.trim() })}
        >
          Copy under this name
        </button>
        <button
          type="button"
          className="bad"
          disabled={Boolean(form.can_delete)}
          onClick={() => void send({ do: "delete", ...place })}
        >
          Delete
        </button>
      </div>
      {isTaken && <p className="note bad">Another step has this name.</p>}
      {!isNew && <p className="note">Write another name to rename or copy the step.</p>}
      {form.can_rename && <p className="note">It cannot be renamed: {form.can_rename}.</p>}
      {form.can_delete && <p className="note">It cannot be deleted: {form.can_delete}.</p>}
      {refusal && <p className="note bad">Refused: {refusal}</p>}
    </section>
  );
}
