import { type ReactNode, useEffect, useRef } from "react";

/** A dialog: it takes the focus, and gives it back. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal?.();
    return () => dialog?.close?.();
  }, []);
  return (
    <dialog ref={element} aria-labelledby="dialog-title" onCancel={onClose}>
      <div className="row apart">
        <h2 id="dialog-title">{title}</h2>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
      {children}
    </dialog>
  );
}
