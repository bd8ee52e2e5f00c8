// Ready-made steps, and the form of the one that is to be added.

import { useEffect, useMemo, useState } from "react";
import type { CatalogueEntry, Input, Option } from "../messages";
import { type Draft, STEP_TYPE, useSnapshot, type WorkStore } from "../work";
import { rescueFocus } from "./focus";
import { grouped } from "./grouped";
import { ReferenceSelect, SourceSelect } from "./groups";
import { OptionField } from "./options";
import { Prose } from "./prose";
import { refusalOf } from "./step";

export function AddPanel({ work, onDone }: { work: WorkStore; onDone: () => void }) {
  const { state, file, draft } = useSnapshot(work);
  const [text, setText] = useState("");
  const entry = state.catalogue.find((item) => item.name === draft?.use);
  const groups = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const fitting = state.catalogue.filter((entry) => {
      const all = `${entry.name} ${entry.description} ${entry.tags.join(" ")}`.toLowerCase();
      return words.every((word) => all.includes(word));
    });
    return grouped(fitting, (entry) => entry.group || "other");
  }, [text, state.catalogue]);
  if (work.readOnly)
    return (
      <div className="form">
        <h2>Add a step</h2>
        <p className="note">Nothing can be added: {file?.reason || "no workflow is open"}.</p>
      </div>
    );
  if (draft && entry)
    return <NewStep key={JSON.stringify(draft)} work={work} entry={entry} draft={draft} onBack={() => work.plan(null)} onDone={onDone} />;
  const count = groups.reduce((sum, [, entries]) => sum + entries.length, 0);
  return (
    <div className="form">
      <h2>Add a ready-made step</h2>
      <input
        type="search"
        aria-label="Find a ready-made step"
        placeholder="load, train, predict…"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <p className="note" role="status">
        {text && `${count} step${count === 1 ? "" : "s"} fit`}
      </p>
      {groups.map(([group, entries]) => (
        <section key={group} aria-label={group}>
          <h3>{group}</h3>
          <ul className="catalogue">
            {entries.map((entry) => (
              <li key={entry.name}>
                <button
                  type="button"
                  draggable
                  onDragStart={(event) => event.dataTransfer.setData(STEP_TYPE, entry.name)}
                  onClick={() => work.plan({ use: entry.name, graph: "", needs: [] })}
                >
                  <b>{entry.name}</b>
                  <span>
                    <Prose text={entry.description} />
                  </span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function free(name: string, taken: Set<string>): string {
  let found = name;
  for (let number = 2; taken.has(found); number += 1) found = `${name}-${number}`;
  return found;
}

type Props = { work: WorkStore; entry: CatalogueEntry; draft: Draft; onBack: () => void; onDone: () => void };

function NewStep({ work, entry, draft, onBack, onDone }: Props) {
  const { view, selected, busy } = useSnapshot(work);
  const nodes = view?.picture.nodes ?? [];
  const beside = nodes.find((node) => node.id === selected[0]);
  const graphs = view?.graphs ?? [];
  const [graph, setGraph] = useState(draft.graph || beside?.graph || nodes.find((node) => node.graph)?.graph || graphs[0] || "");
  const own = nodes.filter((node) => node.graph === graph && node.kind !== "barrier");
  const steps = [...new Map(own.map((node) => [node.step, node])).values()];
  const [name, setName] = useState(() => free(entry.name, new Set(own.map((node) => node.step))));
  const [inputs, setInputs] = useState<Record<string, Input>>({});
  const [needs, setNeeds] = useState<string[]>(draft.needs);
  const [all, setAll] = useState(false);
  const [refusal, setRefusal] = useState("");
  const sources = [...useGraphInputs(work, own[0]?.id), ...steps.flatMap((node) => node.outputs.map((output) => `${node.step}.${output}`))];

  const shown = entry.inputs.filter((input) => all || input.default === null);
  const missing = entry.inputs.filter((input) => input.default === null && !inputs[input.name]);
  const isTaken = own.some((node) => node.step === name.trim());
  const add = async () => {
    const action = { do: "add", graph, step: name.trim(), use: entry.name, inputs: Object.values(inputs), needs } as const;
    const reason = await refusalOf(work, action);
    setRefusal(reason);
    if (reason) return;
    work.plan(null);
    onDone();
    rescueFocus();
  };
  const give = (input: Option, given: Input | null) => {
    const { [input.name]: _, ...others } = inputs;
    setInputs(given ? { ...others, [input.name]: given } : others);
  };
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
      onKeyDown={(event) => {
        // Enter in a field ends the field, and does not add a step that is half described.
        if (event.key === "Enter" && event.target instanceof HTMLInputElement) event.preventDefault();
      }}
    >
      <div>
        <button type="button" className="link" onClick={onBack}>
          ← All ready-made steps
        </button>
        <h2>{entry.name}</h2>
        <p className="note">
          <Prose text={entry.description} />
        </p>
      </div>
      <div className="field">
        <label className="name" htmlFor="new-name">
          Name
        </label>
        <input id="new-name" value={name} autoFocus spellCheck={false} onChange={(event) => setName(event.target.value)} />
        {isTaken && <p className="note bad">Another step has this name.</p>}
      </div>
      {graphs.length > 1 && (
        <div className="field">
          <label className="name" htmlFor="new-graph">
            Graph
          </label>
          <select
            id="new-graph"
            value={graph}
            onChange={(event) => {
              setGraph(event.target.value);
              setNeeds([]);
            }}
          >
            {graphs.map((item) => (
              <option key={item}>{item}</option>
            ))}
          </select>
          {!own.length && <p className="note">Open this graph to choose what the step reads and waits for.</p>}
        </div>
      )}
      <section aria-label="Inputs">
        <h3>Inputs</h3>
        {shown.map((input) => (
          <InputField key={input.name} option={input} given={inputs[input.name]} sources={sources} onChange={(given) => give(input, given)} />
        ))}
        <label className="check">
          <input type="checkbox" checked={all} onChange={(event) => setAll(event.target.checked)} />
          Show all inputs, with their defaults
        </label>
      </section>
      <div className="field" role="group" aria-label="Waits for">
        <span className="name">Waits for</span>
        <p className="note">It also waits for the steps that it reads from.</p>
        <ul className="waits">
          {needs.map((need) => (
            <li key={need}>
              {need}
              <button
                type="button"
                className="small"
                aria-label={`Wait no longer for ${need}`}
                onClick={() => {
                  setNeeds(needs.filter((other) => other !== need));
                  document.querySelector<HTMLElement>("#new-wait")?.focus();
                }}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
        <select id="new-wait" aria-label="Wait for a step" value="" onChange={(event) => setNeeds([...needs, event.target.value])}>
          <option value="">wait for a step…</option>
          {steps
            .filter((node) => !needs.includes(node.step))
            .map((node) => (
              <option key={node.step}>{node.step}</option>
            ))}
        </select>
      </div>
      <button type="submit" className="primary" disabled={busy || !name.trim() || isTaken || !graph || missing.length > 0}>
        Add the step
      </button>
      {missing.length > 0 && <p className="note">Give {missing.map((input) => input.name).join(", ")} first.</p>}
      {!graph && <p className="note bad">This workflow has no graph to add a step to.</p>}
      {refusal && <p className="note bad">Refused: {refusal}</p>}
    </form>
  );
}

/** The inputs of the graph that a step of it can read: the form of any step says them. */
function useGraphInputs(work: WorkStore, id: string | undefined): string[] {
  const [names, setNames] = useState<string[]>([]);
  useEffect(() => {
    let isLate = false;
    if (!id) {
      setNames([]);
      return;
    }
    work
      .form(id)
      .then((form) => {
        const choices = form.fields.flatMap((field) => (field.type === "choice" ? [] : field.choices));
        if (!isLate) setNames([...new Set(choices.filter((choice) => choice.startsWith("inputs.")))]);
      })
      .catch(() => !isLate && setNames([]));
    return () => {
      isLate = true;
    };
  }, [id, work]);
  return names;
}

type InputProps = { option: Option; given: Input | undefined; sources: string[]; onChange: (given: Input | null) => void };

/** An input of the new step: a constant of its type, or what another step gives. */
function InputField({ option, given, sources, onChange }: InputProps) {
  const [isConstant, setConstant] = useState(option.type !== "artifact" || !sources.length);
  const { name } = option;
  const constant = (values: string[]) => {
    const value = option.type === "list" ? values : (values[0] ?? "");
    onChange(value.length === 0 && option.default === null ? null : isDefault(option, values) ? null : { name, value });
  };
  const values = given?.value === undefined || given.value === null ? defaultOf(option) : [given.value].flat().map(String);
  return (
    <div className="input" data-name={name}>
      {sources.length > 0 && (
        <SourceSelect
          label={name}
          isConstant={isConstant}
          hasReferences
          onChange={(changed) => {
            setConstant(changed);
            onChange(null);
          }}
        />
      )}
      {isConstant ? (
        <OptionField option={option} values={values} onChange={constant} />
      ) : (
        <div className="option">
          <span className="name">
            {name}
            {option.default === null && <span className="needed"> (needed)</span>}
          </span>
          <ReferenceSelect
            label={name}
            value={given?.from ?? ""}
            choices={sources}
            onChange={(from) => onChange(from ? { name, from } : null)}
          />
          <p className="note">{option.description}</p>
        </div>
      )}
    </div>
  );
}

const defaultOf = (option: Option): string[] =>
  option.type === "list" ? (option.default ? option.default.split(", ") : []) : [option.default ?? ""];

const isDefault = (option: Option, values: string[]) =>
  option.default !== null && values.join("\n") === defaultOf(option).join("\n");
