// A workflow from a description, by the language model that the studio was started with.

import { useState } from "react";
import { Refusal } from "../api";
import type { Generated } from "../messages";
import { useSnapshot, type WorkStore } from "../work";
import { download } from "./convert";
import { Dialog } from "./dialog";

export function GenerateDialog({ work, onClose }: { work: WorkStore; onClose: () => void }) {
  const { state } = useSnapshot(work);
  const engines = state.engines.filter((engine) => engine.name !== "couler");
  const [engine, setEngine] = useState(engines[0]?.name ?? "");
  const [description, setDescription] = useState("");
  const [isAsking, setAsking] = useState(false);
  const [generated, setGenerated] = useState<Generated | null>(null);
  const [refused, setRefused] = useState("");
  const ask = async () => {
    setAsking(true);
    setRefused("");
    try {
      setGenerated(await work.generate(description, engine));
    } catch (error) {
      setRefused(error instanceof Refusal ? error.problem.message : String(error));
    }
    setAsking(false);
  };
  return (
    <Dialog title="Generate a workflow" onClose={onClose}>
      <label className="name" htmlFor="description">
        What is it to do?
      </label>
      <textarea id="description" rows={4} value={description} onChange={(event) => setDescription(event.target.value)} />
      <div className="row">
        <label>
          Engine{" "}
          <select value={engine} onChange={(event) => setEngine(event.target.value)}>
            {engines.map((item) => (
              <option key={item.name}>{item.name}</option>
            ))}
          </select>
        </label>
        <button type="button" className="primary" disabled={!description || isAsking} onClick={() => void ask()}>
          {isAsking ? "The model writes…" : "Generate"}
        </button>
      </div>
      {refused && (
        <p className="note bad" role="alert">
          {refused}
        </p>
      )}
      {generated && (
        <>
          {generated.remarks.map((remark) => (
            <p key={remark} className="note">
              {remark}
            </p>
          ))}
          <button type="button" onClick={() => download(generated.text, engine)}>
            Download
          </button>
          <pre className="diff" tabIndex={0} aria-label="The generated workflow">
            {generated.text}
          </pre>
        </>
      )}
    </Dialog>
  );
}
