import "./records.css";

type Fields = Readonly<Record<string, unknown>>;

interface DiffProps {
  /** null: the row did not exist. */
  readonly before: Fields | null;
  /** null: the row is gone. */
  readonly after: Fields | null;
}

/** A value as a person writes it: no quotes around plain text, nothing where nothing is. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) {
    return "nothing";
  }
  if (typeof value === "string") {
    return value === "" ? "empty" : value;
  }
  return JSON.stringify(value);
}

/** Field by field, from what to what. Fields that stay the same are left out. */
export function Diff({ before, after }: DiffProps) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].filter(
    (name) => JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]),
  );
  if (names.length === 0) {
    return <p className="dim">No field changes.</p>;
  }
  return (
    <table className="diff">
      <tbody>
        {names.map((name) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              {before === null ? null : (
                <>
                  <del>
                    <span className="sr-only">from </span>
                    {valueText(before[name])}
                  </del>
                  <span className="diff-arrow" aria-hidden>
                    →
                  </span>
                </>
              )}
              {after === null ? (
                <ins>removed</ins>
              ) : (
                <ins>
                  <span className="sr-only">to </span>
                  {valueText(after[name])}
                </ins>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
