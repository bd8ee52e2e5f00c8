// The boxes of the graph. There may be thousands: they are plain, and are drawn again only when they change.

import { Handle, type NodeProps, Position, type Node as FlowNode, useStore } from "@xyflow/react";
import { memo } from "react";
import type { Node, Phase } from "../messages";

export type BoxData = { node: Node; isOpen: boolean; phase: Phase | ""; isSource: boolean };
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
const FAR = 0.35; // below this zoom, texts cannot be read

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

export const StepBox = memo(({ data, selected }: NodeProps<Box>) => {
  const { node } = data;
  const isFar = useStore((state) => state.transform[2] < FAR);
  return (
    <div className={classes(data, selected)} title={isFar ? node.label : undefined}>
      <Handle type="target" position={Position.Top} />
      {!isFar && (
        <>
          <span className="label">
            {data.phase && <span className="mark">{PHASES[data.phase]} </span>}
            {MARKS[node.status] && <span className="mark">{MARKS[node.status]} </span>}
            {node.label}
          </span>
          <span className="detail">
            {node.kind === "graph" ? "▸ " : node.kind === "external" ? "↗ " : node.kind === "handler" ? "⚑ " : ""}
            {node.detail}
          </span>
        </>
      )}
      <Handle type="source" position={Position.Bottom} />
    </div>
  );
});

export const GroupBox = memo(({ data, selected }: NodeProps<Box>) => (
  <div className={`${classes(data, selected)} group`}>
    <Handle type="target" position={Position.Top} />
    <span className="label">▾ {data.node.label}</span>
    <Handle type="source" position={Position.Bottom} />
  </div>
));

export const BarrierBox = memo(() => (
  <div className="barrier">
    <Handle type="target" position={Position.Top} isConnectable={false} />
    <Handle type="source" position={Position.Bottom} isConnectable={false} />
  </div>
));
