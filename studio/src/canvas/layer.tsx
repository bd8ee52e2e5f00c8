// The arrows of a large graph as one bitmap: thousands of elements would be too slow. Boxes that are too small to read are
// in it as well.

import { useStoreApi } from "@xyflow/react";
import { useEffect, useRef } from "react";
import type { Edge, Picture } from "../messages";
import { overlap, type Place, placesOf } from "./places";

/** Whether an arrow passes data; an engine may want the order beside it. */
export const passes = (edge: Edge) => edge.kind === "data" || edge.labels.length > 0;

type Props = { picture: Picture; selected: string[]; withBoxes: boolean };

export function Layer({ picture, selected, withBoxes }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const store = useStoreApi();
  useEffect(() => {
    let frame = 0;
    const draw = () => {
      frame = 0;
      const { transform, width, height } = store.getState();
      if (canvas.current && width) paint(canvas.current, { picture, selected, withBoxes }, transform, width, height);
    };
    const ask = () => {
      frame ||= requestAnimationFrame(draw);
    };
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", ask);
    const end = store.subscribe(ask);
    draw();
    return () => {
      end();
      scheme.removeEventListener("change", ask);
      cancelAnimationFrame(frame);
    };
  }, [picture, selected, withBoxes, store]);
  return <canvas ref={canvas} className="layer" aria-hidden="true" />;
}

const SHARP = 0.4; // below this zoom, arrows are straight and without heads

function paint(canvas: HTMLCanvasElement, props: Props, transform: readonly number[], width: number, height: number): void {
  const [left = 0, top = 0, zoom = 1] = transform;
  const density = devicePixelRatio;
  if (canvas.width !== Math.round(width * density) || canvas.height !== Math.round(height * density)) {
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
  }
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.setTransform(zoom * density, 0, 0, zoom * density, left * density, top * density);
  const sight = { x: -left / zoom, y: -top / zoom, width: width / zoom, height: height / zoom };
  const style = getComputedStyle(canvas);
  const color = (name: string) => style.getPropertyValue(`--${name}`);
  paintArrows(pen, props.picture, sight, zoom, color);
  if (props.withBoxes) paintBoxes(pen, props, sight, zoom, color);
}

type Color = (name: string) => string;

function paintArrows(pen: CanvasRenderingContext2D, picture: Picture, sight: Place, zoom: number, color: Color): void {
  const places = placesOf(picture);
  const [order, data] = [color("arrow"), color("data")];
  pen.lineWidth = Math.max(1, 0.6 / zoom);
  for (const edge of picture.edges) {
    const [from, to] = [places.get(edge.source), places.get(edge.target)];
    if (!from || !to) continue;
    const [x, y, endX, endY] = [from.x + from.width / 2, from.y + from.height, to.x + to.width / 2, to.y];
    const span = { x: Math.min(x, endX) - 1, y: Math.min(y, endY) - 1, width: Math.abs(x - endX) + 2, height: Math.abs(y - endY) + 2 };
    if (!overlap(span, sight)) continue;
    pen.strokeStyle = pen.fillStyle = passes(edge) ? data : order;
    pen.beginPath();
    pen.moveTo(x, y);
    if (zoom < SHARP) pen.lineTo(endX, endY);
    else {
      const bend = Math.max(12, Math.abs(endY - y) / 2);
      pen.bezierCurveTo(x, y + bend, endX, endY - bend, endX, endY);
    }
    pen.stroke();
    if (zoom < SHARP) continue;
    pen.beginPath();
    pen.moveTo(endX, endY);
    pen.lineTo(endX - 4, endY - 8);
    pen.lineTo(endX + 4, endY - 8);
    pen.fill();
  }
}

const BORDERS = { same: "line", changed: "warn", added: "good", removed: "bad" };
const FILLS = { same: "sheet", changed: "warn-back", added: "good-back", removed: "bad-back" };

function paintBoxes(pen: CanvasRenderingContext2D, props: Props, sight: Place, zoom: number, color: Color): void {
  const places = placesOf(props.picture);
  const chosen = new Set(props.selected);
  const names = [...Object.values(BORDERS), ...Object.values(FILLS), "arrow", "accent"];
  const colors = Object.fromEntries(names.map((name) => [name, color(name)]));
  for (const { id, kind, status } of props.picture.nodes) {
    const place = places.get(id) as Place;
    if (!overlap(place, sight)) continue;
    const { x, y, width, height } = place;
    pen.fillStyle = colors[kind === "barrier" ? "arrow" : FILLS[status]] ?? "";
    pen.fillRect(x, y, width, height);
    if (kind === "barrier") continue;
    pen.strokeStyle = colors[chosen.has(id) ? "accent" : status === "same" ? "arrow" : BORDERS[status]] ?? "";
    pen.lineWidth = (chosen.has(id) ? 3 : 1) / zoom;
    pen.strokeRect(x, y, width, height);
  }
}
