// The fields of a form: each sends one change when it is left with another value.

import { useEffect, useId, useState } from "react";
import type { FieldValue, FormField, Reference } from "../messages";
import { draftProps, retyped, useDraft } from "./draft";
import { ComparisonEditor, ItemsEditor, ValueEditor, shown } from "./groups";
import { PairsEditor } from "./pairs";

/** What carries out a change; it gives why the change is refused, or nothing. */
export type Change = (value: FieldValue | Reference) => Promise<string> | void;
export type EditorProps = { id: string; field: FormField; onChange: (value: FieldValue | Reference) => void };

/** A field with its label, why it cannot be edited, and why a change was refused. */
export function Field({ field, onChange }: { field: FormField; onChange: Change }) {
  const id = useId();
  const [refusal, setRefusal] = useState("");
  useEffect(() => setRefusal(""), [field]);
  const send = async (value: FieldValue | Reference) => setRefusal((await onChange(value)) || "");
  const Editor = EDITORS[field.type];
  const label = (
    <>
      {field.label}
      {field.container && <span className="unseen"> ({field.container})</span>}
    </>
  );
  const isGroup = ["pairs", "comparison", "items", "value"].includes(field.type);
  const isFixed = !field.editable;
  return (
    <div
      className={refusal ? "field is-refused" : "field"}
      data-field={field.field}
      data-name={field.name || undefined}
      {...(isGroup && !isFixed ? { role: "group", "aria-labelledby": `${id}-label` } : {})}
    >
      {isGroup || isFixed ? (
        <span className="name" id={`${id}-label`}>
          {label}
        </span>
      ) : (
        <label className="name" htmlFor={id}>
          {label}
        </label>
      )}
      {isFixed ? (
        <div className="fixed" tabIndex={0} role="group" aria-labelledby={`${id}-label`} aria-describedby={`${id}-reason`}>
          {shown(field.value)}
        </div>
      ) : (
        <Editor id={id} field={field} onChange={(value) => void send(value)} />
      )}
      {field.reason && (
        <p className="note" id={`${id}-reason`}>
          {isFixed ? `Not editable: ${field.reason}` : field.reason}
        </p>
      )}
      {refusal && (
        <p className="note bad" id={`${id}-refusal`}>
          Refused: {refusal}
        </p>
      )}
    </div>
  );
}

const textOf = (value: unknown) => (value === null || value === undefined ? "" : String(value));

function TextEditor({ id, field, onChange }: EditorProps) {
  const draft = useDraft(textOf(field.value), (text) => onChange(text === "" ? null : text));
  return <input id={id} spellCheck={false} {...draftProps(draft)} />;
}

function NumberEditor({ id, field, onChange }: EditorProps) {
  const before = textOf(field.value);
  // What is no number goes to the server as it is, which says what is wrong with it.
  const draft = useDraft(before, (text) => onChange(text.trim() === "" ? null : isNumber(text) ? Number(text) : text));
  return <input id={id} inputMode="numeric" {...draftProps(draft)} />;
}

const isNumber = (text: string) => Number.isFinite(Number(text));

function LinesEditor(props: EditorProps) {
  const texts = Array.isArray(props.field.value) ? props.field.value : [];
  // A text of several lines has a box of its own: its lines are no texts.
  const areLines = texts.every((text) => text !== "" && !String(text).includes("\n"));
  return areLines ? <OneBox {...props} /> : <Boxes {...props} texts={texts.map(String)} />;
}

function Boxes({ id, field, onChange, texts }: EditorProps & { texts: string[] }) {
  const send = (text: string, place: number) => {
    const changed = [...texts, ""].map((other, at) => (at === place ? text : other));
    onChange(changed.filter((other, at) => other !== "" || texts[at] === ""));
  };
  return [...texts, ""].map((text, place) => (
    <Box
      key={place}
      id={place === 0 ? id : `${id}-${place}`}
      label={place === 0 ? field.label : `${field.label}: ${place < texts.length ? place + 1 : "one more"}`}
      text={text}
      onSend={(changed) => send(changed, place)}
    />
  ));
}

type BoxProps = { id: string; label: string; text: string; onSend: (text: string) => void };

function Box({ id, label, text, onSend }: BoxProps) {
  const draft = useDraft(text, onSend);
  const { length } = draft.text.split("\n");
  return (
    <textarea
      id={id}
      aria-label={label}
      className="code"
      rows={Math.min(14, length)}
      wrap="off"
      spellCheck={false}
      {...draftProps(draft, false)}
    />
  );
}

function OneBox({ id, field, onChange }: EditorProps) {
  const before = Array.isArray(field.value) ? field.value : [];
  const send = (text: string) => onChange(text === "" ? [] : retyped(text.split("\n"), before));
  const draft = useDraft(before.join("\n"), send);
  return (
    <textarea
      id={id}
      className="code"
      rows={rows(draft.text, 2)}
      spellCheck={false}
      placeholder="one a line"
      {...draftProps(draft, false)}
    />
  );
}

function CodeEditor({ id, field, onChange }: EditorProps) {
  const draft = useDraft(textOf(field.value), onChange);
  return (
    <textarea id={id} className="code" rows={rows(draft.text, 4)} wrap="off" spellCheck={false} {...draftProps(draft, false)} />
  );
}

const rows = (text: string, least: number) => Math.min(14, Math.max(least, text.split("\n").length));

function ChoiceEditor({ id, field, onChange }: EditorProps) {
  const value = textOf(field.value);
  return (
    <select id={id} value={value} onChange={(event) => onChange(event.target.value || null)}>
      {[...new Set(["", value, ...field.choices])].map((choice) => (
        <option key={choice} value={choice}>
          {choice || "not set"}
        </option>
      ))}
    </select>
  );
}

const EDITORS: Record<FormField["type"], (props: EditorProps) => React.ReactNode> = {
  text: TextEditor,
  number: NumberEditor,
  lines: LinesEditor,
  code: CodeEditor,
  choice: ChoiceEditor,
  pairs: PairsEditor,
  comparison: ComparisonEditor,
  items: ItemsEditor,
  value: ValueEditor,
};
