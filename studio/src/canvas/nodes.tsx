// The boxes of the graph. There may be thousands: they are plain, and are drawn again only when they change.

import { Handle, type NodeHandle, type NodeProps, Position, type Node as FlowNode } from "@xyflow/react";
import { memo, useState } from "react";
import type { Node, Phase } from "../messages";

export type BoxData = { node: Node; isOpen: boolean; phase: Phase | ""; isSource: boolean; canConnect: boolean };
export type Box = FlowNode<BoxData, "box" | "opened" | "barrier">;

const MARKS: Record<string, string> = { changed: "±", added: "+", removed: "−" };
const PHASES: Record<Phase, string> = {
  pending: "○",
  running: "▶",
  succeeded: "✓",
  failed: "✗",
  skipped: "↷",
  cached: "≡",
};
const KINDS: Partial<Record<Node["kind"], string>> = { graph: "▸ ", external: "↗ ", handler: "⚑ " };
const OUTPUT = "output:";

/** Where arrows begin and end: they are drawn from here, whether the handles are shown or not. */
export function handlesOf(node: Node): NodeHandle[] {
  const { width, height } = node;
  return [
    { type: "target", position: Position.Top, x: width / 2, y: 0, width: 0, height: 0 },
    { type: "source", position: Position.Bottom, x: width / 2, y: height, width: 0, height: 0 },
    ...node.outputs.map((name, number) => ({
      ...{ id: `${OUTPUT}${name}`, type: "source" as const, position: Position.Bottom },
      ...{ x: outputX(node, number), y: height, width: 0, height: 0 },
    })),
  ];
}

/** Empty elements in the same places: React Flow measures them, and they cost less than handles do. */
function Anchors({ node }: { node: Node }) {
  return handlesOf(node).map(({ id, type, position, x, y }) => (
    <i key={id ?? type} className={`anchor ${type}`} data-handleid={id} data-handlepos={position} style={{ left: x, top: y }} />
  ));
}

/** The output that a handle stands for; empty for the one of the order. */
export function outputOf(handle: string | null | undefined): string {
  return handle?.startsWith(OUTPUT) ? handle.slice(OUTPUT.length) : "";
}

function outputX({ width, outputs }: Node, number: number): number {
  return width / 2 + ((number + 1) * width) / 2 / (outputs.length + 1);
}

function classes(data: BoxData, selected: boolean | undefined): string {
  const { node } = data;
  return [
    "box",
    node.kind,
    `is-${node.status}`,
    data.phase && `phase-${data.phase}`,
    selected && "is-selected",
    data.isSource && "is-source",
  ]
    .filter(Boolean)
    .join(" ");
}

/** What arrows are dragged from; only at the box that somebody is at, as each costs time. */
function Handles({ node }: { node: Node }) {
  return (
    <>
      <Handle type="source" position={Position.Bottom} title="Drag onto the step that is to wait for this one" />
      {node.outputs.map((name, number) => (
        <Handle
          key={name}
          id={`${OUTPUT}${name}`}
          type="source"
          position={Position.Bottom}
          className="output"
          style={{ left: outputX(node, number) }}
          title={`Drag the output ${name} onto the step that is to get it`}
        />
      ))}
    </>
  );
}

export const StepBox = memo(({ data, selected }: NodeProps<Box>) => {
  const { node, phase, isOpen } = data;
  const [isNear, setNear] = useState(false);
  return (
    <div
      className={`${classes(data, selected)}${isOpen ? " group" : ""}`}
      title={isOpen ? undefined : `${node.label}\n${node.detail}`}
      onPointerEnter={() => setNear(true)}
      onPointerLeave={(event) => event.buttons === 0 && setNear(false)}
    >
      <span className="label">
        {phase && <span className="mark">{PHASES[phase]} </span>}
        {MARKS[node.status] && <span className="mark">{MARKS[node.status]} </span>}
        {isOpen && "▾ "}
        {node.label}
      </span>
      {!isOpen && (
        <span className="detail">
          {KINDS[node.kind]}
          {node.detail}
        </span>
      )}
      <Anchors node={node} />
      {data.canConnect && (isNear || selected) && <Handles node={node} />}
    </div>
  );
});

export const BarrierBox = memo(({ data }: NodeProps<Box>) => (
  <div className="barrier">
    <Anchors node={data.node} />
  </div>
));
