// Which input an output is passed to, where a step has several.

import { useEffect, useRef } from "react";
import type { Node } from "../messages";
import type { WorkStore } from "../work";

export type Passing = { source: Node; output: string; target: Node; x: number; y: number };

/** Pass an output of one step to an input of another. */
export function pass(work: WorkStore, { source, output, target }: Passing, input: string): Promise<boolean> {
  const given = { name: input, from: `${source.step}.${output}` };
  return work.act({ do: "pass", graph: target.graph, step: target.step, input: given });
}

export function PassMenu({ work, passing, onClose }: { work: WorkStore; passing: Passing; onClose: () => void }) {
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    <div
      className="menu"
      role="group"
      aria-label={`Pass ${passing.output} to an input of ${passing.target.label}`}
      style={{ left: passing.x, top: passing.y }}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Escape") onClose();
      }}
    >
      <p>
        Pass <b>{passing.output}</b> to
      </p>
      {passing.target.inputs.map((name, number) => (
        <button
          key={name}
          type="button"
          ref={number ? undefined : first}
          onClick={() => {
            onClose();
            void pass(work, passing, name);
          }}
        >
          {name}
        </button>
      ))}
      <button type="button" className="link" onClick={onClose}>
        Cancel
      </button>
    </div>
  );
}
