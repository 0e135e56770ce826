import { Modal } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import type { Operation, Preview } from "purser/operation";
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { z } from "zod";

import type { Failure } from "../kit/error-state.tsx";
import { fieldsOf, inWords, named } from "../kit/form-schema.ts";
import { OperationForm } from "../kit/operation-form.tsx";
import { type ActState, leaveWords, PreviewDialog } from "../kit/preview-dialog.tsx";
import { ApiFailure, call, failureOf, previewOf } from "./client.ts";
import { asCli, asCurl } from "./commands.ts";
import { FIELD_WORDS } from "./field-words.ts";
import { outcomeWords } from "./outcome.ts";
import { reverseOf } from "./undo.ts";

type Values = Readonly<Record<string, unknown>>;

/** An act that somebody began: a form, or straight to the preview where everything is known. */
interface Act {
  readonly operation: Operation;
  readonly known: Values;
  readonly how: How;
}

export interface How {
  /** False shows the preview at once. */
  readonly form?: boolean;
  /** Fields that the place decides from which the act was begun: shown, not to be changed. */
  readonly fixed?: readonly string[];
  /** A sentence above the form on what it was filled in with. */
  readonly note?: string | undefined;
}

type Begin = (operation: Operation, known?: Values, how?: How) => void;

const ActContext = createContext<Begin>(() => undefined);

/** Begins an act. `form: false` shows the preview at once, for buttons that know their whole input. */
export function useAct(): Begin {
  return useContext(ActContext);
}

/**
 * The JSON schema of what may be typed. A field that coerces ("5" to 5) says little about its input; where what comes
 * out of it is a choice of few, the form offers those.
 */
export function inputSchemaOf(operation: Operation): unknown {
  const typed = z.toJSONSchema(operation.input, { io: "input", unrepresentable: "any" });
  const made = z.toJSONSchema(operation.input, { io: "output", unrepresentable: "any" });
  const properties = Object.entries(typed.properties ?? {}).map(([name, schema]) => {
    const outcome = made.properties?.[name];
    const open = isSchema(schema) && !("anyOf" in schema) && !("enum" in schema);
    return [name, open && isSchema(outcome) ? { ...outcome, ...schema } : schema];
  });
  return { ...typed, properties: Object.fromEntries(properties) };
}

function isSchema(schema: unknown): schema is object {
  return typeof schema === "object" && schema !== null;
}

export function ActProvider({ children }: { readonly children: ReactNode }) {
  const [act, setAct] = useState<Act | null>(null);
  const begin = useMemo<Begin>(
    () =>
      (operation, known = {}, how = {}) =>
        setAct({ operation, known, how }),
    [],
  );
  return (
    <ActContext value={begin}>
      {children}
      {act === null ? null : (
        <ActDialog
          key={`${act.operation.name} ${JSON.stringify(act.known)}`}
          act={act}
          onClose={() => setAct(null)}
        />
      )}
    </ActContext>
  );
}

interface ActDialogProps {
  readonly act: Act;
  readonly onClose: () => void;
}

function ActDialog({ act, onClose }: ActDialogProps) {
  const steps = useActSteps(act);
  const { operation, how } = act;
  const schema = useMemo(() => inputSchemaOf(operation), [operation]);
  if (steps.state === null) {
    return (
      <Modal opened onClose={onClose} title={operation.title} size="md">
        <p className="act-head">{summaryWords(operation)}</p>
        {how.note === undefined ? null : <p className="act-head">{how.note}</p>}
        <OperationForm
          schema={schema}
          words={FIELD_WORDS}
          known={steps.input}
          fixed={how.fixed}
          errors={steps.errors}
          failure={steps.failure}
          submitLabel="See what would change"
          busy={steps.asking}
          onSubmit={(input) => void steps.ask(input)}
          onCancel={onClose}
          cancelLabel={leaveWords(operation.title)}
        />
      </Modal>
    );
  }
  return (
    <PreviewDialog
      title={operation.title}
      state={steps.state}
      dangerous={operation.risk === "dangerous"}
      typeToConfirm={operation.risk === "dangerous" ? confirmWord(operation, steps.input) : null}
      cli={asCli(operation, steps.input)}
      curl={asCurl(operation, steps.input)}
      onConfirm={() => void steps.confirm()}
      onRetry={() => void steps.ask(steps.input)}
      onClose={onClose}
      onBack={how.form !== false ? steps.back : undefined}
    />
  );
}

/** What must be typed for a dangerous act: the thing's own id, so that the fingers know which one it is. */
function confirmWord(operation: Operation, input: Values): string {
  const first = operation.cli.args?.[0];
  const value = first === undefined ? undefined : input[first];
  return typeof value === "string" && value !== "" ? value : operation.name;
}

/** What an operation does, with the fields named as its form names them. */
export function summaryWords(operation: Operation): string {
  return operation.summary.includes("`")
    ? inWords(operation.summary, named(fieldsOf(inputSchemaOf(operation)), FIELD_WORDS))
    : operation.summary;
}

function useActSteps(act: Act) {
  const hasForm = act.how.form !== false;
  const client = useQueryClient();
  const [input, setInput] = useState<Values>(act.known);
  const [state, setState] = useState<ActState | null>(hasForm ? null : { kind: "loading" });
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  const [failure, setFailure] = useState<Failure | null>(null);
  const [asking, setAsking] = useState(false);
  const [last, setLast] = useState<Preview | null>(null);
  const begin = useAct();
  const show = (kind: "ready" | "stale", preview: Preview) => {
    setLast(preview);
    setState({ kind, preview });
  };

  /** Back to the form with what was said of it: whatever was refused, nothing that was typed is lost. */
  const toForm = (error: unknown) => {
    setErrors(error instanceof ApiFailure ? error.fields : {});
    setFailure(failureOf(error));
    setState(null);
  };

  const ask = async (given: Values) => {
    setInput(given);
    setErrors({});
    setFailure(null);
    setAsking(true);
    try {
      show("ready", await previewOf(act.operation, given));
    } catch (error) {
      if (hasForm) {
        toForm(error);
      } else {
        setState({ kind: "refused", failure: failureOf(error) });
      }
    } finally {
      setAsking(false);
    }
  };

  const confirm = async () => {
    if (state === null || !("preview" in state)) {
      return;
    }
    const { preview } = state;
    const back = last === null ? null : reverseOf(last, input);
    setState({ kind: "running", preview });
    try {
      const answer = await call(
        act.operation,
        input,
        last === null ? {} : { previewHash: last.hash },
      );
      setState({
        kind: "done",
        words: outcomeWords(preview.summary, answer),
        undo: back === null ? undefined : () => begin(act.operation, back, { form: false }),
      });
      await client.invalidateQueries();
    } catch (error) {
      if (error instanceof ApiFailure && error.preview !== undefined) {
        show("stale", error.preview);
      } else if (hasForm && error instanceof ApiFailure && Object.keys(error.fields).length > 0) {
        toForm(error);
      } else {
        setState({ kind: "failed", preview, failure: failureOf(error) });
      }
    }
  };

  const begun = useRef(hasForm);
  useEffect(() => {
    if (!begun.current) {
      begun.current = true; // once, also where React runs effects twice
      void ask(act.known);
    }
  });
  return { state, input, errors, failure, asking, ask, confirm, back: () => setState(null) };
}
