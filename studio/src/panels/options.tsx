// An option of an optimizer, or an input of a catalogue step: the field is of its type, and texts go in and out.

import { useId } from "react";
import type { Option } from "../messages";
import { draftProps, useDraft } from "./draft";
import { Prose } from "./prose";

type Props = {
  option: Option;
  /** What it is set to; one text, or several for a list. */
  values: string[];
  onChange: (values: string[]) => void;
  /** Another label than the option's name. */
  label?: string;
};

export function OptionField({ option, values, onChange, label }: Props) {
  const id = useId();
  const choices = option.type === "bool" ? ["true", "false"] : option.choices;
  const value = values[0] ?? "";
  return (
    <div className="option" data-option={option.name}>
      <label className="name" htmlFor={id}>
        {label ?? option.name}
        {option.default === null && <span className="needed"> (needed)</span>}
      </label>
      {choices.length > 0 ? (
        <select id={id} value={value} onChange={(event) => onChange([event.target.value])}>
          {[...new Set([value, ...choices])].map((choice) => (
            <option key={choice} value={choice}>
              {choice || "–"}
            </option>
          ))}
        </select>
      ) : option.type === "list" ? (
        <ListInput id={id} values={values} onChange={onChange} />
      ) : (
        <TextInput id={id} value={value} isNumber={["int", "float"].includes(option.type)} onChange={onChange} />
      )}
      {option.description && (
        <p className="note">
          <Prose text={option.description} />
        </p>
      )}
    </div>
  );
}

type TextProps = { id: string; value: string; isNumber: boolean; onChange: (values: string[]) => void };

function TextInput({ id, value, isNumber, onChange }: TextProps) {
  const draft = useDraft(value, (text) => onChange([isNumber ? text.trim() : text]));
  return <input id={id} spellCheck={false} inputMode={isNumber ? "decimal" : undefined} {...draftProps(draft)} />;
}

function ListInput({ id, values, onChange }: { id: string; values: string[]; onChange: (values: string[]) => void }) {
  const draft = useDraft(values.join("\n"), (text) => onChange(text.split("\n").filter(Boolean)));
  const rows = Math.min(8, Math.max(2, values.length));
  return (
    <textarea id={id} className="code" rows={rows} spellCheck={false} placeholder="one a line" {...draftProps(draft, false)} />
  );
}
