// Where boxes stand in the whole picture; the server says it beside the box that they are in.

import type { Node, Picture } from "../messages";

export type Place = { x: number; y: number; width: number; height: number };
export type Places = Map<string, Place>;

const known = new WeakMap<Picture, Places>();

/** The place of each node, by its id. */
export function placesOf(picture: Picture): Places {
  let places = known.get(picture);
  if (places) return places;
  places = new Map();
  for (const { id, parent, x, y, width, height } of picture.nodes) {
    const outer = places.get(parent);
    places.set(id, { x: x + (outer?.x ?? 0), y: y + (outer?.y ?? 0), width, height });
  }
  known.set(picture, places);
  return places;
}

export function overlap(one: Place, other: Place): boolean {
  return (
    one.x < other.x + other.width &&
    other.x < one.x + one.width &&
    one.y < other.y + other.height &&
    other.y < one.y + one.height
  );
}

/** The innermost box at a point; undefined where there is none. */
export function nodeAt(picture: Picture, x: number, y: number): Node | undefined {
  const places = placesOf(picture);
  const point = { x, y, width: 0.01, height: 0.01 };
  return picture.nodes.findLast((node) => node.kind !== "barrier" && overlap(places.get(node.id) as Place, point));
}

/** The part of a picture that is near to what is in sight: all nodes in it, and what these are in. */
export function nearby(picture: Picture, area: Place): Node[] {
  const places = placesOf(picture);
  const wanted = new Set<string>();
  for (const node of picture.nodes)
    if (overlap(places.get(node.id) as Place, area)) {
      wanted.add(node.id);
      wanted.add(node.parent);
    }
  return picture.nodes.filter((node) => wanted.has(node.id));
}
