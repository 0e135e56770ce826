/**
 * The browser's wall clock in epoch milliseconds. It is read from the monotonic timer on purpose: a laptop whose
 * clock is corrected while the page is open would otherwise show an age that jumps.
 */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
