// Names with values, one row each.

import { useEffect, useState } from "react";
import type { Scalar } from "../messages";
import type { EditorProps } from "./fields";

type Row = [name: string, text: string];

const textsOf = (value: unknown): Row[] =>
  Object.entries((value as Record<string, Scalar> | null) ?? {}).map(([name, text]) => [name, String(text)]);

type ValueProps = {
  "aria-label": string;
  value: string;
  placeholder: string;
  spellCheck: boolean;
  onChange: (event: { target: { value: string } }) => void;
};

/** A field of one line would lose the breaks of a text. */
const Value = (props: ValueProps) => (props.value.includes("\n") ? <textarea rows={3} {...props} /> : <input {...props} />);

export function PairsEditor({ field, onChange }: EditorProps) {
  const key = JSON.stringify(textsOf(field.value));
  const [rows, setRows] = useState<Row[]>(() => JSON.parse(key) as Row[]);
  const [sent, setSent] = useState(key);
  useEffect(() => {
    setRows(JSON.parse(key) as Row[]);
    setSent(key);
  }, [key]);
  const twice = rows.find(([name], place) => name && rows.findIndex(([other]) => other === name) !== place)?.[0];
  const send = (changed: Row[]) => {
    const full = changed.map(([name, text]): Row => [name.trim(), text]).filter(([name]) => name);
    const text = JSON.stringify(full);
    if (text === sent || new Set(full.map(([name]) => name)).size < full.length) return;
    setSent(text);
    if (text !== key) onChange(Object.fromEntries(full));
  };
  const change = (place: number, row: Row) => setRows(rows.map((other, at) => (at === place ? row : other)));
  const label = field.label.toLowerCase();
  return (
    <div className="pairs">
      {rows.map(([name, text], place) => (
        // A row has no identity but its place. It is sent when it is left, not between its two fields.
        <div
          key={place}
          className="pair"
          onBlur={(event) => {
            if (!event.currentTarget.contains(event.relatedTarget)) send(rows);
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter" && event.target instanceof HTMLInputElement) send(rows);
          }}
        >
          <input
            aria-label={`${field.label}: name`}
            value={name}
            placeholder="name"
            spellCheck={false}
            onChange={(event) => change(place, [event.target.value, text])}
          />
          <Value
            aria-label={`${field.label}: value of ${name || "the new name"}`}
            value={text}
            placeholder="value"
            spellCheck={false}
            onChange={(event) => change(place, [name, event.target.value])}
          />
          <button
            type="button"
            className="small"
            aria-label={`Remove ${name || "this row"} from ${label}`}
            onClick={(event) => {
              event.currentTarget.closest(".pairs")?.querySelector<HTMLElement>(".add")?.focus();
              const others = rows.filter((_, at) => at !== place);
              setRows(others);
              send(others);
            }}
          >
            ×
          </button>
        </div>
      ))}
      {twice && <p className="note bad">{twice} stands twice: nothing is changed until each name stands once.</p>}
      <button
        type="button"
        className="small add"
        onClick={(event) => {
          const { parentElement } = event.currentTarget;
          setRows([...rows, ["", ""]]);
          setTimeout(() => parentElement?.querySelector<HTMLElement>(".pair:last-of-type input")?.focus());
        }}
      >
        Add to {label}
      </button>
    </div>
  );
}
