// What a pipeline decides: by optimizer, with the steps, the costs and the lines.

import type { DecisionView, Optimized } from "../messages";
import { useSnapshot, type WorkStore } from "../work";
import { DiffText } from "./diff";
import { grouped } from "./grouped";
import { Prose } from "./prose";

export function Outcome({ work, optimized }: { work: WorkStore; optimized: Optimized }) {
  const { state } = useSnapshot(work);
  const done = optimized.decisions.filter((decision) => decision.action);
  const refused = optimized.decisions.filter((decision) => !decision.action);
  return (
    <div className="outcome">
      <h3 id="outcome" tabIndex={-1}>
        {counted(done.length, "change")}
      </h3>
      {done.length === 0 && <p className="note">The optimizers leave this workflow as it is.</p>}
      {grouped(done, (decision) => decision.optimizer).map(([name, decisions]) => (
        <details key={name} open>
          <summary>
            <b>{name}</b> <span className="note">{counted(decisions.length, "change")}</span>
          </summary>
          <Decisions work={work} decisions={decisions} />
        </details>
      ))}
      {refused.length > 0 && (
        <details>
          <summary>{counted(refused.length, "refusal")}, with reasons</summary>
          <Decisions work={work} decisions={refused} hasNames />
        </details>
      )}
      <h3>Cost of a run</h3>
      {optimized.costs.length > 0 ? (
        <Costs rows={optimized.costs} />
      ) : (
        <p className="note">
          <Prose
            text={
              state.history
                ? "The past runs say nothing about this workflow."
                : "No past runs are known: start the studio with `--history` to see costs."
            }
          />
        </p>
      )}
      {optimized.others.length > 0 && (
        <p className="callout">
          The pipeline would also change {optimized.others.join(", ")}. “Save” writes only the open file.
        </p>
      )}
      <h3>Changed lines</h3>
      <DiffText text={optimized.diff} label="Lines that the optimizers change" />
    </div>
  );
}

/** A number of things, in words. */
export const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

function Costs({ rows }: { rows: [string, string, string][] }) {
  return (
    <table>
      <thead>
        <tr>
          {["What", "Before", "After"].map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([label, before, after]) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            <td>{before}</td>
            <td>{after}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const MOST = 100;

type Props = { work: WorkStore; decisions: DecisionView[]; hasNames?: boolean };

function Decisions({ work, decisions, hasNames = false }: Props) {
  const select = async (nodes: string[]) => {
    await work.reveal(nodes[0] as string);
    if (nodes.length > 1) work.select(nodes);
  };
  return (
    <ul className="decisions">
      {decisions.slice(0, MOST).map((decision, number) => (
        <li key={number}>
          {hasNames && <span className="tag">{decision.optimizer}</span>}{" "}
          {decision.nodes.length > 0 ? (
            <button
              type="button"
              className="link"
              title={decision.nodes.length > 1 ? `Selects ${decision.nodes.length} steps` : "Selects the step"}
              onClick={() => void select(decision.nodes)}
            >
              {decision.subject}
            </button>
          ) : (
            <b>{decision.subject}</b>
          )}
          {decision.action && `: ${decision.action}`}
          {decision.reason && <span className="note said">{decision.reason}</span>}
          {decision.figures.length > 0 && (
            <span className="note said">{decision.figures.map(([name, value]) => `${name}: ${value}`).join(" · ")}</span>
          )}
        </li>
      ))}
      {decisions.length > MOST && <li className="note">and {decisions.length - MOST} more</li>}
    </ul>
  );
}
