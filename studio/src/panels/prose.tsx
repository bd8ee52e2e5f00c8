/** A sentence, with what stands between backticks as code. */
export function Prose({ text }: { text: string }) {
  return text.split("`").map((part, number) => (number % 2 ? <code key={number}>{part}</code> : part));
}
