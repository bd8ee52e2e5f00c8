// A small picture of the whole graph, with what is in sight: click or drag in it to go there.

import { useReactFlow, useStore } from "@xyflow/react";
import { type PointerEvent, useEffect, useRef } from "react";
import type { Picture } from "../messages";
import { type Place, placesOf } from "./places";

const WIDEST = 170;
const HIGHEST = 130;
const THINNEST = 44; // a graph of hundreds of rows is drawn wider than it is

export function Overview({ picture }: { picture: Picture }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const flow = useReactFlow();
  const [left, top, zoom] = useStore((state) => state.transform);
  const [width, height] = [useStore((state) => state.width), useStore((state) => state.height)];
  const even = Math.min(WIDEST / picture.width, HIGHEST / picture.height);
  const scaleX = Math.max(even, Math.min(THINNEST / picture.width, 1));
  const scaleY = Math.max(even, Math.min(THINNEST / picture.height, 1));

  useEffect(() => {
    const draw = () => canvas.current && paint(canvas.current, picture, scaleX, scaleY);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    draw();
    return () => scheme.removeEventListener("change", draw);
  }, [picture, scaleX, scaleY]);

  const go = (event: PointerEvent<HTMLDivElement>) => {
    if (!event.buttons) return;
    const box = event.currentTarget.getBoundingClientRect();
    void flow.setCenter((event.clientX - box.left) / scaleX, (event.clientY - box.top) / scaleY, { zoom });
  };
  const sight = { left: (-left / zoom) * scaleX, top: (-top / zoom) * scaleY };
  const size = { width: (width / zoom) * scaleX, height: (height / zoom) * scaleY };
  return (
    <div className="overview" aria-hidden="true" onPointerDown={go} onPointerMove={go}>
      <canvas ref={canvas} />
      <div className="sight" style={{ transform: `translate(${sight.left}px, ${sight.top}px)`, ...size }} />
    </div>
  );
}

function paint(canvas: HTMLCanvasElement, picture: Picture, scaleX: number, scaleY: number): void {
  const [width, height] = [Math.ceil(picture.width * scaleX), Math.ceil(picture.height * scaleY)];
  const density = devicePixelRatio;
  canvas.width = width * density;
  canvas.height = height * density;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.scale(density, density);
  const style = getComputedStyle(canvas);
  const colors = { same: "arrow", changed: "warn", added: "good", removed: "bad" } as const;
  const places = placesOf(picture);
  const parents = new Set(picture.nodes.map((node) => node.parent));
  for (const { id, status } of picture.nodes) {
    const place = places.get(id) as Place;
    pen.globalAlpha = parents.has(id) ? 0.25 : 1;
    pen.fillStyle = style.getPropertyValue(`--${colors[status]}`);
    pen.fillRect(place.x * scaleX, place.y * scaleY, Math.max(1, place.width * scaleX - 0.5), Math.max(1, place.height * scaleY));
  }
}
