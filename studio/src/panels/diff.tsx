// A unified diff, with lines that come and go told by colour and by their sign.

export function DiffText({ text, label = "Changed lines" }: { text: string; label?: string }) {
  if (!text) return <p className="note">No line changes.</p>;
  return (
    <TextRegion label={label}>
      {text
        .replace(/\n$/, "")
        .split("\n")
        .map((line, number) => (
          <span key={number} className={number < 2 ? "place" : (KINDS[line[0] ?? ""] ?? "same")}>
            {line}
            {"\n"}
          </span>
        ))}
    </TextRegion>
  );
}

const KINDS: Record<string, string> = { "+": "more", "-": "less", "@": "place" };

/** A text that scrolls: the keyboard reaches it. */
export function TextRegion({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <pre className="diff" tabIndex={0} role="region" aria-label={label}>
      {children}
    </pre>
  );
}
