// What the engine would refuse, with the step that it is about.

import type { Finding } from "../messages";
import { useSnapshot, type WorkStore } from "../work";
import { counted } from "./outcome";

export function FindingsPanel({ work }: { work: WorkStore }) {
  const { findings, view } = useSnapshot(work);
  const errors = findings.filter((finding) => finding.severity === "error").length;
  const others = findings.length - errors;
  return (
    <div className="form">
      <h2>Lint</h2>
      <p className="note" role="status">
        {!view
          ? "Open a workflow to check it."
          : findings.length === 0
            ? "No findings: the engine would accept this workflow."
            : `${[errors && counted(errors, "error"), others && counted(others, errors ? "other finding" : "finding")].filter(Boolean).join(", ")}.`}
      </p>
      <ul className="decisions">
        {findings.map((finding, number) => (
          <li key={number} className="card">
            <FindingText finding={finding} />
            {finding.node && (
              <button
                type="button"
                className="link"
                aria-label={`Show the step ${finding.node.split("/").at(-1)}`}
                onClick={() => void work.reveal(finding.node)}
              >
                {finding.node.split("/").at(-1)}
              </button>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

const TONES: Record<string, string> = { error: "bad", warning: "warn" };

/** A finding: how grave it is stands there as a word, and by its colour. */
export function FindingText({ finding }: { finding: Finding }) {
  return (
    <p className="finding">
      <b className={`tag ${TONES[finding.severity] ?? ""}`}>{finding.severity}</b>{" "}
      {finding.line > 0 && <span className="note">line {finding.line} </span>}
      {finding.code && <span className="note">{finding.code}</span>}
      <span className="said">{finding.message}</span>
      {finding.hint && <span className="note said">What to do: {finding.hint}</span>}
    </p>
  );
}
