// What the engine would refuse, with the step that it is about.

import { useSnapshot, type WorkStore } from "../work";

export function FindingsPanel({ work }: { work: WorkStore }) {
  const { findings } = useSnapshot(work);
  return (
    <div className="form">
      <h2>Lint</h2>
      {findings.length === 0 && <p className="note">Nothing to say: the engine would accept this.</p>}
      <ul className="decisions">
        {findings.map((finding, number) => (
          <li key={number}>
            <span className={finding.severity === "error" ? "note bad" : "note warn"}>{finding.severity}</span>
            {finding.line > 0 && <span className="note"> line {finding.line}</span>}{" "}
            {finding.node && (
              <button type="button" className="link" onClick={() => void work.reveal(finding.node)}>
                {finding.node.split("/").at(-1)}
              </button>
            )}
            <br />
            {finding.message}
            {finding.hint && <span className="note"> — {finding.hint}</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}
