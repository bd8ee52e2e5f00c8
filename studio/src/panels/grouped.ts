/** Group items by a text, in the order in which the texts appear; `Map.groupBy` is too new for some browsers. */
export function grouped<Item>(items: Item[], key: (item: Item) => string): [string, Item[]][] {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return [...groups];
}
