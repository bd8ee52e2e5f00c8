// Submit the workflow, follow it, and read what its steps print.

import { useState } from "react";
import { Refusal } from "../api";
import type { Log, Phase } from "../messages";
import { ended, useSnapshot, type WorkStore } from "../work";
import { TextRegion } from "./diff";

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
  if (state.read_only) return <Refused reason="the studio was started with --read-only" />;
  if (!file?.engine) return <Refused reason="no workflow is open" />;
  if (!engine || !(engine.runs || engine.local))
    return <Refused reason={`couler cannot submit workflows of ${file.engine}`} />;
  return <Start work={work} canLocal={engine.local} canCluster={engine.runs} />;
}

function Refused({ reason }: { reason: string }) {
  return (
    <div className="form">
      <h2>Run</h2>
      <p className="note">Nothing can be run here: {reason}.</p>
    </div>
  );
}

/** Parameters from lines `name=value`, and the first line that is none. */
export function readParameters(text: string): { parameters: Record<string, string>; wrong: string } {
  const lines = text.split("\n").filter((line) => line.trim());
  const wrong = lines.find((line) => line.indexOf("=") < 1) ?? "";
  const pairs = lines.map((line) => [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1).trim()]);
  return { parameters: wrong ? {} : Object.fromEntries(pairs), wrong };
}

function Start({ work, canLocal, canCluster }: { work: WorkStore; canLocal: boolean; canCluster: boolean }) {
  const { pipeline, busy } = useSnapshot(work);
  const [local, setLocal] = useState(!canCluster);
  const [context, setContext] = useState("");
  const [namespace, setNamespace] = useState("");
  const [text, setText] = useState("");
  const { parameters, wrong } = readParameters(text);
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        void work.start({ context: context.trim(), namespace: namespace.trim(), local, parameters });
      }}
    >
      <h2>Run</h2>
      <p className="note">
        Submits the workflow as you see it, saved or not{pipeline && <>, with the changes of <code>{pipeline}</code></>}.
      </p>
      {canLocal && canCluster && (
        <fieldset className="choice">
          <legend className="name">Where</legend>
          <label>
            <input type="radio" name="where" checked={!local} onChange={() => setLocal(false)} /> on a cluster
          </label>
          <label>
            <input type="radio" name="where" checked={local} onChange={() => setLocal(true)} /> on this machine
          </label>
        </fieldset>
      )}
      {!local && (
        <>
          <label className="option">
            <span className="name">Context</span>
            <input value={context} placeholder="the current one" spellCheck={false} onChange={(event) => setContext(event.target.value)} />
          </label>
          <label className="option">
            <span className="name">Namespace</span>
            <input value={namespace} placeholder="that of the context" spellCheck={false} onChange={(event) => setNamespace(event.target.value)} />
          </label>
        </>
      )}
      <label className="option">
        <span className="name">Parameters</span>
        <textarea
          className="code"
          rows={3}
          value={text}
          spellCheck={false}
          placeholder="name=value, one a line"
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      {wrong && <p className="note bad">“{wrong}” is no parameter: write name=value.</p>}
      <button type="submit" className="primary" disabled={busy || Boolean(wrong)}>
        {local ? "Run on this machine" : "Submit"}
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
  const count = (phase: Phase) => run.steps.filter((step) => step.phase === phase).length;
  return (
    <div className="form">
      <h2>
        Run <small>{run.place}</small>
      </h2>
      <p role="status" className={`phase-${run.phase}`}>
        <b>
          <span aria-hidden="true">{MARKS[run.phase]}</span> {run.phase}
        </b>{" "}
        {run.message}
      </p>
      {run.steps.length > 0 && (
        <p className="note">
          {count("succeeded") + count("cached")} of {run.steps.length} steps succeeded, {count("failed")} failed,{" "}
          {count("running")} running.
        </p>
      )}
      <div className="row">
        {ended(run) ? (
          <button type="button" onClick={() => work.closeRun()}>
            Close this run
          </button>
        ) : (
          <button type="button" className="bad" onClick={() => void work.stop()}>
            Stop the run
          </button>
        )}
      </div>
      <ul className="states" aria-label="Steps of the run">
        {run.steps.map((step) => (
          <li key={step.step} className={`phase-${step.phase}`}>
            <span aria-hidden="true">{MARKS[step.phase]}</span>
            <span className="state">
              {step.node ? (
                <button type="button" className="link" onClick={() => void work.reveal(step.node)}>
                  {step.step}
                </button>
              ) : (
                <b>{step.step}</b>
              )}
              <span className="note">
                {" "}
                {step.phase}
                {step.message && `: ${step.message}`}
              </span>
            </span>
            {step.has_log && (
              <button type="button" className="small" aria-label={`Log of ${step.step}`} onClick={() => void read(step.step)}>
                Log
              </button>
            )}
          </li>
        ))}
      </ul>
      {Object.keys(run.outputs).length > 0 && (
        <section aria-label="Outputs">
          <h3>Outputs</h3>
          <dl>
            {Object.entries(run.outputs).map(([name, text]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </section>
      )}
      {log && (
        <section aria-label={`Log of ${log.step}`} className="log">
          <h3>Log of {log.step}</h3>
          <div className="row">
            <button type="button" className="small" onClick={() => void read(log.step)}>
              Read again
            </button>
            <button type="button" className="small" onClick={() => setLog(null)}>
              Close the log
            </button>
          </div>
          <p className="note" role="status">
            {log.note || (log.lines.length ? "" : "The step has printed nothing yet.")}
          </p>
          {log.lines.length > 0 && <TextRegion label={`Lines of ${log.step}`}>{log.lines.join("\n")}</TextRegion>}
        </section>
      )}
    </div>
  );
}
