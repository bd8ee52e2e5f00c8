// Ready-made steps, and the form of the one that is to be added.

import { useEffect, useMemo, useState } from "react";
import type { CatalogueEntry, FormField, Input, Reference, Scalar, StepForm } from "../messages";
import { useSnapshot, type WorkStore } from "../work";
import { Field } from "./fields";

export function AddPanel({ work, onDone }: { work: WorkStore; onDone: () => void }) {
  const { state } = useSnapshot(work);
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<CatalogueEntry | null>(null);
  const groups = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    const found = state.catalogue.filter((entry) =>
      `${entry.name} ${entry.description} ${entry.tags.join(" ")}`.toLowerCase().includes(wanted),
    );
    return [...Map.groupBy(found, (entry) => entry.group)];
  }, [text, state.catalogue]);
  if (work.readOnly) return <p className="note">Nothing can be added: {work.snapshot().file?.reason}.</p>;
  if (chosen) return <NewStep work={work} entry={chosen} onBack={() => setChosen(null)} onDone={onDone} />;
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
      {groups.map(([group, entries]) => (
        <section key={group}>
          <h3>{group}</h3>
          <ul className="catalogue">
            {entries.map((entry) => (
              <li key={entry.name}>
                <button type="button" onClick={() => setChosen(entry)}>
                  <b>{entry.name}</b>
                  <span>{entry.description}</span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function fresh(name: string, taken: Set<string>): string {
  let free = name;
  for (let number = 2; taken.has(free); number += 1) free = `${name}-${number}`;
  return free;
}

type Props = { work: WorkStore; entry: CatalogueEntry; onBack: () => void; onDone: () => void };

function NewStep({ work, entry, onBack, onDone }: Props) {
  const { view, selected } = useSnapshot(work);
  const nodes = work.picture?.nodes ?? [];
  const beside = selected[0] ? work.node(selected[0]) : undefined;
  const graphs = view?.graphs ?? [];
  const [graph, setGraph] = useState(beside?.graph || nodes.find((node) => node.graph)?.graph || graphs[0] || "");
  const own = nodes.filter((node) => node.graph === graph && node.kind !== "barrier");
  const [name, setName] = useState(() => fresh(entry.name, new Set(own.map((node) => node.step))));
  const [given, setGiven] = useState<Record<string, Input>>({});
  const [needs, setNeeds] = useState<string[]>([]);
  const [sources, setSources] = useState<string[]>([]);
  const [all, setAll] = useState(false);

  // What a new step can read is what a step that nothing waits for can: the form of the last one of the graph says it.
  const last = own.at(-1)?.id;
  useEffect(() => {
    if (!last) return;
    work
      .form(last)
      .then((form: StepForm) => {
        const choices = form.fields.find((field) => field.field === "when")?.choices ?? [];
        const outputs = own.find((node) => node.id === last)?.outputs ?? [];
        setSources([...choices, ...outputs.map((output) => `${form.title}.${output}`)]);
      })
      .catch(() => setSources([]));
  }, [last, work]);

  const shown = entry.inputs.filter((input) => all || input.default === null);
  const missing = entry.inputs.filter((input) => input.default === null && !given[input.name]);
  const add = async () => {
    const inputs = Object.values(given);
    if (await work.act({ do: "add", graph, step: name, use: entry.name, inputs, needs })) onDone();
  };
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      <h2>{entry.name}</h2>
      <p className="note">{entry.description}</p>
      <div className="field">
        <label className="name" htmlFor="new-name">
          Name
        </label>
        <input id="new-name" value={name} onChange={(event) => setName(event.target.value)} />
      </div>
      {graphs.length > 1 && (
        <div className="field">
          <label className="name" htmlFor="new-graph">
            Graph
          </label>
          <select id="new-graph" value={graph} onChange={(event) => setGraph(event.target.value)}>
            {graphs.map((item) => (
              <option key={item}>{item}</option>
            ))}
          </select>
        </div>
      )}
      {shown.map((input) => (
        <Field
          key={input.name}
          field={
            {
              field: "input",
              name: input.name,
              label: input.name,
              container: "",
              type: "value",
              value: valueOf(given[input.name]),
              choices: sources,
              editable: true,
              reason: input.description + (input.default ? ` Default: ${input.default}.` : ""),
            } satisfies FormField
          }
          onChange={(value) => setGiven(withInput(given, input.name, value as Scalar | Reference | null))}
        />
      ))}
      <label className="row">
        <input type="checkbox" checked={all} onChange={(event) => setAll(event.target.checked)} />
        All inputs, with their defaults
      </label>
      <div className="field" role="group" aria-label="Waits for">
        <span className="name">Waits for</span>
        <ul className="waits">
          {needs.map((need) => (
            <li key={need}>
              {need}
              <button type="button" className="small" aria-label={`Wait no longer for ${need}`} onClick={() => setNeeds(needs.filter((other) => other !== need))}>
                ×
              </button>
            </li>
          ))}
        </ul>
        <select aria-label="Wait for a step" value="" onChange={(event) => setNeeds([...needs, event.target.value])}>
          <option value="">wait for a step…</option>
          {own
            .filter((node) => !needs.includes(node.step))
            .map((node) => (
              <option key={node.id}>{node.step}</option>
            ))}
        </select>
      </div>
      <div className="row">
        <button type="submit" className="primary" disabled={!name || !graph || missing.length > 0}>
          Add the step
        </button>
        <button type="button" onClick={onBack}>
          Back
        </button>
      </div>
      {missing.length > 0 && <p className="note">Still needed: {missing.map((input) => input.name).join(", ")}.</p>}
      {!graph && <p className="note bad">This workflow has no graph to add a step to.</p>}
    </form>
  );
}

const valueOf = (input: Input | undefined) =>
  input === undefined ? null : input.from ? { from: input.from } : (input.value ?? null);

function withInput(given: Record<string, Input>, name: string, value: Scalar | Reference | null): Record<string, Input> {
  const { [name]: _, ...others } = given;
  if (value === null) return others;
  return { ...others, [name]: typeof value === "object" ? { name, from: value.from } : { name, value } };
}
