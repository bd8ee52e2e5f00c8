// A unified diff, with lines that come and go told by colour and by their sign.

export function DiffText({ text }: { text: string }) {
  if (!text) return <p className="note">No line changes.</p>;
  return (
    // It scrolls, so that the keyboard has to reach it.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
    <pre className="diff" tabIndex={0} aria-label="Changed lines">
      {text.split("\n").map((line, number) => (
        <span key={number} className={number < 2 ? "place" : (KINDS[line[0] ?? ""] ?? "same")}>
          {line}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}

const KINDS: Record<string, string> = { "+": "more", "-": "less", "@": "place" };
