// The workflow as another engine has it, with what is left out.

import { useState } from "react";
import { Refusal } from "../api";
import type { Converted } from "../messages";
import { useSnapshot, type WorkStore } from "../work";
import { Dialog } from "./dialog";

const POLICIES = {
  error: "refuse it",
  warn: "leave out what concerns whole runs, and say so",
  todo: "put a placeholder, which fails, in place of such a step",
};

export function ConvertDialog({ work, onClose }: { work: WorkStore; onClose: () => void }) {
  const { state, file } = useSnapshot(work);
  const engines = state.engines.filter((engine) => engine.name !== file?.engine && engine.name !== "couler");
  const [to, setTo] = useState(engines[0]?.name ?? "");
  const [policy, setPolicy] = useState("error");
  const [converted, setConverted] = useState<Converted | null>(null);
  const [refused, setRefused] = useState("");
  const convert = async () => {
    setRefused("");
    setConverted(null);
    try {
      setConverted(await work.convert(to, policy));
    } catch (error) {
      setRefused(error instanceof Refusal ? error.problem.message : String(error));
    }
  };
  return (
    <Dialog title="Convert to another engine" onClose={onClose}>
      <div className="row">
        <label>
          Engine{" "}
          <select value={to} onChange={(event) => setTo(event.target.value)}>
            {engines.map((engine) => (
              <option key={engine.name}>{engine.name}</option>
            ))}
          </select>
        </label>
        <label>
          What it cannot do{" "}
          <select value={policy} onChange={(event) => setPolicy(event.target.value)}>
            {Object.entries(POLICIES).map(([name, text]) => (
              <option key={name} value={name}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <button type="button" className="primary" onClick={() => void convert()}>
          Convert
        </button>
      </div>
      {refused && (
        <p className="note bad" role="alert">
          {refused}
        </p>
      )}
      {converted && (
        <>
          <ul className="decisions">
            {converted.differences.map(([kind, text], number) => (
              <li key={number}>
                <span className={kind === "refused" ? "note bad" : "note"}>{kind}</span> {text}
              </li>
            ))}
          </ul>
          {converted.text && (
            <>
              <div className="row">
                <button type="button" onClick={() => void navigator.clipboard.writeText(converted.text)}>
                  Copy
                </button>
                <button type="button" onClick={() => download(converted.text, to)}>
                  Download
                </button>
              </div>
              <pre className="diff" tabIndex={0} aria-label="The converted workflow">
                {converted.text}
              </pre>
            </>
          )}
        </>
      )}
    </Dialog>
  );
}

/** Let the browser save a text as a file. */
export function download(text: string, engine: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = engine === "airflow" ? "workflow.py" : "workflow.yaml";
  link.click();
  URL.revokeObjectURL(link.href);
}
