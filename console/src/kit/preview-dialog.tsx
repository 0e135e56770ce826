import { Button, Modal, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";

import { Bones } from "./bones.tsx";
import { type Failure, ErrorState, FailureRef } from "./error-state.tsx";
import { useCopied } from "./id-chip.tsx";
import { PreviewBody, type PreviewView } from "./preview-body.tsx";
import { ToneIcon } from "./status-pill.tsx";

import "./dialogs.css";

/** Where a previewed act stands. `stale` means that things changed since, and a new preview is shown. */
export type ActState =
  | { readonly kind: "loading" }
  | { readonly kind: "refused"; readonly failure: Failure }
  | { readonly kind: "ready" | "running" | "stale"; readonly preview: PreviewView }
  | { readonly kind: "failed"; readonly preview: PreviewView; readonly failure: Failure }
  | {
      readonly kind: "done";
      readonly words: ReactNode;
      /** Begins the act that takes this one back, where there is one. */
      readonly undo?: (() => void) | undefined;
    };

interface PreviewDialogProps {
  /** The words on the operation's button. */
  readonly title: string;
  readonly state: ActState;
  readonly dangerous: boolean;
  /** Typed before a dangerous act can be done; null where nothing needs typing. */
  readonly typeToConfirm: string | null;
  readonly cli: string;
  readonly curl: string;
  readonly onConfirm: () => void;
  readonly onRetry: () => void;
  readonly onClose: () => void;
  /** Back to the form, where there is one. */
  readonly onBack?: (() => void) | undefined;
}

/** Shows what an act would do before its button works, and what it did. */
export function PreviewDialog(props: PreviewDialogProps) {
  const { state } = props;
  return (
    <Modal opened onClose={props.onClose} title={props.title} size="lg">
      {state.kind === "loading" ? <Bones lines={5} label="Working out what would change" /> : null}
      {state.kind === "refused" ? (
        <ErrorState
          failure={state.failure}
          kept="Nothing was changed."
          onRetry={props.onBack ?? props.onRetry}
        />
      ) : null}
      {state.kind === "done" ? (
        <Done words={state.words} undo={state.undo} onClose={props.onClose} />
      ) : null}
      {"preview" in state ? <Ready {...props} preview={state.preview} /> : null}
    </Modal>
  );
}

interface DoneProps {
  readonly words: ReactNode;
  readonly undo: (() => void) | undefined;
  readonly onClose: () => void;
}

function Done({ words, undo, onClose }: DoneProps) {
  return (
    <>
      <div className="tone-word" role="status">
        <ToneIcon tone="ok" size={16} /> <span>{words}</span>
      </div>
      <div className="act-foot" style={{ justifyContent: "flex-end" }}>
        {undo === undefined ? null : <Button onClick={undo}>Undo…</Button>}
        <Button data-autofocus variant="filled" onClick={onClose}>
          Close
        </Button>
      </div>
    </>
  );
}

function Ready(props: PreviewDialogProps & { readonly preview: PreviewView }) {
  const { preview, state, dangerous, typeToConfirm } = props;
  const [typed, setTyped] = useState("");
  const mayConfirm = typeToConfirm === null || typed.trim() === typeToConfirm;
  return (
    <>
      {state.kind === "stale" ? (
        <p className="act-warning">
          <ToneIcon tone="warn" size={16} />
          Things changed since the preview. Nothing was done; this is what would happen now.
        </p>
      ) : null}
      <PreviewBody preview={preview} />
      {typeToConfirm === null ? null : (
        <TextInput
          className="act-confirm"
          label={`This cannot be taken back. Type ${typeToConfirm} to go on.`}
          value={typed}
          autoComplete="off"
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      )}
      {state.kind === "failed" ? (
        <div role="alert" style={{ marginTop: 12 }}>
          <p className="tone-word" data-tone-text="fail">
            <ToneIcon tone="fail" size={16} /> {state.failure.title} {state.failure.detail}
          </p>
          <FailureRef failure={state.failure} />
        </div>
      ) : null}
      <div className="act-foot">
        <Copies cli={props.cli} curl={props.curl} />
        <Button variant="subtle" onClick={props.onBack ?? props.onClose}>
          {backWords(props)}
        </Button>
        <Button
          variant="filled"
          data-tone={dangerous ? "fail" : undefined}
          data-autofocus={dangerous ? undefined : true}
          disabled={!mayConfirm}
          loading={state.kind === "running"}
          onClick={props.onConfirm}
        >
          {buttonWords(preview.summary, props.title)}
        </Button>
      </div>
    </>
  );
}

function backWords({ onBack, title }: PreviewDialogProps): string {
  return onBack === undefined ? leaveWords(title) : "Change the input";
}

/** "Cancel" beside "Cancel the subscription" would be read as the act itself. */
export function leaveWords(title: string): string {
  return title.startsWith("Cancel") ? "Close" : "Cancel";
}

const BUTTON_LONGEST = 48;

/** The summary says what happens, so it is the button's text where it fits: "Replay 37 events". */
function buttonWords(summary: string, title: string): string {
  const words = summary.replace(/\.$/u, "");
  return words.length <= BUTTON_LONGEST && words.length > 0 ? words : title;
}

function Copies({ cli, curl }: { readonly cli: string; readonly curl: string }) {
  const [cliCopied, copyCli] = useCopied();
  const [curlCopied, copyCurl] = useCopied();
  return (
    <span className="act-copies">
      <button type="button" className="linklike" title={cli} onClick={() => copyCli(cli)}>
        {cliCopied ? "Copied" : "Copy as CLI"}
      </button>
      <button type="button" className="linklike" title={curl} onClick={() => copyCurl(curl)}>
        {curlCopied ? "Copied" : "Copy as curl"}
      </button>
    </span>
  );
}
