// The workflow as another engine has it, with what is left out.

import { useState } from "react";
import { Refusal } from "../api";
import type { Converted } from "../messages";
import { useSnapshot, type WorkStore } from "../work";
import { Dialog } from "./dialog";
import { TextResult } from "./download";

const POLICIES = {
  error: "refuse the conversion",
  warn: "leave out what concerns whole runs, and list it",
  todo: "put a placeholder step in its place, which fails",
};
const KINDS: Record<string, string> = { run: "whole run" };

export function ConvertDialog({ work, onClose }: { work: WorkStore; onClose: () => void }) {
  const { state, file } = useSnapshot(work);
  const engines = state.engines.filter((engine) => engine.name !== file?.engine && engine.name !== "couler");
  const [to, setTo] = useState(engines[0]?.name ?? "");
  const [policy, setPolicy] = useState("error");
  const [isAsking, setAsking] = useState(false);
  const [result, setResult] = useState<(Converted & { engine: string }) | null>(null);
  const [refused, setRefused] = useState("");
  const convert = async () => {
    setRefused("");
    setResult(null);
    setAsking(true);
    try {
      setResult({ ...(await work.convert(to, policy)), engine: to });
    } catch (error) {
      setRefused(error instanceof Refusal ? [error.problem.message, error.problem.hint].filter(Boolean).join(" – ") : String(error));
    }
    setAsking(false);
  };
  return (
    <Dialog title={`Convert ${file?.path ?? ""}`} onClose={onClose}>
      <form
        className="row fields"
        onSubmit={(event) => {
          event.preventDefault();
          void convert();
        }}
      >
        <label className="option">
          <span className="name">Engine</span>
          <select value={to} onChange={(event) => setTo(event.target.value)}>
            {engines.map((engine) => (
              <option key={engine.name}>{engine.name}</option>
            ))}
          </select>
        </label>
        <label className="option wide">
          <span className="name">Where the engine lacks a feature</span>
          <select value={policy} onChange={(event) => setPolicy(event.target.value)}>
            {Object.entries(POLICIES).map(([name, text]) => (
              <option key={name} value={name}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" className="primary" disabled={!to || isAsking}>
          Convert
        </button>
      </form>
      <p className="note" role="status">
        {isAsking ? "The conversion runs…" : result ? summary(result) : "The file on disk stays as it is."}
      </p>
      {refused && (
        <p className="callout bad" role="alert">
          {refused}
        </p>
      )}
      {result && result.differences.length > 0 && (
        <ul className="decisions differences" aria-label="Differences" tabIndex={0}>
          {result.differences.map(([kind, text], number) => (
            <li key={number}>
              <b className={kind === "refused" ? "tag bad" : "tag"}>{KINDS[kind] ?? kind}</b> {text}
            </li>
          ))}
        </ul>
      )}
      {result?.text && <TextResult text={result.text} engine={result.engine} label="The converted workflow" />}
    </Dialog>
  );
}

function summary({ text, differences, engine }: Converted & { engine: string }): string {
  const count = `${differences.length} difference${differences.length === 1 ? "" : "s"}`;
  if (!text) return `The conversion to ${engine} is refused. Choose what to do where the engine lacks a feature, or change the file.`;
  return differences.length ? `Converted to ${engine} with ${count}.` : `Converted to ${engine}: nothing is left out.`;
}
