const WAIT_MS = 3_000;

let caught: { text: string; readonly end: () => void } | null = null;

/**
 * Keeps what is typed between the key that opens a field and the moment the field is there, so that a quick typist
 * loses no letter and no letter runs a chord of the page behind. Ends by itself where the field never comes.
 */
export function catchTyping(): void {
  caught?.end();
  const hear = (event: KeyboardEvent) => {
    if (caught === null || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key === "Escape") {
      caught.end();
      return;
    }
    const letter = event.key.length === 1;
    if (letter || event.key === "Backspace" || event.key === "Enter") {
      event.preventDefault();
      event.stopImmediatePropagation();
      caught.text += letter ? event.key : "";
      caught.text = event.key === "Backspace" ? caught.text.slice(0, -1) : caught.text;
    }
  };
  const timer = setTimeout(() => caught?.end(), WAIT_MS);
  document.addEventListener("keydown", hear, true);
  caught = {
    text: "",
    end: () => {
      clearTimeout(timer);
      document.removeEventListener("keydown", hear, true);
      caught = null;
    },
  };
}

/** What was typed meanwhile; from now on keys go where they always go. */
export function takeTyped(): string {
  const text = caught?.text ?? "";
  caught?.end();
  return text;
}
