// From step to step with the arrow keys: down and up follow the arrows, left and right go to neighbours.

import type { Node, Picture } from "../messages";
import { placesOf } from "./places";

/** The steps at the other ends of a node's arrows; barriers are passed. */
function along(picture: Picture, id: string, forward: boolean, seen = new Set<string>()): string[] {
  const nodes = new Map(picture.nodes.map((node) => [node.id, node]));
  const ends = picture.edges
    .filter((edge) => (forward ? edge.source : edge.target) === id)
    .map((edge) => (forward ? edge.target : edge.source));
  return ends.flatMap((end) => {
    if (seen.has(end)) return [];
    seen.add(end);
    return nodes.get(end)?.kind === "barrier" ? along(picture, end, forward, seen) : [end];
  });
}

/** The node that an arrow key leads to; the first one where none is chosen. */
export function neighbour(picture: Picture, from: Node | undefined, direction: string): Node | undefined {
  const steps = picture.nodes.filter((node) => node.kind !== "barrier");
  if (!from) return steps[0];
  const at = placesOf(picture);
  const here = at.get(from.id) ?? { x: 0, y: 0 };
  const distance = (id: string) => {
    const there = at.get(id) ?? here;
    return Math.abs(there.x - here.x) + Math.abs(there.y - here.y);
  };
  const nearest = (ids: string[]) => ids.sort((one, other) => distance(one) - distance(other))[0];
  if (direction === "down" || direction === "up") {
    const followed = nearest(along(picture, from.id, direction === "down"));
    const beyond = steps.filter((node) => {
      const dy = (at.get(node.id)?.y ?? 0) - here.y;
      return node.id !== from.id && (direction === "down" ? dy > 0 : dy < 0);
    });
    const id = followed ?? nearest(beyond.map((node) => node.id));
    return steps.find((node) => node.id === id);
  }
  const beside = steps.filter((node) => {
    const there = at.get(node.id) ?? here;
    const dx = there.x - here.x;
    return node.id !== from.id && Math.abs(there.y - here.y) < 60 && (direction === "right" ? dx > 0 : dx < 0);
  });
  const id = nearest(beside.map((node) => node.id));
  return steps.find((node) => node.id === id);
}
