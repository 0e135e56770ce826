/**
 * A ref that takes the focus when its field appears. Used where a page or a dialog is nothing but its first field, so
 * that the first letters of a quick typist are not lost to a dialog's own delay.
 */
export function focusAtOnce(element: HTMLElement | null): void {
  element?.focus();
}
