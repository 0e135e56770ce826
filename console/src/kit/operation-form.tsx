import { Button, Checkbox, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { type SubmitEvent, useMemo, useState } from "react";

import { fieldsOf, type FormField, typedFrom, valueOf } from "./form-schema.ts";
import { humanize } from "./format.ts";

import "./dialogs.css";

interface OperationFormProps {
  /** JSON schema of the operation's input. */
  readonly schema: unknown;
  /** What is known already, by field. */
  readonly known?: Readonly<Record<string, unknown>>;
  /** What the server said about each field (path -> sentence). */
  readonly errors?: Readonly<Record<string, string>>;
  /** Fields that something else fills in; what is known of them is kept. */
  readonly hidden?: readonly string[];
  readonly submitLabel: string;
  readonly busy?: boolean;
  readonly onSubmit: (value: Record<string, unknown>) => void;
  readonly onCancel?: (() => void) | undefined;
}

/** A form made from a schema. It marks what is required and leaves judging to the server, whose words it shows at the field. */
export function OperationForm(props: OperationFormProps) {
  const fields = useMemo(() => fieldsOf(props.schema), [props.schema]);
  const [typed, setTyped] = useState(() => typedFrom(fields, props.known ?? {}));
  const errors = props.errors ?? {};
  const hidden = props.hidden ?? [];
  const paths = new Set(fields.map((field) => field.path));
  const others = Object.entries(errors).filter(([path]) => !paths.has(path));
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    props.onSubmit(valueOf(fields, typed));
  };
  return (
    <form className="opform" onSubmit={onSubmit}>
      {fields.length === 0 ? <p className="dim">This needs no input.</p> : null}
      {fields
        .filter((field) => !hidden.includes(field.path))
        .map((field, at) => (
          <Field
            key={field.path}
            field={field}
            first={at === 0}
            value={typed[field.path] ?? ""}
            error={errors[field.path]}
            onChange={(value) => setTyped((before) => ({ ...before, [field.path]: value }))}
          />
        ))}
      {others.map(([path, words]) => (
        <p key={path} className="p-error" role="alert">
          {path === "" ? "" : `${path}: `}
          {words}
        </p>
      ))}
      <div className="act-foot" style={{ justifyContent: "flex-end", marginTop: 4 }}>
        {props.onCancel === undefined ? null : (
          <Button variant="subtle" onClick={props.onCancel}>
            Leave it
          </Button>
        )}
        <Button type="submit" variant="filled" loading={props.busy ?? false}>
          {props.submitLabel}
        </Button>
      </div>
    </form>
  );
}

interface FieldProps {
  readonly field: FormField;
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

function Field({ field, first, value, error, onChange }: FieldProps) {
  const { kind } = field;
  const common = {
    name: field.path,
    label: field.label,
    description: field.help,
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
            ...kind.options.map((option) => ({ value: option, label: humanize(option) })),
          ]}
        />
      );
    case "long":
    case "lines":
    case "json":
      return (
        <Textarea
          {...common}
          description={field.help ?? AREA_HELP[kind.type]}
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
          value={value}
          autoComplete="off"
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
  }
}

const AREA_HELP = { long: undefined, lines: "One on each line", json: "JSON" } as const;
