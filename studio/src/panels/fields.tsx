// The fields of a form: each sends one action when it is left with another value.

import { useEffect, useId, useState } from "react";
import type { Comparison, FieldValue, FormField, Reference, Scalar } from "../messages";

type Change = (value: FieldValue | Reference) => void;
type Props = { field: FormField; onChange: Change };

const isReference = (value: unknown): value is Reference =>
  typeof value === "object" && value !== null && "from" in value;

/** A field with its label, and why it cannot be edited. */
export function Field({ field, onChange }: Props) {
  const id = useId();
  const Editor = EDITORS[field.type];
  const label = field.container ? `${field.label} (${field.container})` : field.label;
  const isGroup = ["pairs", "comparison", "items", "value"].includes(field.type);
  return (
    <div className="field" data-field={field.field} data-name={field.name || undefined}>
      {isGroup ? (
        <span className="name" id={`${id}-label`}>
          {label}
        </span>
      ) : (
        <label className="name" htmlFor={id}>
          {label}
        </label>
      )}
      {field.editable ? (
        <Editor id={id} field={field} onChange={onChange} />
      ) : (
        <output id={id} className="fixed">
          {shown(field.value)}
        </output>
      )}
      {field.reason && <p className="note">{field.reason}</p>}
    </div>
  );
}

export function shown(value: FieldValue | Reference): string {
  if (value === null || value === undefined || value === "") return "–";
  if (isReference(value)) return value.from;
  if (Array.isArray(value)) return value.map(String).join("\n");
  if (typeof value === "object")
    return Object.entries(value)
      .map(([name, text]) => `${name}: ${text}`)
      .join("\n");
  return String(value);
}

type EditorProps = Props & { id: string };

/** The text of an input until it is left; another value from outside replaces it. */
function useDraft(value: string): [string, (text: string) => void] {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  return [draft, setDraft];
}

function TextEditor({ id, field, onChange }: EditorProps) {
  const before = field.value === null || field.value === undefined ? "" : String(field.value);
  const [draft, setDraft] = useDraft(before);
  const send = () => {
    if (draft !== before) onChange(draft === "" ? null : draft);
  };
  return (
    <input
      id={id}
      value={draft}
      spellCheck={false}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={send}
      onKeyDown={(event) => {
        if (event.key === "Enter") send();
        if (event.key === "Escape") setDraft(before);
      }}
    />
  );
}

function NumberEditor({ id, field, onChange }: EditorProps) {
  const before = field.value === null || field.value === undefined ? "" : String(field.value);
  const [draft, setDraft] = useDraft(before);
  const send = () => {
    if (draft !== before) onChange(draft === "" ? null : Number(draft));
  };
  return (
    <input
      id={id}
      type="number"
      min={0}
      value={draft}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={send}
      onKeyDown={(event) => event.key === "Enter" && send()}
    />
  );
}

function AreaEditor({ id, field, onChange }: EditorProps) {
  const isList = field.type === "lines";
  const before = isList ? ((field.value as Scalar[] | null) ?? []).join("\n") : String(field.value ?? "");
  const [draft, setDraft] = useDraft(before);
  const rows = Math.min(14, Math.max(isList ? 1 : 4, draft.split("\n").length));
  return (
    <textarea
      id={id}
      className="code"
      rows={rows}
      value={draft}
      spellCheck={false}
      placeholder={isList ? "one text a line" : ""}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={() => {
        if (draft === before) return;
        onChange(isList ? (draft === "" ? [] : draft.split("\n")) : draft);
      }}
    />
  );
}

function ChoiceEditor({ id, field, onChange }: EditorProps) {
  const value = String(field.value ?? "");
  const choices = field.choices.includes(value) ? field.choices : [value, ...field.choices];
  return (
    <select id={id} value={value} onChange={(event) => onChange(event.target.value || null)}>
      {choices.map((choice) => (
        <option key={choice} value={choice}>
          {choice || "–"}
        </option>
      ))}
    </select>
  );
}

function PairsEditor({ id, field, onChange }: EditorProps) {
  const before = (field.value as Record<string, Scalar> | null) ?? {};
  const [rows, setRows] = useState<[string, string][]>([]);
  const key = JSON.stringify(before);
  useEffect(() => setRows(Object.entries(JSON.parse(key)).map(([name, text]) => [name, String(text)])), [key]);
  const send = (now: [string, string][]) => {
    const value = Object.fromEntries(now.filter(([name]) => name.trim()));
    if (JSON.stringify(value) !== JSON.stringify(mapped(before))) onChange(value);
  };
  const change = (number: number, part: 0 | 1, text: string) =>
    setRows(rows.map((row, place) => (place === number ? (part ? [row[0], text] : [text, row[1]]) : row)));
  return (
    <div role="group" aria-labelledby={`${id}-label`} className="pairs">
      {rows.map(([name, text], number) => (
        // Rows have no identity but their place.
        <div key={number} className="pair">
          <input
            aria-label={`${field.label}: name`}
            value={name}
            onChange={(event) => change(number, 0, event.target.value)}
            onBlur={() => send(rows)}
          />
          <input
            aria-label={`${field.label}: value of ${name || "the new name"}`}
            value={text}
            onChange={(event) => change(number, 1, event.target.value)}
            onBlur={() => send(rows)}
            onKeyDown={(event) => event.key === "Enter" && send(rows)}
          />
          <button
            type="button"
            className="small"
            aria-label={`Remove ${name || "this row"}`}
            onClick={() => {
              const rest = rows.filter((_, place) => place !== number);
              setRows(rest);
              send(rest);
            }}
          >
            ×
          </button>
        </div>
      ))}
      <button type="button" className="small" onClick={() => setRows([...rows, ["", ""]])}>
        Add to {field.label.toLowerCase()}
      </button>
    </div>
  );
}

const mapped = (value: Record<string, Scalar>) =>
  Object.fromEntries(Object.entries(value).map(([name, text]) => [name, String(text)]));

function ComparisonEditor({ id, field, onChange }: EditorProps) {
  const value = field.value as Comparison | null;
  const [left, setLeft] = useDraft(value?.left ?? "");
  const [op, setOp] = useDraft(value?.op ?? "==");
  const [right, setRight] = useDraft(value ? String(value.right) : "");
  const send = (now: { left: string; op: string; right: string }) => {
    if (!now.left) {
      if (value) onChange(null);
    } else if (now.left !== value?.left || now.op !== value?.op || now.right !== String(value?.right)) {
      onChange({ ...now, op: now.op as Comparison["op"] });
    }
  };
  return (
    <div role="group" aria-labelledby={`${id}-label`} className="comparison">
      <select
        aria-label="What is compared"
        value={left}
        onChange={(event) => {
          setLeft(event.target.value);
          if (!event.target.value) send({ left: "", op, right });
        }}
      >
        <option value="">always</option>
        {[...new Set([...(left ? [left] : []), ...field.choices])].map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
      {left && (
        <>
          <select
            aria-label="How it is compared"
            value={op}
            onChange={(event) => {
              setOp(event.target.value);
              send({ left, op: event.target.value, right });
            }}
          >
            <option value="==">is</option>
            <option value="!=">is not</option>
          </select>
          <input
            aria-label="With what it is compared"
            value={right}
            onChange={(event) => setRight(event.target.value)}
            onBlur={() => send({ left, op, right })}
            onKeyDown={(event) => event.key === "Enter" && send({ left, op, right })}
          />
        </>
      )}
    </div>
  );
}

function ItemsEditor({ id, field, onChange }: EditorProps) {
  const value = field.value as Scalar[] | string | null;
  const isList = value === null || Array.isArray(value);
  const [kind, setKind] = useState(value === null ? "once" : isList ? "list" : "reference");
  const before = Array.isArray(value) ? value.map(String).join("\n") : "";
  const [draft, setDraft] = useDraft(before);
  useEffect(() => setKind(value === null ? "once" : Array.isArray(value) ? "list" : "reference"), [value]);
  return (
    <div role="group" aria-labelledby={`${id}-label`} className="items">
      <select
        aria-label="How often"
        value={kind}
        onChange={(event) => {
          setKind(event.target.value);
          if (event.target.value === "once" && value !== null) onChange(null);
        }}
      >
        <option value="once">it runs once</option>
        <option value="list">for each item of a list</option>
        {field.choices.length > 0 && <option value="reference">for each item of a value</option>}
      </select>
      {kind === "list" && (
        <textarea
          aria-label="Items, one a line"
          rows={3}
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
          onBlur={() => draft !== before && onChange(draft.split("\n").filter(Boolean))}
        />
      )}
      {kind === "reference" && (
        <select aria-label="The value" value={isList ? "" : String(value)} onChange={(event) => onChange(event.target.value)}>
          <option value="" disabled>
            choose one
          </option>
          {[...new Set([...(isList ? [] : [String(value)]), ...field.choices])].map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      )}
    </div>
  );
}

/** A constant, or what another step gives. */
export function ValueEditor({ id, field, onChange }: EditorProps) {
  const { value } = field;
  const reference = isReference(value) ? value.from : "";
  const [isConstant, setConstant] = useState(!reference);
  useEffect(() => setConstant(!isReference(value)), [value]);
  const constant = reference ? "" : shownConstant(value);
  const [draft, setDraft] = useDraft(constant);
  return (
    <div role="group" aria-labelledby={`${id}-label`} className="value">
      <select
        aria-label={`${field.label}: a constant or a reference`}
        value={isConstant ? "constant" : "reference"}
        onChange={(event) => setConstant(event.target.value === "constant")}
      >
        <option value="constant">constant</option>
        {(field.choices.length > 0 || reference) && <option value="reference">from</option>}
      </select>
      {isConstant ? (
        <input
          aria-label={`${field.label}: constant`}
          value={draft}
          spellCheck={false}
          onChange={(event) => setDraft(event.target.value)}
          onBlur={() => draft !== constant && onChange(draft === "" ? null : draft)}
          onKeyDown={(event) => event.key === "Enter" && draft !== constant && onChange(draft)}
        />
      ) : (
        <select
          aria-label={`${field.label}: reference`}
          value={reference}
          onChange={(event) => onChange({ from: event.target.value })}
        >
          <option value="" disabled>
            choose one
          </option>
          {[...new Set([...(reference ? [reference] : []), ...field.choices])].map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      )}
    </div>
  );
}

const shownConstant = (value: FieldValue | Reference) => (value === null || value === undefined ? "" : String(value));

const EDITORS: Record<FormField["type"], (props: EditorProps) => React.ReactNode> = {
  text: TextEditor,
  number: NumberEditor,
  lines: AreaEditor,
  code: AreaEditor,
  choice: ChoiceEditor,
  pairs: PairsEditor,
  comparison: ComparisonEditor,
  items: ItemsEditor,
  value: ValueEditor,
};
