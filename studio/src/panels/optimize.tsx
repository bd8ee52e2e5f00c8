// A pipeline put together by switches, and what it decides.

import { useState } from "react";
import type { Optimized, Option, OptimizerEntry } from "../messages";
import { useSnapshot, type WorkStore } from "../work";
import { draftProps, useDraft } from "./draft";
import { OptionField } from "./options";
import { Outcome, counted } from "./outcome";
import { type Pass, readPipeline, withPass, writePipeline } from "./pipeline";
import { Prose } from "./prose";

/** The plugins that couler brings itself, beside its engines: others are named. */
const OWN = ["optimizers", "caching", "tuning", "parallelism"];

export function OptimizePanel({ work }: { work: WorkStore }) {
  const { state, pipeline, optimized, problem, busy, view } = useSnapshot(work);
  // Switched on, and not yet in the pipeline: an option that they need is not given.
  const [incomplete, setIncomplete] = useState<Pass[]>([]);
  const [error, setError] = useState("");
  const passes = passesOf(pipeline);
  const set = (changed: Pass[]) => {
    setError("");
    void work.setPipeline(writePipeline(changed));
  };
  const entryOf = (name: string): OptimizerEntry =>
    state.optimizers.find((entry) => entry.name === name) ??
    ({ name, description: "", owner: "", before: [], options: [] } satisfies OptimizerEntry);
  const put = (pass: Pass) => {
    const entry = entryOf(pass.name);
    const others = incomplete.filter((other) => other.name !== pass.name);
    const isReady = missing(entry, pass).length === 0;
    setIncomplete(isReady ? others : [...others, pass]);
    if (isReady) set(withPass(passes, pass, entry.before));
  };
  const isOn = (name: string) => [...passes, ...incomplete].some((pass) => pass.name === name);
  const off = state.optimizers.filter((entry) => !isOn(entry.name));
  const owner = (entry: OptimizerEntry) =>
    OWN.includes(entry.owner) || state.engines.some((engine) => engine.name === entry.owner) ? "" : entry.owner;
  const write = (text: string) => {
    try {
      set(readPipeline(text));
      setIncomplete([]);
    } catch (wrong) {
      setError((wrong as Error).message);
    }
  };
  return (
    <div className="form">
      <h2>Optimize</h2>
      <p className="note">
        The optimizers that are on run from top to bottom. “Save” also writes their changes
        {work.readOnly ? ", but this file cannot be saved" : ""}.
      </p>
      {passes.length + incomplete.length > 0 && (
        <ol className="passes" aria-label="Optimizers that are on">
          {passes.map((pass, place) => (
            <PassItem
              key={`${pass.name} ${passes.slice(0, place).filter((other) => other.name === pass.name).length}`}
              pass={pass}
              entry={entryOf(pass.name)}
              owner={owner(entryOf(pass.name))}
              onChange={(changed) => set(passes.map((other) => (other === pass ? changed : other)))}
              onRemove={() => set(passes.filter((other) => other !== pass))}
              onEarlier={place > 0 ? () => set(exchanged(passes, place - 1)) : undefined}
              onLater={place < passes.length - 1 ? () => set(exchanged(passes, place)) : undefined}
            />
          ))}
          {incomplete.map((pass) => (
            <PassItem
              key={pass.name}
              pass={pass}
              entry={entryOf(pass.name)}
              owner={owner(entryOf(pass.name))}
              onChange={put}
              onRemove={() => setIncomplete(incomplete.filter((other) => other !== pass))}
            />
          ))}
        </ol>
      )}
      <div className="row" role="status">
        {pipeline && view && <Summary refusal={problem?.message ?? ""} optimized={optimized} isBusy={busy} />}
      </div>
      {off.length > 0 && (
        <ul className="passes off" aria-label="Optimizers that are off">
          {off.map((entry) => (
            <li key={entry.name}>
              <Switch entry={entry} owner={owner(entry)} isOn={false} onChange={() => put({ name: entry.name, options: [] })} />
            </li>
          ))}
        </ul>
      )}
      <PipelineText text={pipeline} error={error} onWrite={write} />
      {pipeline && optimized && <Outcome work={work} optimized={optimized} />}
    </div>
  );
}

type SummaryProps = { optimized: Optimized | null; refusal: string; isBusy: boolean };

function Summary({ optimized, refusal, isBusy }: SummaryProps) {
  if (isBusy) return <p className="note">The optimizers run…</p>;
  if (!optimized) return <p className="note bad">Refused: {refusal || "see the message above the graph"}</p>;
  const done = optimized.decisions.filter((decision) => decision.action).length;
  return (
    <>
      <p className="note">
        {counted(done, "change")}, {counted(optimized.decisions.length - done, "refusal")}.
      </p>
      <button type="button" className="link" onClick={() => document.querySelector<HTMLElement>("#outcome")?.focus()}>
        Show them
      </button>
    </>
  );
}

/** The passes of the pipeline; none where it is no pipeline, which the server says. */
function passesOf(text: string): Pass[] {
  try {
    return readPipeline(text);
  } catch {
    return [];
  }
}

/** The options that have no default, and no value yet. */
function missing(entry: OptimizerEntry, pass: Pass): Option[] {
  const isGiven = (option: Option) => pass.options.some(([name, values]) => name === option.name && values.join(""));
  return entry.options.filter((option) => option.default === null && !isGiven(option));
}

function exchanged(passes: Pass[], place: number): Pass[] {
  const changed = [...passes];
  changed.splice(place, 2, passes[place + 1] as Pass, passes[place] as Pass);
  return changed;
}

function PipelineText({ text, error, onWrite }: { text: string; error: string; onWrite: (text: string) => void }) {
  const draft = useDraft(text, onWrite);
  return (
    <details className="text">
      <summary>
        The pipeline as text{text && <code className="pipeline">{text}</code>}
      </summary>
      <label className="option">
        <span className="name">Pipeline</span>
        <input className="mono" spellCheck={false} placeholder="dedupe,rightsize{margin=0.2}" {...draftProps(draft)} />
      </label>
      {error && <p className="note bad">It is no pipeline, {error}.</p>}
    </details>
  );
}

type SwitchProps = { entry: OptimizerEntry; owner: string; isOn: boolean; onChange: () => void };

function Switch({ entry, owner, isOn, onChange }: SwitchProps) {
  return (
    <label className="switch">
      <input type="checkbox" role="switch" checked={isOn} onChange={onChange} name={entry.name} />
      <span>
        <b>{entry.name}</b>
        {owner && <small className="tag">plugin {owner}</small>}
      </span>
      <span className="note">
        <Prose text={entry.description} />
      </span>
    </label>
  );
}

type PassProps = {
  pass: Pass;
  entry: OptimizerEntry;
  owner: string;
  onChange: (pass: Pass) => void;
  onRemove: () => void;
  onEarlier?: (() => void) | undefined;
  onLater?: (() => void) | undefined;
};

function PassItem({ pass, entry, owner, onChange, onRemove, onEarlier, onLater }: PassProps) {
  const needed = missing(entry, pass);
  const change = (option: Option, values: string[]) => {
    const others = pass.options.filter(([name]) => name !== option.name);
    const isDefault = option.default !== null && values.join("|") === option.default;
    const isEmptyNumber = ["int", "float"].includes(option.type) && !values.join("");
    onChange({ ...pass, options: isDefault || isEmptyNumber ? others : [...others, [option.name, values]] });
  };
  return (
    <li className="card">
      <Switch entry={entry} owner={owner} isOn onChange={onRemove} />
      {(onEarlier || onLater) && (
        <div className="row">
          {[
            { name: "earlier", sign: "↑", onMove: onEarlier },
            { name: "later", sign: "↓", onMove: onLater },
          ].map(({ name, sign, onMove }) => (
            <button
              key={name}
              type="button"
              className="small"
              disabled={!onMove}
              aria-label={`Run ${pass.name} ${name}`}
              onClick={(event) => {
                onMove?.();
                keepFocus(event.currentTarget);
              }}
            >
              {sign} {name}
            </button>
          ))}
        </div>
      )}
      {needed.length > 0 && (
        <p className="note warn">It runs once you give {needed.map((option) => option.name).join(" and ")}.</p>
      )}
      {entry.options.length > 0 && (
        <details open={needed.length > 0 || undefined}>
          <summary>
            Options of {pass.name}
            {pass.options.length > 0 && <span className="note"> ({pass.options.length} set)</span>}
          </summary>
          <div className="options">
            {entry.options.map((option) => (
              <OptionField key={option.name} option={option} values={valuesOf(pass, option)} onChange={(values) => change(option, values)} />
            ))}
          </div>
        </details>
      )}
    </li>
  );
}

/** Give the focus back to a button that moved; to its neighbour where it can move no further. */
function keepFocus(button: HTMLButtonElement): void {
  setTimeout(() => {
    const row = button.parentElement;
    (button.disabled ? row?.querySelector<HTMLElement>("button:not(:disabled)") : button)?.focus();
  });
}

function valuesOf(pass: Pass, option: Option): string[] {
  const own = pass.options.find(([name]) => name === option.name);
  if (own) return own[1];
  if (option.type === "list") return option.default ? option.default.split("|") : [];
  return [option.default ?? ""];
}
