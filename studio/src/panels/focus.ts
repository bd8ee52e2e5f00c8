// A button that is gone takes the focus with it: the keyboard must not start from the top of the page then.

/** Move the focus to the graph where nothing has it any more. */
export function rescueFocus(): void {
  setTimeout(() => {
    const { activeElement } = document;
    if (activeElement === null || activeElement === document.body)
      document.querySelector<HTMLElement>(".canvas")?.focus();
  });
}
