// Submit the workflow, follow it, and read what its steps print.

import { useState } from "react";
import { Refusal } from "../api";
import type { Log, Phase } from "../messages";
import { ended, useSnapshot, type WorkStore } from "../work";

const MARKS: Record<Phase, string> = {
  pending: "○",
  running: "▶",
  succeeded: "✓",
  failed: "✗",
  skipped: "↷",
  cached: "≡",
};

export function RunPanel({ work }: { work: WorkStore }) {
  const { state, file, run } = useSnapshot(work);
  const engine = state.engines.find((item) => item.name === file?.engine);
  if (run) return <Running work={work} />;
  if (state.read_only) return <p className="note">The studio was started with --read-only: nothing is submitted.</p>;
  if (!engine || !(engine.runs || engine.local))
    return <p className="note">couler cannot submit workflows of {file?.engine || "this engine"}.</p>;
  return <Start work={work} canLocal={engine.local} canCluster={engine.runs} />;
}

function Start({ work, canLocal, canCluster }: { work: WorkStore; canLocal: boolean; canCluster: boolean }) {
  const [local, setLocal] = useState(!canCluster);
  const [context, setContext] = useState("");
  const [namespace, setNamespace] = useState("");
  const [text, setText] = useState("");
  const parameters = Object.fromEntries(
    text
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1).trim()] as const)
      .filter(([name]) => name),
  );
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        void work.start({ context, namespace, local, parameters });
      }}
    >
      <h2>Run</h2>
      <p className="note">Submits the workflow as it stands here, saved or not, with what the optimizers change.</p>
      {canLocal && canCluster && (
        <label className="row">
          <input type="checkbox" checked={local} onChange={(event) => setLocal(event.target.checked)} />
          Run on this machine, without a cluster
        </label>
      )}
      {!local && (
        <>
          <label className="option">
            <span className="name">Context</span>
            <input value={context} placeholder="the current one" onChange={(event) => setContext(event.target.value)} />
          </label>
          <label className="option">
            <span className="name">Namespace</span>
            <input value={namespace} placeholder="that of the context" onChange={(event) => setNamespace(event.target.value)} />
          </label>
        </>
      )}
      <label className="option">
        <span className="name">Parameters</span>
        <textarea rows={3} value={text} placeholder="name=value, one a line" onChange={(event) => setText(event.target.value)} />
      </label>
      <button type="submit" className="primary">
        Submit
      </button>
    </form>
  );
}

function Running({ work }: { work: WorkStore }) {
  const { run } = useSnapshot(work);
  const [log, setLog] = useState<(Log & { step: string }) | null>(null);
  if (!run) return null;
  const read = async (step: string) => {
    try {
      setLog({ ...(await work.log(step)), step });
    } catch (error) {
      setLog({ lines: [], note: error instanceof Refusal ? error.problem.message : String(error), step });
    }
  };
  return (
    <div className="form">
      <h2>
        Run <small>{run.place}</small>
      </h2>
      <p role="status" className={`phase-${run.phase}`}>
        <b>
          {MARKS[run.phase]} {run.phase}
        </b>{" "}
        {run.message}
      </p>
      <div className="row">
        {!ended(run) && (
          <button type="button" onClick={() => void work.stop()}>
            Stop
          </button>
        )}
        {ended(run) && (
          <button type="button" onClick={() => work.closeRun()}>
            Close this run
          </button>
        )}
      </div>
      <ul className="states">
        {run.steps.map((step) => (
          <li key={step.step} className={`phase-${step.phase}`}>
            <span aria-hidden="true">{MARKS[step.phase]}</span>{" "}
            <button type="button" className="link" onClick={() => step.node && void work.reveal(step.node)}>
              {step.step}
            </button>{" "}
            <span className="note">
              {step.phase} {step.message}
            </span>
            {step.has_log && (
              <button type="button" className="small" onClick={() => void read(step.step)}>
                Log
              </button>
            )}
          </li>
        ))}
      </ul>
      {Object.keys(run.outputs).length > 0 && (
        <dl>
          {Object.entries(run.outputs).map(([name, text]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
      )}
      {log && (
        <section aria-label={`Log of ${log.step}`}>
          <h3>Log of {log.step}</h3>
          {log.note && <p className="note">{log.note}</p>}
          <pre className="diff" tabIndex={0}>
            {log.lines.join("\n")}
          </pre>
        </section>
      )}
    </div>
  );
}
