import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";

import { useNow } from "./ticker.ts";
import { When } from "./when.tsx";

/** The page's own clock, read the way every component reads it. */
function pageNow(): number {
  let seen = 0;
  const Probe = () => {
    seen = useNow();
    return null;
  };
  renderToStaticMarkup(<Probe />);
  return seen;
}

function shown(at: number, past = false): string {
  return renderToStaticMarkup(<When at={at} past={past} />).replaceAll(/<[^>]*>/gu, "");
}

test.each([
  [2, "2 s ago"],
  [59, "59 s ago"],
  [60, "1 min ago"],
  [68, "1 min ago"],
  [74, "1 min ago"],
  [107, "1 min ago"],
  [120, "2 min ago"],
  [3_600, "1 h ago"],
])("what happened %d s ago reads %s", (seconds, words) => {
  expect(shown(pageNow() - seconds * 1000)).toBe(words);
});

test("what has happened is never promised, even where the server's clock runs ahead", () => {
  const ahead = Math.ceil(pageNow()) + 40_000;
  expect(shown(ahead, true)).toBe("just now");
  expect(shown(ahead)).toBe("in 40 s");
});
