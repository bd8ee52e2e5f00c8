// The graph: boxes where the server puts them, arrows between them, and what mouse and keyboard do.

import {
  Background,
  type Connection,
  Controls,
  type Edge as FlowEdge,
  MarkerType,
  MiniMap,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef } from "react";
import type { Node, Phase, Picture } from "../messages";
import { useSnapshot, type WorkStore } from "../work";
import { BarrierBox, type Box, GroupBox, StepBox } from "./nodes";
import { neighbour } from "./walking";

const TYPES = { box: StepBox, opened: GroupBox, barrier: BarrierBox };
const FIRST_FIELD = ["input", "textarea", "select", "button"].map((name) => `#tab-panel ${name}`).join(", ");
const LARGE = 400; // from here on, only what is in sight is drawn
const FIT = { padding: 0.12, maxZoom: 1.1, minZoom: 0.15 };

export function boxes(picture: Picture, open: string[], phases: Map<string, Phase>, connecting: string): Box[] {
  const isOpen = new Set(open);
  return picture.nodes.map((node) => ({
    id: node.id,
    type: node.kind === "barrier" ? "barrier" : isOpen.has(node.id) ? "opened" : "box",
    position: { x: node.x, y: node.y },
    width: node.width,
    height: node.height,
    ...(node.parent ? { parentId: node.parent } : {}),
    data: { node, isOpen: isOpen.has(node.id), phase: phases.get(node.id) ?? "", isSource: node.id === connecting },
    selectable: node.kind !== "barrier",
  }));
}

export function arrows(picture: Picture): FlowEdge[] {
  return picture.edges.map((edge) => ({
    id: `${edge.source}→${edge.target}`,
    source: edge.source,
    target: edge.target,
    className: edge.kind,
    markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14, color: "var(--arrow)" },
  }));
}

const miniColor = (box: Box) => (box.type === "opened" ? "var(--mini-open)" : "var(--arrow)");

/** The nodes that make a large graph too dear to animate are those in sight: the first rows, not the whole. */
function firstRows(picture: Picture): { id: string }[] {
  return picture.nodes.filter((node) => !node.parent && node.y < 900).map(({ id }) => ({ id }));
}

function Graph({ work }: { work: WorkStore }) {
  const snapshot = useSnapshot(work);
  const { open, selected, connecting, run, file, workflow, showing } = snapshot;
  const flow = useReactFlow();
  const region = useRef<HTMLDivElement>(null);
  const picture = work.picture;
  const isLarge = (picture?.nodes.length ?? 0) > LARGE;
  const phases = useMemo(() => new Map((run?.steps ?? []).map((step) => [step.node, step.phase] as const)), [run]);
  const plain = useMemo(
    () => (picture ? boxes(picture, open, phases, connecting) : []),
    [picture, open, phases, connecting],
  );
  const nodes = useMemo(() => {
    const chosen = new Set(selected);
    return chosen.size ? plain.map((box) => (chosen.has(box.id) ? { ...box, selected: true } : box)) : plain;
  }, [plain, selected]);
  const edges = useMemo(() => (picture ? arrows(picture) : []), [picture]);

  useEffect(() => {
    if (!picture) return;
    const options = picture.nodes.length > LARGE ? { ...FIT, nodes: firstRows(picture) } : FIT;
    const frame = requestAnimationFrame(() => void flow.fitView(options));
    return () => cancelAnimationFrame(frame);
    // A new file or another version is shown as a whole; an edit moves nothing.
  }, [file, workflow, showing, picture === null, flow]);

  const look = useCallback(
    (id: string) => {
      const box = flow.getInternalNode(id);
      if (!box) return;
      const { x, y } = box.internals.positionAbsolute;
      void flow.setCenter(x + (box.width ?? 0) / 2, y + (box.height ?? 0) / 2, {
        zoom: Math.max(flow.getZoom(), 0.6),
      });
    },
    [flow],
  );

  useEffect(() => {
    const [first] = selected;
    const box = first ? flow.getInternalNode(first) : undefined;
    const area = region.current?.getBoundingClientRect();
    if (!first || !box || !area) return;
    const { x, y } = flow.flowToScreenPosition(box.internals.positionAbsolute);
    if (x < area.left || y < area.top || x > area.right - 60 || y > area.bottom - 40) look(first);
  }, [selected, flow, look]);

  const connect = (connection: Connection) => {
    const [source, target] = [work.node(connection.source), work.node(connection.target)];
    if (source && target) void work.connectNodes(source, target);
  };

  const press = (event: KeyboardEvent) => {
    const [id] = selected;
    const node = id ? work.node(id) : undefined;
    const direction = event.key.startsWith("Arrow") ? event.key.slice(5).toLowerCase() : "";
    if (direction && picture) {
      const next = neighbour(picture, node, direction);
      if (next) work.select([next.id]);
    } else if (!node) return;
    else if (event.key === "Enter" && connecting) void work.connect(node.id);
    else if (event.key === "Enter") document.querySelector<HTMLElement>(FIRST_FIELD)?.focus();
    else if (event.key === "o" && node.kind === "graph") void work.toggle(node.id);
    else if (event.key === "c" && !work.readOnly) void work.connect(node.id);
    else if (event.key === "Escape") connecting ? work.stopConnecting() : work.select([]);
    else if (event.key === "Delete" && !work.readOnly) remove(node);
    else return;
    event.preventDefault();
  };
  const remove = (node: Node) => void work.act({ do: "delete", graph: node.graph, step: node.step });

  const first = selected[0] ? work.node(selected[0]) : undefined;
  return (
    <div
      className="canvas"
      ref={region}
      tabIndex={0}
      role="application"
      aria-label="Graph. Arrow keys walk from step to step. Enter opens the form."
      onKeyDown={press}
    >
      <p className="unseen" role="status">
        {first ? `${first.label}, ${first.detail}${first.status === "same" ? "" : `, ${first.status}`}` : ""}
      </p>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        colorMode="system"
        onlyRenderVisibleElements={isLarge}
        minZoom={0.05}
        maxZoom={2}
        nodesDraggable={false}
        nodesConnectable={!work.readOnly && showing === "edit"}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable
        deleteKeyCode={null}
        disableKeyboardA11y
        onConnect={connect}
        onNodeClick={(_, box) => {
          if (box.type === "barrier") return;
          if (connecting) void work.connect(box.id);
          else work.select([box.id]);
        }}
        onNodeDoubleClick={(_, box) => {
          if (work.node(box.id)?.kind === "graph") void work.toggle(box.id);
        }}
        onPaneClick={() => work.select([])}
        zoomOnDoubleClick={false}
        proOptions={{ hideAttribution: false }}
      >
        <Background gap={24} size={1} />
        <Controls showInteractive={false} fitViewOptions={isLarge && picture ? { ...FIT, nodes: firstRows(picture) } : FIT} />
        <MiniMap pannable ariaLabel="Small picture of the whole graph" nodeColor={miniColor} nodeStrokeWidth={0} />
      </ReactFlow>
    </div>
  );
}

export function Canvas({ work }: { work: WorkStore }) {
  return (
    <ReactFlowProvider>
      <Graph work={work} />
    </ReactFlowProvider>
  );
}
