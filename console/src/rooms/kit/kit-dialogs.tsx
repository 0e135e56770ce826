import { Button } from "@mantine/core";
import { IconArrowRight, IconBolt, IconUser } from "@tabler/icons-react";
import { useState } from "react";

import { Section } from "../../kit/facts.tsx";
import { KeysHelp } from "../../kit/keys-help.tsx";
import { Palette } from "../../kit/palette.tsx";
import { PreviewBody } from "../../kit/preview-body.tsx";
import { type ActState, PreviewDialog } from "../../kit/preview-dialog.tsx";
import { toast } from "../../kit/toast.tsx";
import { PREVIEW } from "./samples.ts";

const FAILURE = {
  title: "Stripe refused.",
  detail: "No such subscription.",
  requestId: "req_01jd",
};

const STATES: readonly ActState[] = [
  { kind: "loading" },
  { kind: "refused", failure: FAILURE },
  { kind: "ready", preview: PREVIEW },
  { kind: "running", preview: PREVIEW },
  { kind: "stale", preview: PREVIEW },
  { kind: "failed", preview: PREVIEW, failure: FAILURE },
  { kind: "done", words: "Done: 37 events replayed." },
];

const ITEMS = [
  { key: "1", group: "Go to", title: "Inbox", keys: "g i", icon: IconArrowRight },
  { key: "2", group: "Operations", title: "Replay events", detail: "inbox.replay", icon: IconBolt },
  { key: "3", group: "Customers", title: "Acme Studio", detail: "org_01jd", icon: IconUser },
].map(({ key, group, title, icon, keys, detail }) => ({
  key,
  group,
  title,
  icon,
  keys,
  detail,
  run: () => toast("ok", title),
}));

/** What opens over a page. The preview's body is shown here as well, for photographs. */
export function KitDialogs() {
  const [state, setState] = useState<ActState | null>(null);
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const [query, setQuery] = useState("");
  return (
    <Section title="Preview, palette, keys">
      <div className="kit-row">
        {STATES.map((each) => (
          <Button key={each.kind} onClick={() => setState(each)}>
            Preview: {each.kind}
          </Button>
        ))}
        <Button onClick={() => setPalette(true)}>Palette</Button>
        <Button onClick={() => setHelp(true)}>Keys</Button>
      </div>
      <div style={{ maxWidth: 600, marginTop: 12 }}>
        <PreviewBody preview={PREVIEW} />
      </div>
      {state === null ? null : (
        <PreviewDialog
          title="Cancel subscriptions"
          state={state}
          dangerous={state.kind === "ready"}
          typeToConfirm={state.kind === "ready" ? "sub_1SVq7000LkdIwHu7ix" : null}
          cli="purser subscriptions cancel sub_1SVq7000LkdIwHu7ix"
          curl="curl -X POST"
          onConfirm={() => setState(null)}
          onRetry={() => setState(null)}
          onClose={() => setState(null)}
        />
      )}
      <Palette
        opened={palette}
        onClose={() => setPalette(false)}
        query={query}
        onQuery={setQuery}
        items={ITEMS.filter((item) => item.title.toLowerCase().includes(query.toLowerCase()))}
        searching={false}
      />
      <KeysHelp opened={help} onClose={() => setHelp(false)} />
    </Section>
  );
}
