// A pipeline put together by switches, and what it decides.

import { useMemo, useState } from "react";
import type { DecisionView, OptimizerEntry } from "../messages";
import { useSnapshot, type WorkStore } from "../work";
import { DiffText } from "./diff";
import { type Pass, readPipeline, withPass, writePipeline } from "./pipeline";

export function OptimizePanel({ work }: { work: WorkStore }) {
  const { state, pipeline, optimized } = useSnapshot(work);
  const passes = useMemo(() => {
    try {
      return readPipeline(pipeline);
    } catch {
      return [];
    }
  }, [pipeline]);
  const set = (changed: Pass[]) => void work.setPipeline(writePipeline(changed));
  const off = state.optimizers.filter((entry) => !passes.some((pass) => pass.name === entry.name));
  return (
    <div className="form">
      <h2>Optimize</h2>
      <p className="note">Switched-on optimizers run from top to bottom. Saving writes their changes too.</p>
      <ol className="passes">
        {passes.map((pass, number) => (
          <PassItem
            key={pass.name}
            pass={pass}
            entry={state.optimizers.find((entry) => entry.name === pass.name)}
            onChange={(changed) => set(passes.map((other) => (other === pass ? changed : other)))}
            onRemove={() => set(passes.filter((other) => other !== pass))}
            onMove={
              number > 0
                ? () => set([...passes.slice(0, number - 1), pass, passes[number - 1] as Pass, ...passes.slice(number + 1)])
                : undefined
            }
          />
        ))}
      </ol>
      <ul className="passes off">
        {off.map((entry) => (
          <li key={entry.name}>
            <Switch entry={entry} isOn={false} onChange={() => set(withPass(passes, entry.name, entry.before))} />
          </li>
        ))}
      </ul>
      {pipeline && <code className="pipeline">{pipeline}</code>}
      {optimized && <Outcome work={work} />}
    </div>
  );
}

function Switch({ entry, isOn, onChange }: { entry: OptimizerEntry; isOn: boolean; onChange: () => void }) {
  return (
    <label className="switch">
      <input type="checkbox" role="switch" checked={isOn} onChange={onChange} name={entry.name} />
      <b>{entry.name}</b>
      <span className="note">
        {entry.description}
        {entry.owner && !["optimizers", "caching", "tuning", "parallelism"].includes(entry.owner) && ` (${entry.owner})`}
      </span>
    </label>
  );
}

type PassProps = {
  pass: Pass;
  entry: OptimizerEntry | undefined;
  onChange: (pass: Pass) => void;
  onRemove: () => void;
  onMove: (() => void) | undefined;
};

function PassItem({ pass, entry, onChange, onRemove, onMove }: PassProps) {
  const shown = entry ?? { name: pass.name, description: "", owner: "", before: [], options: [] };
  const change = (name: string, text: string, usual: string | null) => {
    const others = pass.options.filter(([option]) => option !== name);
    const isUsual = text === (usual ?? "");
    onChange({ ...pass, options: isUsual ? others : [...others, [name, text === "" ? [] : text.split("|")]] });
  };
  return (
    <li>
      <Switch entry={shown} isOn onChange={onRemove} />
      {onMove && (
        <button type="button" className="small" onClick={onMove} aria-label={`Run ${pass.name} earlier`}>
          ↑ earlier
        </button>
      )}
      {shown.options.length > 0 && (
        <details open={pass.options.length > 0}>
          <summary>Options of {pass.name}</summary>
          {shown.options.map((option) => {
            const own = pass.options.find(([name]) => name === option.name);
            return (
              <OptionField
                key={option.name}
                label={option.name}
                note={option.description}
                value={own ? own[1].join("|") : (option.default ?? "")}
                onChange={(text) => change(option.name, text, option.default)}
              />
            );
          })}
        </details>
      )}
    </li>
  );
}

function OptionField(props: { label: string; note: string; value: string; onChange: (text: string) => void }) {
  const [draft, setDraft] = useState(props.value);
  const send = () => draft !== props.value && props.onChange(draft);
  return (
    <label className="option">
      <span className="name">{props.label}</span>
      <input
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={send}
        onKeyDown={(event) => event.key === "Enter" && send()}
      />
      <span className="note">{props.note}</span>
    </label>
  );
}

function Outcome({ work }: { work: WorkStore }) {
  const { optimized } = useSnapshot(work);
  if (!optimized) return null;
  const made = optimized.decisions.filter((decision) => decision.action);
  const refused = optimized.decisions.filter((decision) => !decision.action);
  return (
    <>
      <h3>
        {made.length} change{made.length === 1 ? "" : "s"}
      </h3>
      <Decisions work={work} decisions={made} />
      {refused.length > 0 && (
        <details>
          <summary>
            {refused.length} thing{refused.length === 1 ? "" : "s"} not done, and why
          </summary>
          <Decisions work={work} decisions={refused} />
        </details>
      )}
      {optimized.costs.length > 0 && (
        <table>
          <caption>Cost of a run</caption>
          <thead>
            <tr>
              <th scope="col">what</th>
              <th scope="col">before</th>
              <th scope="col">after</th>
            </tr>
          </thead>
          <tbody>
            {optimized.costs.map(([label, before, after]) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td>{before}</td>
                <td>{after}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {optimized.others.length > 0 && (
        <p className="note warn">The pipeline would also change {optimized.others.join(", ")}: this studio saves only the open file.</p>
      )}
      <h3>Lines</h3>
      <DiffText text={optimized.diff} />
    </>
  );
}

const MOST = 100;

function Decisions({ work, decisions }: { work: WorkStore; decisions: DecisionView[] }) {
  return (
    <ul className="decisions">
      {decisions.slice(0, MOST).map((decision, number) => (
        <li key={number}>
          <span className="note">{decision.optimizer}</span>{" "}
          {decision.nodes[0] ? (
            <button type="button" className="link" onClick={() => void work.reveal(decision.nodes[0] as string)}>
              {decision.subject}
            </button>
          ) : (
            <b>{decision.subject}</b>
          )}
          {decision.action && `: ${decision.action}`}
          <span className="note"> {decision.reason}</span>
        </li>
      ))}
      {decisions.length > MOST && <li className="note">and {decisions.length - MOST} more</li>}
    </ul>
  );
}
