import { Button } from "@mantine/core";
import type { Operation } from "purser/operation";
import { useMemo } from "react";
import { Link, useSearchParams } from "wouter";

import { ActButton } from "../../app/act-button.tsx";
import { inputSchemaOf, summaryWords } from "../../app/act.tsx";
import { operationNamed } from "../../app/catalog.ts";
import { ApiFailure } from "../../app/client.ts";
import { asCli, asCurl } from "../../app/commands.ts";
import { FIELD_WORDS } from "../../app/field-words.ts";
import { Load } from "../../app/load.tsx";
import { useOperation } from "../../app/queries.ts";
import { EmptyState } from "../../kit/empty-state.tsx";
import { fieldsOf, typedText, valueOf } from "../../kit/form-schema.ts";
import { useCopied } from "../../kit/id-chip.tsx";
import { OperationForm } from "../../kit/operation-form.tsx";
import { Page } from "../../kit/page.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { Answer } from "./answer.tsx";
import { RISKS } from "./operations.tsx";

import "./operations.css";

/** Any operation, by its name. A read shows its answer here, with its input in the address; a write begins with its form. */
export function OperationPage({ name }: { readonly name: string }) {
  const operation = operationNamed(name);
  if (operation === undefined) {
    return (
      <EmptyState title={`No operation is called ${name}`}>
        <Link href="/operations">All operations</Link> lists what there is.
      </EmptyState>
    );
  }
  const risk = RISKS[operation.risk];
  return (
    <Page
      title={operation.title}
      sentence={<StatusPill tone={risk.tone}>{risk.words}</StatusPill>}
      actions={<Link href="/operations">All operations</Link>}
    >
      <div className="page-scroll">
        <p style={{ maxWidth: 720, marginBottom: 14 }}>{summaryWords(operation)}</p>
        {operation.risk === "read" ? (
          <Read operation={operation} />
        ) : (
          <Write operation={operation} />
        )}
      </div>
    </Page>
  );
}

function useInput(operation: Operation) {
  const [params, setParams] = useSearchParams();
  const schema = useMemo(() => inputSchemaOf(operation), [operation]);
  const fields = useMemo(() => fieldsOf(schema), [schema]);
  const typed = Object.fromEntries(params);
  return {
    schema,
    fields,
    typed,
    input: valueOf(fields, typed),
    setInput: (value: Readonly<Record<string, unknown>>) =>
      setParams(
        Object.fromEntries(Object.entries(value).map(([key, each]) => [key, typedText(each)])),
      ),
  };
}

/** Set by the button for the next page, not by hand. */
const HIDDEN = ["cursor"];

function Read({ operation }: { readonly operation: Operation }) {
  const { schema, fields, typed, input, setInput } = useInput(operation);
  const complete = fields.every((field) => !field.required || input[field.path] !== undefined);
  const answer = useOperation(operation, input, { enabled: complete });
  return (
    <div className={fields.length === 0 ? undefined : "read"}>
      {fields.length === 0 ? null : (
        <div className="read-form">
          <OperationForm
            key={JSON.stringify(input)}
            schema={schema}
            words={FIELD_WORDS}
            hidden={HIDDEN}
            known={typed}
            errors={answer.error instanceof ApiFailure ? answer.error.fields : {}}
            submitLabel={operation.title}
            busy={answer.isFetching && complete}
            onSubmit={setInput}
          />
        </div>
      )}
      <div className="read-answer">
        <Copies operation={operation} input={input} />
        {complete ? (
          <Load query={answer} label="Asking" lines={8}>
            {(data) => (
              <>
                <Answer operation={operation} answer={data} />
                <Next answer={data} onNext={(cursor) => setInput({ ...input, cursor })} />
              </>
            )}
          </Load>
        ) : (
          <p className="dim">Fill in what is marked, and the answer stands here.</p>
        )}
      </div>
    </div>
  );
}

/** The next page of a list, where there is one. */
function Next({
  answer,
  onNext,
}: {
  readonly answer: unknown;
  readonly onNext: (cursor: string) => void;
}) {
  const cursor =
    typeof answer === "object" && answer !== null && "nextCursor" in answer
      ? answer.nextCursor
      : null;
  return typeof cursor === "string" ? (
    <Button onClick={() => onNext(cursor)}>Next page</Button>
  ) : null;
}

function Write({ operation }: { readonly operation: Operation }) {
  const { typed } = useInput(operation);
  return (
    <>
      <ActButton operation={operation} known={typed} variant="filled">
        {operation.title}…
      </ActButton>
      <p className="dim" style={{ marginTop: 8 }}>
        You see what would change before anything does.
      </p>
    </>
  );
}

interface CopiesProps {
  readonly operation: Operation;
  readonly input: Readonly<Record<string, unknown>>;
}

function Copies({ operation, input }: CopiesProps) {
  const [cli, copyCli] = useCopied();
  const [curl, copyCurl] = useCopied();
  return (
    <p className="act-copies" style={{ marginBottom: 12 }}>
      <button type="button" className="linklike" onClick={() => copyCli(asCli(operation, input))}>
        {cli ? "Copied" : "Copy as CLI"}
      </button>{" "}
      <button type="button" className="linklike" onClick={() => copyCurl(asCurl(operation, input))}>
        {curl ? "Copied" : "Copy as curl"}
      </button>
    </p>
  );
}
