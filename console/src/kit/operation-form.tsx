import { Button, Checkbox, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { type SubmitEvent, useEffect, useMemo, useRef, useState } from "react";

import { type Failure, FailureRef } from "./error-state.tsx";
import { Facts } from "./facts.tsx";
import {
  fieldsOf,
  type FieldWords,
  type FormField,
  inWords,
  named,
  rangeWords,
  typedFrom,
  valueOf,
} from "./form-schema.ts";
import { humanize } from "./format.ts";
import { ToneIcon } from "./status-pill.tsx";

import "./dialogs.css";

interface OperationFormProps {
  /** JSON schema of the operation's input. */
  readonly schema: unknown;
  /** Words for people, by field. */
  readonly words?: Readonly<Record<string, FieldWords>>;
  /** What is known already, by field. */
  readonly known?: Readonly<Record<string, unknown>>;
  /** What the server said about each field (path -> sentence). */
  readonly errors?: Readonly<Record<string, string>>;
  /** What the server said about the whole: shown above the buttons, with everything that was typed kept. */
  readonly failure?: Failure | null | undefined;
  /** Fields that something else fills in; what is known of them is kept. */
  readonly hidden?: readonly string[];
  /** Fields that the place decides from which the form was opened: shown and not to be changed. */
  readonly fixed?: readonly string[] | undefined;
  readonly submitLabel: string;
  readonly busy?: boolean;
  readonly onSubmit: (value: Record<string, unknown>) => void;
  readonly onCancel?: (() => void) | undefined;
  /** Where "Cancel" would be read as the act itself. */
  readonly cancelLabel?: string;
}

const NO_WORDS: Readonly<Record<string, FieldWords>> = {};

/** A form made from a schema. It marks what is required and leaves judging to the server, whose words it shows at the field. */
export function OperationForm(props: OperationFormProps) {
  const { hidden = [], fixed = [], errors = {}, words = NO_WORDS } = props;
  const fields = useMemo(() => named(fieldsOf(props.schema), words), [props.schema, words]);
  const [typed, setTyped] = useState(() => typedFrom(fields, props.known ?? {}));
  const open = fields.filter(
    (field) => !hidden.includes(field.path) && !fixed.includes(field.path),
  );
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    props.onSubmit(valueOf(fields, typed));
  };
  const form = useRefusalInSight(props.failure);
  return (
    <form ref={form} className="opform" onSubmit={onSubmit}>
      {fields.length === 0 ? <p className="dim">This needs no input.</p> : null}
      {fixed.length === 0 ? null : (
        <Facts
          rows={fields
            .filter((field) => fixed.includes(field.path))
            .map((field) => [field.label, valueWords(field, words, typed[field.path] ?? "")])}
        />
      )}
      {open.map((field, at) => (
        <Field
          key={field.path}
          field={field}
          options={words[field.path]?.options}
          first={at === 0}
          value={typed[field.path] ?? ""}
          error={sentence(errors[field.path], fields)}
          onChange={(value) => setTyped((before) => ({ ...before, [field.path]: value }))}
        />
      ))}
      <Refusal {...props} errors={errors} fields={fields} open={open} />
      <div className="act-foot" style={{ justifyContent: "flex-end", marginTop: 4 }}>
        {props.onCancel === undefined ? null : (
          <Button variant="subtle" onClick={props.onCancel}>
            {props.cancelLabel ?? "Cancel"}
          </Button>
        )}
        <Button type="submit" variant="filled" loading={props.busy ?? false}>
          {props.submitLabel}
        </Button>
      </div>
    </form>
  );
}

/** What was refused may stand below the edge of a dialog: the field it is about gets the focus, or its words are scrolled to. */
function useRefusalInSight(failure: Failure | null | undefined) {
  const ref = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (failure === null || failure === undefined) {
      return;
    }
    const field = ref.current?.querySelector<HTMLElement>("[aria-invalid=true]");
    field?.focus();
    if (field === null || field === undefined) {
      ref.current?.querySelector(".act-foot")?.scrollIntoView({ block: "nearest" });
    }
  }, [failure]);
  return ref;
}

function sentence(words: string | undefined, fields: readonly FormField[]): string | undefined {
  return words === undefined ? undefined : inWords(words, fields);
}

function valueWords(
  field: FormField,
  words: Readonly<Record<string, FieldWords>>,
  value: string,
): string {
  const own = words[field.path]?.options?.[value];
  return own ?? (field.kind.type === "choice" ? humanize(value) : value);
}

interface RefusalProps {
  readonly failure?: Failure | null | undefined;
  readonly errors: Readonly<Record<string, string>>;
  readonly fields: readonly FormField[];
  /** Those that show their own error. */
  readonly open: readonly FormField[];
}

/** What was refused, beside the form that it is about: whatever no field of it shows by itself. */
function Refusal({ failure, errors, fields, open }: RefusalProps) {
  const shown = new Set(open.map((field) => field.path));
  const others = Object.entries(errors).filter(([path]) => !shown.has(path));
  if ((failure === null || failure === undefined) && others.length === 0) {
    return null;
  }
  const atFields = Object.keys(errors).length > 0;
  return (
    <div className="opform-refusal" role="alert">
      {failure === null || failure === undefined ? null : (
        <p className="tone-word" data-tone-text="fail">
          <ToneIcon tone="fail" size={16} />
          <span>
            {inWords(failure.title, fields)}{" "}
            {atFields || failure.detail === undefined ? null : inWords(failure.detail, fields)}
          </span>
        </p>
      )}
      {others.map(([path, words]) => (
        <p key={path} className="p-error">
          {path === "" ? "" : `${fields.find((field) => field.path === path)?.label ?? path}: `}
          {inWords(words, fields)}
        </p>
      ))}
      {failure === null || failure === undefined ? null : (
        <>
          <p>Nothing was changed.</p>
          <FailureRef failure={failure} />
        </>
      )}
    </div>
  );
}

interface FieldProps {
  readonly field: FormField;
  readonly options: Readonly<Record<string, string>> | undefined;
  readonly first: boolean;
  readonly value: string;
  readonly error: string | undefined;
  readonly onChange: (value: string) => void;
}

const INPUT_TYPES = {
  text: "text",
  email: "email",
  moment: "datetime-local",
  number: "number",
} as const;

function Field({ field, options, first, value, error, onChange }: FieldProps) {
  const { kind } = field;
  const common = {
    name: field.path,
    label: field.label,
    description: field.help === undefined ? rangeWords(kind) : inWords(field.help, []),
    error,
    required: field.required,
    "data-autofocus": first || undefined,
  };
  switch (kind.type) {
    case "flag":
      return (
        <Checkbox
          {...common}
          required={false}
          checked={value === "true"}
          onChange={(event) => onChange(String(event.currentTarget.checked))}
        />
      );
    case "choice":
      return (
        <NativeSelect
          {...common}
          value={value}
          onChange={(event) => onChange(event.currentTarget.value)}
          data={[
            ...(field.required && value !== "" ? [] : [{ value: "", label: "Choose…" }]),
            ...kind.options.map((option) => ({
              value: option,
              label: options?.[option] ?? humanize(option),
            })),
          ]}
        />
      );
    case "long":
    case "lines":
    case "json":
      return (
        <Textarea
          {...common}
          description={common.description ?? AREA_HELP[kind.type]}
          rows={4}
          value={value}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
    case "text":
    case "email":
    case "moment":
    case "number":
      return (
        <TextInput
          {...common}
          type={INPUT_TYPES[kind.type]}
          {...(kind.type === "number"
            ? { min: kind.min, max: kind.max, step: kind.whole ? 1 : "any" }
            : {})}
          {...(kind.type === "moment" ? { step: 1 } : {})}
          value={value}
          autoComplete="off"
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
  }
}

const AREA_HELP = { long: undefined, lines: "One on each line", json: "JSON" } as const;
