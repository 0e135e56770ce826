import "./states.css";

const WIDTHS = [62, 88, 45, 74, 53, 81, 39, 67];

/** Lines of the shape that will come. Widths repeat by a fixed list, so that nothing jumps between draws. */
export function Bones({ lines, label }: { readonly lines: number; readonly label: string }) {
  return (
    <div role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, line) => (
        <div key={line} style={{ padding: "7px 0" }}>
          <span className="bone" style={{ width: `${WIDTHS[line % WIDTHS.length] ?? 50}%` }} />
        </div>
      ))}
    </div>
  );
}

/** One bone of a cell. */
export function Bone({ at }: { readonly at: number }) {
  return <span className="bone" style={{ width: `${WIDTHS[at % WIDTHS.length] ?? 50}%` }} />;
}
