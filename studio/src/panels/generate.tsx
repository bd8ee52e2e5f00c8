// A workflow from a description, by the language model that the studio was started with.

import { useState } from "react";
import { Refusal } from "../api";
import type { Generated } from "../messages";
import { useSnapshot, type WorkStore } from "../work";
import { Dialog } from "./dialog";
import { TextResult } from "./download";

export function GenerateDialog({ work, onClose }: { work: WorkStore; onClose: () => void }) {
  const { state, file } = useSnapshot(work);
  const engines = state.engines.filter((engine) => engine.name !== "couler");
  const [engine, setEngine] = useState(file?.engine || (engines[0]?.name ?? ""));
  const [description, setDescription] = useState("");
  const [isAsking, setAsking] = useState(false);
  const [result, setResult] = useState<(Generated & { engine: string }) | null>(null);
  const [refused, setRefused] = useState("");
  const ask = async () => {
    setAsking(true);
    setRefused("");
    setResult(null);
    try {
      setResult({ ...(await work.generate(description, engine)), engine });
    } catch (error) {
      setRefused(error instanceof Refusal ? [error.problem.message, error.problem.hint].filter(Boolean).join(" – ") : String(error));
    }
    setAsking(false);
  };
  return (
    <Dialog title="Generate a workflow" onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          void ask();
        }}
      >
        <label className="option">
          <span className="name">Description</span>
          <textarea
            rows={5}
            value={description}
            placeholder="Load sales.csv, split it, train a model that predicts “amount”, and evaluate it."
            onChange={(event) => setDescription(event.target.value)}
          />
        </label>
        <div className="row fields">
          <label className="option">
            <span className="name">Engine</span>
            <select value={engine} onChange={(event) => setEngine(event.target.value)}>
              {engines.map((item) => (
                <option key={item.name}>{item.name}</option>
              ))}
            </select>
          </label>
          <button type="submit" className="primary" disabled={!description.trim() || isAsking}>
            Generate
          </button>
        </div>
      </form>
      <p className="note" role="status">
        {isAsking ? "The model writes the workflow. This can take a minute…" : result ? "The model wrote a workflow. Read it before you use it." : ""}
      </p>
      {refused && (
        <p className="callout bad" role="alert">
          {refused}
        </p>
      )}
      {result && (
        <>
          {result.remarks.length > 0 && (
            <ul className="decisions" aria-label="Remarks">
              {result.remarks.map((remark) => (
                <li key={remark} className="note">
                  {remark}
                </li>
              ))}
            </ul>
          )}
          <TextResult text={result.text} engine={result.engine} label="The generated workflow" />
        </>
      )}
    </Dialog>
  );
}
