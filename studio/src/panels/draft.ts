// What is written in a field until it is sent.

import { useEffect, useRef, useState } from "react";

export type Draft = { text: string; write: (text: string) => void; send: () => void; reset: () => void };

/**
 * Keep the text of an input, and send it once when it is left with another text than before.
 * Enter and the loss of focus may both ask to send it; a text that was refused is not sent again.
 */
export function useDraft(before: string, onSend: (text: string) => void): Draft {
  const [text, write] = useState(before);
  const sent = useRef(before);
  useEffect(() => {
    write(before);
    sent.current = before;
  }, [before]);
  const send = () => {
    if (text === sent.current) return;
    sent.current = text;
    if (text !== before) onSend(text);
  };
  const reset = () => {
    write(before);
    sent.current = before;
  };
  return { text, write, send, reset };
}

/** The properties of an input that is sent when it is left; of a text of one line also on Enter. */
export function draftProps(draft: Draft, isOneLine = true) {
  return {
    value: draft.text,
    onChange: (event: { target: { value: string } }) => draft.write(event.target.value),
    onBlur: draft.send,
    onKeyDown: (event: { key: string; ctrlKey: boolean; metaKey: boolean }) => {
      if (event.key === "Enter" && (isOneLine || event.ctrlKey || event.metaKey)) draft.send();
      if (event.key === "Escape") draft.reset();
    },
  };
}

/** The lines of a text as constants again: of the type that the constants had before. */
export function retyped<Value extends string | number | boolean>(lines: string[], before: Value[]): (Value | string)[] {
  const same = new Map(before.map((value) => [String(value), value] as const));
  const areNumbers = before.length > 0 && before.every((value) => typeof value === "number");
  return lines.map((line) => same.get(line) ?? (areNumbers && isNumber(line) ? (Number(line) as Value) : line));
}

const isNumber = (text: string) => text.trim() !== "" && Number.isFinite(Number(text));
