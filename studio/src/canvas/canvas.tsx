// The graph: boxes where the server puts them, arrows between them, and what mouse and keyboard do.

import {
  Background,
  ControlButton,
  Controls,
  type Edge as FlowEdge,
  type FinalConnectionState,
  getViewportForBounds,
  MarkerType,
  ReactFlow,
  ReactFlowProvider,
  type ReactFlowState,
  useReactFlow,
  useStore,
} from "@xyflow/react";
import { type DragEvent, type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Edge, Node, Phase, Picture } from "../messages";
import { STEP_TYPE, useSnapshot, type WorkStore } from "../work";
import { Layer, passes } from "./layer";
import { BarrierBox, type Box, handlesOf, outputOf, StepBox } from "./nodes";
import { Overview } from "./overview";
import { pass, PassMenu, type Passing } from "./pass";
import { nearby, nodeAt, type Place, placesOf } from "./places";
import { neighbour } from "./walking";

const TYPES = { box: StepBox, opened: StepBox, barrier: BarrierBox };
const FIRST_FIELD = ["input", "textarea", "select", "button"].map((name) => `#tab-panel ${name}`).join(", ");
const LARGE = 400; // from here on, arrows are a bitmap, and only the boxes near to what is in sight are elements
const FAR = 0.35; // below this zoom, texts of a large graph cannot be read: its boxes are in the bitmap too
const FIRST_ROWS = 900; // what is shown first of a large graph, in pixels
const [LEAST, MOST] = [0.05, 2];
const ARROW = { type: MarkerType.ArrowClosed, width: 14, height: 14, color: "var(--arrow)" };
const DATA_ARROW = { ...ARROW, color: "var(--data)" };
const NONE: never[] = [];

type Looks = { open: string[]; phases: Map<string, Phase>; connecting: string; canConnect: boolean };

export function boxes(nodes: Node[], looks: Looks): Box[] {
  const isOpen = new Set(looks.open);
  return nodes.map((node) => ({
    id: node.id,
    type: node.kind === "barrier" ? "barrier" : isOpen.has(node.id) ? "opened" : "box",
    position: { x: node.x, y: node.y },
    // All sizes are known: arrows are there before anything is measured.
    width: node.width,
    height: node.height,
    measured: { width: node.width, height: node.height },
    handles: handlesOf(node),
    ...(node.parent ? { parentId: node.parent } : {}),
    data: {
      node,
      isOpen: isOpen.has(node.id),
      phase: looks.phases.get(node.id) ?? "",
      isSource: node.id === looks.connecting,
      canConnect: looks.canConnect && node.graph !== "",
    },
    selectable: node.kind !== "barrier",
  }));
}

const idOf = (edge: Edge) => `${edge.source}→${edge.target}`;

export function arrows(picture: Picture, chosen: string): FlowEdge[] {
  return picture.edges.map((edge) => ({
    id: idOf(edge),
    source: edge.source,
    target: edge.target,
    className: passes(edge) ? "data" : "order",
    selected: idOf(edge) === chosen,
    ...(idOf(edge) === chosen && edge.labels.length ? { label: edge.labels.join(", ") } : {}),
    markerEnd: passes(edge) ? DATA_ARROW : ARROW,
  }));
}

/** The part of the picture that boxes are made for, as a text: a cell of a raster that is as large as what is in sight. */
function cellOf({ transform: [left, top, zoom], width, height }: ReactFlowState): string {
  const sizes = [width, height].map((size) => 2 ** Math.ceil(Math.log2(Math.max(size, 1) / zoom)));
  const starts = [left, top].map((start, number) => Math.floor(-start / zoom / (sizes[number] as number)));
  return [...starts, ...sizes].join(" ");
}

function areaOf(cell: string): Place {
  const [column = 0, row = 0, width = 1, height = 1] = cell.split(" ").map(Number);
  return { x: column * width, y: row * height, width: 2 * width, height: 2 * height };
}

function Graph({ work }: { work: WorkStore }) {
  const { open, selected, connecting, run, file, workflow, showing } = useSnapshot(work);
  const flow = useReactFlow();
  const region = useRef<HTMLDivElement>(null);
  const [arrow, setArrow] = useState("");
  const [passing, setPassing] = useState<Passing | null>(null);
  const picture = work.picture as Picture;
  const isLarge = picture.nodes.length > LARGE;
  const isFar = useStore((state) => isLarge && state.transform[2] < FAR);
  const cell = useStore((state) => (isLarge && !isFar ? cellOf(state) : ""));
  const canEdit = !work.readOnly && showing === "edit";

  const phases = useMemo(() => new Map((run?.steps ?? []).map((step) => [step.node, step.phase] as const)), [run]);
  const near = useMemo(
    () => (isFar ? NONE : cell ? nearby(picture, areaOf(cell)) : picture.nodes),
    [picture, isFar, cell],
  );
  const plain = useMemo(
    () => boxes(near, { open, phases, connecting, canConnect: canEdit }),
    [near, open, phases, connecting, canEdit],
  );
  const nodes = useMemo(() => {
    const chosen = new Set(selected);
    return chosen.size ? plain.map((box) => (chosen.has(box.id) ? { ...box, selected: true } : box)) : plain;
  }, [plain, selected]);
  const edges = useMemo(() => (isLarge ? NONE : arrows(picture, arrow)), [picture, isLarge, arrow]);

  const fit = useCallback(() => {
    const area = region.current;
    if (!area) return;
    const all = { x: 0, y: 0, width: picture.width, height: picture.height };
    const bounds = isLarge ? { ...all, height: Math.min(picture.height, FIRST_ROWS) } : all;
    const view = getViewportForBounds(bounds, area.clientWidth, area.clientHeight, 0.15, 1.1, 0.12);
    void flow.setViewport(view);
  }, [picture, isLarge, flow]);
  // A new file or another version is shown as a whole; an edit moves nothing.
  useEffect(fit, [file, workflow, showing, flow]);
  // So is a graph that was opened, unless all of it is in sight: it may reach far over the edge.
  const opened = useRef(open);
  useEffect(() => {
    const area = region.current?.getBoundingClientRect();
    const added = open.filter((id) => !opened.current.includes(id));
    opened.current = open;
    const place = added.length === 1 ? placesOf(picture).get(added[0] as string) : undefined;
    if (!area || !place || isLarge || selected[0] !== added[0]) return;
    const { x, y } = flow.flowToScreenPosition({ x: place.x + place.width, y: place.y + place.height });
    if (x > area.right || y > area.bottom) fit();
  }, [open]);

  const look = useCallback(
    (id: string, least: number) => {
      const place = placesOf(picture).get(id);
      if (!place) return;
      const zoom = Math.max(flow.getZoom(), least);
      void flow.setCenter(place.x + place.width / 2, place.y + Math.min(place.height / 2, 200), { zoom });
    },
    [picture, flow],
  );
  useEffect(() => {
    const [first] = selected;
    const place = first ? placesOf(picture).get(first) : undefined;
    const area = region.current?.getBoundingClientRect();
    if (!first || !place || !area) return;
    const { x, y } = flow.flowToScreenPosition(place);
    if (x < area.left || y < area.top || x > area.right - 60 || y > area.bottom - 40) look(first, 0.6);
  }, [selected, picture, flow, look]);

  const under = (event: { clientX: number; clientY: number }) => {
    const { x, y } = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    return nodeAt(picture, x, y);
  };
  const choose = (node: Node | undefined) => {
    setArrow("");
    if (node && connecting) void work.connect(node.id);
    else work.select(node ? [node.id] : []);
  };

  /** End an arrow that was dragged from a handle: anywhere on a step. */
  const drop = (event: MouseEvent | TouchEvent, { fromNode, fromHandle }: FinalConnectionState) => {
    const point = "clientX" in event ? event : event.changedTouches[0];
    const source = fromNode ? work.node(fromNode.id) : undefined;
    const target = point ? under(point) : undefined;
    if (!point || !source || !target || source === target) return;
    const output = outputOf(fromHandle?.id);
    if (!output) {
      void work.connectNodes(source, target);
      return;
    }
    const box = region.current?.getBoundingClientRect();
    const given = { source, output, target, x: point.clientX - (box?.left ?? 0), y: point.clientY - (box?.top ?? 0) };
    const [only, ...others] = target.inputs;
    if (source.graph !== target.graph) work.refuse("the two steps are in different graphs", "pass outputs inside of one graph");
    else if (!only) work.refuse(`${target.label} has no inputs`, "drag the output onto a step that has one");
    else if (others.length) setPassing(given);
    else void pass(work, given, only);
  };

  /** Begin to add a step of the catalogue, after the step that it is dropped on. */
  const add = (event: DragEvent) => {
    const use = event.dataTransfer.getData(STEP_TYPE);
    if (!use || !canEdit) return;
    event.preventDefault();
    const step = under(event);
    work.plan({ use, graph: step?.graph ?? "", needs: step?.graph ? [step.step] : [] });
  };

  const disconnect = () => {
    const edge = picture.edges.find((other) => idOf(other) === arrow);
    const [source, target] = edge ? [work.node(edge.source), work.node(edge.target)] : [];
    if (!source?.step || !target?.step) return;
    setArrow("");
    void work.act({ do: "disconnect", graph: target.graph, source: source.step, target: target.step });
  };

  const press = (event: KeyboardEvent) => {
    const [id] = selected;
    const node = id ? work.node(id) : undefined;
    if ((event.target as HTMLElement).closest("button")) return;
    const direction = event.key.startsWith("Arrow") ? event.key.slice(5).toLowerCase() : "";
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (direction) {
      const next = neighbour(picture, node, direction);
      if (next) work.select([next.id]);
    } else if (event.key === "f") fit();
    else if (event.key === "+" || event.key === "-") void (event.key === "+" ? flow.zoomIn() : flow.zoomOut());
    else if (event.key === "Delete" && arrow && canEdit) disconnect();
    else if (!node) return;
    else if (event.key === "Enter" && connecting) void work.connect(node.id);
    else if (event.key === "Enter") document.querySelector<HTMLElement>(FIRST_FIELD)?.focus();
    else if ((event.key === "o" || event.key === " ") && node.kind === "graph") void work.toggle(node.id);
    else if (event.key === "c" && canEdit) void work.connect(node.id);
    else if (event.key === "Escape") connecting ? work.stopConnecting() : work.select([]);
    else if (event.key === "Delete" && canEdit) void work.act({ do: "delete", graph: node.graph, step: node.step });
    else return;
    event.preventDefault();
  };

  const first = selected[0] ? work.node(selected[0]) : undefined;
  return (
    <div
      className={isLarge ? "canvas is-large" : "canvas"}
      ref={region}
      tabIndex={0}
      role="application"
      aria-label="Graph. Arrow keys walk from step to step. Enter opens the form."
      onKeyDown={press}
      onDragOver={(event) => canEdit && event.dataTransfer.types.includes(STEP_TYPE) && event.preventDefault()}
      onDrop={add}
      onDoubleClick={(event) => {
        const node = isFar ? under(event) : undefined;
        if (node) look(node.id, 1);
      }}
    >
      <p className="unseen" role="status">
        {first ? `${first.label}, ${first.detail}${first.status === "same" ? "" : `, ${first.status}`}` : ""}
      </p>
      {isLarge && <Layer picture={picture} selected={selected} withBoxes={isFar} />}
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        colorMode="system"
        onlyRenderVisibleElements={isLarge}
        minZoom={LEAST}
        maxZoom={MOST}
        nodesDraggable={false}
        nodesConnectable={canEdit}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable
        deleteKeyCode={null}
        selectionKeyCode={null}
        multiSelectionKeyCode={null}
        panActivationKeyCode={null}
        disableKeyboardA11y
        onConnectEnd={drop}
        onNodeClick={(_, box) => box.type !== "barrier" && choose(work.node(box.id))}
        onNodeDoubleClick={(_, box) => {
          if (work.node(box.id)?.kind === "graph") void work.toggle(box.id);
        }}
        onEdgeClick={(_, edge) => {
          work.select([]);
          setArrow(edge.id);
        }}
        onPaneClick={(event) => choose(isFar ? under(event) : undefined)}
        zoomOnDoubleClick={false}
        proOptions={{ hideAttribution: false }}
      >
        {!isLarge && <Background gap={24} size={1} />}
        <Controls showInteractive={false} showFitView={false}>
          <ControlButton onClick={fit} title="Show all (f)" aria-label="Show all">
            <svg viewBox="0 0 12 12" aria-hidden="true">
              <path d="M1 4V1h3M8 1h3v3M11 8v3H8M4 11H1V8" fill="none" stroke="currentColor" strokeWidth="1.4" />
            </svg>
          </ControlButton>
        </Controls>
      </ReactFlow>
      <Overview picture={picture} />
      {arrow && canEdit && (
        <p className="hint" role="status">
          {arrow.replace("→", " → ")} <span className="note">Delete removes this arrow.</span>
        </p>
      )}
      {passing && <PassMenu work={work} passing={passing} onClose={() => setPassing(null)} />}
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
