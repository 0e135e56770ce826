/** One thing that was said of a record, as its row in `subscription_events` tells it. */
export interface Told {
  readonly eventId: string;
  readonly eventType: string;
  readonly occurredAt: string;
  readonly fate: string;
  readonly first: boolean;
  readonly changed: Readonly<Record<string, readonly [unknown, unknown]>>;
}

export interface ExplainedField {
  readonly field: string;
  readonly value: unknown;
  readonly setBy: string | null;
  readonly setByType: string | null;
  readonly setAt: string | null;
}

/** A field as the provider last said it, and as it stands in the row: they differ where someone typed SQL. */
export interface FieldState {
  readonly field: string;
  readonly said: unknown;
  readonly stands: unknown;
}

/**
 * Who set each field. The last applied event that changed it did; else the first that was ever
 * applied set everything. A field that stands otherwise than the provider said it was typed by hand.
 *
 * @param told oldest first by the order in which they were applied
 */
export function explainFields(
  fields: readonly FieldState[],
  told: readonly Told[],
  byHand: string,
): readonly ExplainedField[] {
  const applied = told.filter((each) => each.fate === "applied");
  const first = applied.find((each) => each.first) ?? null;
  return fields.map(({ field, said, stands }) => {
    if (JSON.stringify(said) !== JSON.stringify(stands)) {
      return {
        field,
        value: stands,
        setBy: byHand,
        setByType: "typed into the database",
        setAt: null,
      };
    }
    const setter = applied.findLast((each) => each.changed[field] !== undefined) ?? first;
    return {
      field,
      value: stands,
      setBy: setter?.eventId ?? null,
      setByType: setter?.eventType ?? null,
      setAt: setter?.occurredAt ?? null,
    };
  });
}
