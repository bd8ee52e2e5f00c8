// What there is to say about the chosen step, as a form.

import { useEffect, useState } from "react";
import { Refusal } from "../api";
import type { Action, FieldValue, FormField, Input, Node, Reference, StepForm } from "../messages";
import { useSnapshot, type WorkStore } from "../work";
import { Field } from "./fields";

/** The action that gives a field another value. */
export function actionOf(node: Node, field: FormField, value: FieldValue | Reference): Action {
  const place = { graph: node.graph, step: node.step };
  if (field.field !== "input")
    return { do: "set", ...place, field: field.field, value: value as FieldValue, container: field.container };
  const isReference = typeof value === "object" && value !== null && "from" in value;
  const input: Input = isReference
    ? { name: field.name, from: (value as Reference).from }
    : { name: field.name, value: value as Input["value"] };
  return { do: "pass", ...place, input };
}

export function StepPanel({ work }: { work: WorkStore }) {
  const { selected, view, findings, showing } = useSnapshot(work);
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
      .then((found) => !isLate && setForm(found))
      .catch((error: unknown) => {
        if (isLate) return;
        setForm(null);
        setRefused(error instanceof Refusal ? error.problem.message : String(error));
      });
    return () => {
      isLate = true;
    };
  }, [id, view, showing, work]);

  if (!node) return <p className="note">Choose a step: click it, or walk with the arrow keys.</p>;
  if (showing !== "edit")
    return (
      <>
        <h2>{node.label}</h2>
        <p className="note">
          {node.detail}. This version cannot be edited: choose “Edit” below the graph.
        </p>
      </>
    );
  if (refused) return <p className="note bad">{refused}</p>;
  if (!form || form.node !== id) return <p className="note">…</p>;
  const own = findings.filter((finding) => finding.node === id);
  const isLocked = work.readOnly;
  return (
    <div className="form">
      <h2>{form.title}</h2>
      <p className="note">
        runs {form.runs}
        {form.source.map(([line, what]) => (
          <span key={what}>
            {" "}
            · {what}, line {line}
          </span>
        ))}
      </p>
      {form.shared.length > 0 && (
        <p className="note warn" id="shared">
          {form.shared.length === 1 ? "Another step runs" : `${form.shared.length} other steps run`} the same:{" "}
          {form.shared.slice(0, 4).join(", ")}
          {form.shared.length > 4 && " …"}. A change of what it runs changes them too.
        </p>
      )}
      {own.map((finding) => (
        <p key={`${finding.line}${finding.message}`} className={finding.severity === "error" ? "note bad" : "note warn"}>
          {finding.message}
        </p>
      ))}
      {form.fields.map((field) => (
        <Field
          key={`${field.field} ${field.name} ${field.container}`}
          field={field}
          onChange={(value) => void work.act(actionOf(node, field, value))}
        />
      ))}
      {node.graph && <Waits work={work} node={node} form={form} />}
      {!isLocked && node.graph && <Commands work={work} node={node} form={form} />}
      {node.kind === "graph" && (
        <button type="button" onClick={() => void work.toggle(node.id)}>
          Open or close its graph
        </button>
      )}
      <details>
        <summary>All that is known of it</summary>
        <dl>
          {form.facts.map(([label, text], number) => (
            <div key={number}>
              <dt>{label}</dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
      </details>
    </div>
  );
}

function Waits({ work, node, form }: { work: WorkStore; node: Node; form: StepForm }) {
  const others = (work.picture?.nodes ?? []).filter(
    (other) => other.graph === node.graph && other.kind !== "barrier" && other.step !== node.step,
  );
  const free = [...new Set(others.map((other) => other.step))].filter((name) => !form.waits_for.includes(name));
  return (
    <div className="field" role="group" aria-label="Waits for">
      <span className="name">Waits for</span>
      {form.waits_for.length === 0 && <span className="note">nothing that it names itself</span>}
      <ul className="waits">
        {form.waits_for.map((name) => (
          <li key={name}>
            {name}
            {!work.readOnly && (
              <button
                type="button"
                className="small"
                aria-label={`Wait no longer for ${name}`}
                onClick={() => void work.act({ do: "disconnect", graph: node.graph, source: name, target: node.step })}
              >
                ×
              </button>
            )}
          </li>
        ))}
      </ul>
      {!work.readOnly && free.length > 0 && (
        <select
          aria-label="Wait for another step"
          value=""
          onChange={(event) =>
            void work.act({ do: "connect", graph: node.graph, source: event.target.value, target: node.step })
          }
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
  useEffect(() => setName(node.step), [node.step]);
  const place = { graph: node.graph, step: node.step };
  const isNew = name !== node.step && name !== "";
  return (
    <div className="field commands">
      <label className="name" htmlFor="step-name">
        Name
      </label>
      <input id="step-name" value={name} onChange={(event) => setName(event.target.value)} />
      <div className="row">
        <button type="button" disabled={!isNew || Boolean(form.can_rename)} onClick={() => void work.act({ do: "rename", ...place, name })}>
          Rename
        </button>
        <button type="button" disabled={!isNew} onClick={() => void work.act({ do: "copy", ...place, name })}>
          Copy under this name
        </button>
        <button
          type="button"
          className="bad"
          disabled={Boolean(form.can_delete)}
          onClick={() => void work.act({ do: "delete", ...place })}
        >
          Delete
        </button>
      </div>
    </div>
  );
}
