// Fields of several parts: a comparison, the items of a loop, and what an input is given.

import { useEffect, useState } from "react";
import type { Comparison, FieldValue, Reference, Scalar } from "../messages";
import { draftProps, retyped, useDraft } from "./draft";
import type { EditorProps } from "./fields";

export const isReference = (value: unknown): value is Reference =>
  typeof value === "object" && value !== null && "from" in value;

const NONE = "–";

/** A value as text, for fields that cannot be edited. */
export function shown(value: FieldValue | Reference): string {
  if (value === null || value === undefined || value === "") return NONE;
  if (isReference(value)) return value.from;
  if (Array.isArray(value)) return value.map(String).join("\n") || NONE;
  if (typeof value === "object" && "left" in value && "op" in value)
    return `${value.left} ${value.op} ${(value as Comparison).right}`;
  if (typeof value === "object")
    return Object.entries(value)
      .map(([name, text]) => `${name}: ${text}`)
      .join("\n") || NONE;
  return String(value);
}

export function ComparisonEditor({ field, onChange }: EditorProps) {
  const value = field.value as Comparison | null;
  const right = value ? String(value.right) : "";
  const [left, setLeft] = useState(value?.left ?? "");
  const [op, setOp] = useState<Comparison["op"]>(value?.op ?? "==");
  const key = JSON.stringify(value);
  useEffect(() => {
    setLeft(value?.left ?? "");
    setOp(value?.op ?? "==");
  }, [key]);
  const send = (changed: Comparison) => {
    const isSame = changed.left === value?.left && changed.op === value?.op && changed.right === right;
    if (!isSame) onChange(changed);
  };
  const draft = useDraft(right, (text) => left && send({ left, op, right: text }));
  return (
    <div className="comparison">
      <select
        aria-label={`${field.label}: what is compared`}
        value={left}
        onChange={(event) => {
          setLeft(event.target.value);
          if (!event.target.value && value) onChange(null);
          // A new comparison is sent once it says with what.
          else if (event.target.value && value) send({ left: event.target.value, op, right: draft.text });
        }}
      >
        <option value="">always</option>
        <Choices value={left} choices={field.choices} />
      </select>
      {left && (
        <>
          <select
            aria-label={`${field.label}: how it is compared`}
            value={op}
            onChange={(event) => {
              const changed = event.target.value as Comparison["op"];
              setOp(changed);
              if (value) send({ left, op: changed, right: draft.text });
            }}
          >
            <option value="==">is</option>
            <option value="!=">is not</option>
          </select>
          <input
            aria-label={`${field.label}: the constant`}
            placeholder="constant"
            spellCheck={false}
            {...draftProps(draft)}
          />
        </>
      )}
    </div>
  );
}

/** The choices of a select, with the one that it has where it is none of them. */
function Choices({ value, choices }: { value: string; choices: string[] }) {
  return [...new Set([...(value ? [value] : []), ...choices])].map((choice) => (
    <option key={choice} value={choice}>
      {choice}
    </option>
  ));
}

type Kind = "once" | "list" | "reference";

const kindOf = (value: unknown): Kind => (Array.isArray(value) ? "list" : value ? "reference" : "once");

export function ItemsEditor({ field, onChange }: EditorProps) {
  const value = field.value as Scalar[] | string | null;
  const [kind, setKind] = useState(() => kindOf(value));
  const before = Array.isArray(value) ? value : [];
  const key = JSON.stringify(value);
  useEffect(() => setKind(kindOf(value)), [key]);
  const draft = useDraft(before.map(String).join("\n"), (text) =>
    onChange(retyped(text.split("\n").filter(Boolean), before)),
  );
  const reference = typeof value === "string" ? value : "";
  return (
    <div className="items">
      <select
        aria-label={`${field.label}: how often`}
        value={kind}
        onChange={(event) => {
          setKind(event.target.value as Kind);
          if (event.target.value === "once" && value !== null) onChange(null);
        }}
      >
        <option value="once">it runs once</option>
        <option value="list">for each item of a list</option>
        {(field.choices.length > 0 || reference) && <option value="reference">for each item of a reference</option>}
      </select>
      {kind === "list" && (
        <textarea
          aria-label={`${field.label}: items, one a line`}
          rows={Math.min(8, Math.max(3, before.length))}
          placeholder="one a line"
          spellCheck={false}
          {...draftProps(draft, false)}
        />
      )}
      {kind === "reference" && (
        <select
          aria-label={`${field.label}: reference`}
          value={reference}
          onChange={(event) => onChange(event.target.value)}
        >
          <option value="" disabled>
            choose a reference
          </option>
          <Choices value={reference} choices={field.choices} />
        </select>
      )}
    </div>
  );
}

/** A constant, or what another step gives. */
export function ValueEditor({ field, onChange }: EditorProps) {
  const { value } = field;
  const reference = isReference(value) ? value.from : "";
  const [isConstant, setConstant] = useState(!reference);
  const key = JSON.stringify(value);
  useEffect(() => setConstant(!reference), [key]);
  return (
    <div className="value">
      <SourceSelect
        label={field.label}
        isConstant={isConstant}
        hasReferences={field.choices.length > 0 || reference !== ""}
        onChange={setConstant}
      />
      {isConstant ? (
        <ConstantInput label={field.label} value={reference ? null : value} onChange={onChange} />
      ) : (
        <ReferenceSelect
          label={field.label}
          value={reference}
          choices={field.choices}
          onChange={(from) => onChange(from ? { from } : null)}
        />
      )}
    </div>
  );
}

type SourceProps = { label: string; isConstant: boolean; hasReferences: boolean; onChange: (isConstant: boolean) => void };

export function SourceSelect({ label, isConstant, hasReferences, onChange }: SourceProps) {
  return (
    <select
      aria-label={`${label}: a constant or a reference`}
      value={isConstant ? "constant" : "reference"}
      onChange={(event) => onChange(event.target.value === "constant")}
    >
      <option value="constant">constant</option>
      {hasReferences && <option value="reference">from</option>}
    </select>
  );
}

type ReferenceProps = { label: string; value: string; choices: string[]; onChange: (from: string) => void };

export function ReferenceSelect({ label, value, choices, onChange }: ReferenceProps) {
  return (
    <select aria-label={`${label}: reference`} value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="" disabled={!value}>
        {value ? "nothing" : "choose a reference"}
      </option>
      <Choices value={value} choices={choices} />
    </select>
  );
}

type ConstantProps = { label: string; value: FieldValue | Reference; onChange: (value: FieldValue) => void };

function ConstantInput({ label, value, onChange }: ConstantProps) {
  const isList = Array.isArray(value);
  const before = isList ? value.map(String).join("\n") : value === null || value === undefined ? "" : String(value);
  const draft = useDraft(before, (text) => {
    if (isList) onChange(retyped(text.split("\n"), value));
    else onChange(text === "" ? null : typeof value === "object" ? text : (retyped([text], [value])[0] as Scalar));
  });
  const name = `${label}: constant`;
  return isList || before.includes("\n") ? (
    <textarea aria-label={name} rows={3} className="code" spellCheck={false} {...draftProps(draft, false)} />
  ) : (
    <input aria-label={name} spellCheck={false} {...draftProps(draft)} />
  );
}
