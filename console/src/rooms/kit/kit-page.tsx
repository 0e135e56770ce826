import { Button, useMantineColorScheme } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";

import { Chart } from "../../kit/chart.tsx";
import { Diff } from "../../kit/diff.tsx";
import { EmptyState } from "../../kit/empty-state.tsx";
import { ErrorState } from "../../kit/error-state.tsx";
import { Facts, Section } from "../../kit/facts.tsx";
import { IdChip } from "../../kit/id-chip.tsx";
import { JsonView } from "../../kit/json-view.tsx";
import { KeyCaps } from "../../kit/keys-help.tsx";
import { Money } from "../../kit/money.tsx";
import { OperationForm } from "../../kit/operation-form.tsx";
import { toggleUtc, usePreferences } from "../../kit/preferences.ts";
import { Sparkline } from "../../kit/sparkline.tsx";
import { StatusPill, type Tone } from "../../kit/status-pill.tsx";
import { Tabs } from "../../kit/tabs.tsx";
import { Timeline } from "../../kit/timeline.tsx";
import { toast, Toasts } from "../../kit/toast.tsx";
import { When } from "../../kit/when.tsx";
import { KitDialogs } from "./kit-dialogs.tsx";
import { KitTables } from "./kit-tables.tsx";
import { FORM_SCHEMA, MOMENT, WAVE } from "./samples.ts";

import "./kit-page.css";

const TONES: readonly Tone[] = ["ok", "warn", "fail", "unknown", "held", "neutral"];

/** Every component of the kit in each of its states, on one page: for eyes, and for the tests' photographs. */
export function KitPage() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { utc } = usePreferences();
  useEffect(() => {
    document.title = "Kit · Purser";
  }, []);
  return (
    <main className="kit">
      <h1>The kit</h1>
      <div className="kit-row">
        <Button onClick={() => setColorScheme(colorScheme === "dark" ? "light" : "dark")}>
          Other colours
        </Button>
        <Button onClick={toggleUtc}>{utc ? "Times here" : "Times in UTC"}</Button>
      </div>
      <Words />
      <Section title="Data table">
        <KitTables />
      </Section>
      <Shapes />
      <Records />
      <Section title="Form from a schema">
        <div style={{ maxWidth: 420 }}>
          <OperationForm
            schema={FORM_SCHEMA}
            known={{ id: "sub_1SVq7000LkdIwHu7ix" }}
            errors={{ reason: "At least 3 characters" }}
            submitLabel="See what would change"
            onSubmit={(value) => toast("ok", JSON.stringify(value))}
          />
        </div>
      </Section>
      <KitDialogs />
      <States />
      <Toasts />
    </main>
  );
}

function Row({ children }: { readonly children: ReactNode }) {
  return <div className="kit-row">{children}</div>;
}

function Words() {
  return (
    <Section title="Words, figures, ids">
      <Row>
        {TONES.map((tone) => (
          <StatusPill key={tone} tone={tone}>
            {tone}
          </StatusPill>
        ))}
      </Row>
      <Row>
        <When at={MOMENT} />
        <When at={MOMENT} as="short" />
        <When at={MOMENT} as="absolute" />
        <When at={MOMENT} as="day" />
        <When at={null} />
      </Row>
      <Row>
        <Money amountMinor={120_450} currency="usd" />
        <Money amountMinor={-990} currency="eur" />
        <Money amountMinor={5000} currency="jpy" />
        <Money amountMinor={1234} currency="kwd" />
        <Money amountMinor={null} currency="usd" />
      </Row>
      <Row>
        <IdChip id="evt_1SVq7039595LkdIwHu7ix" />
        <IdChip id="sub_1SVq7" />
        <KeyCaps keys="mod+k" />
        <KeyCaps keys="g i" />
      </Row>
      <Row>
        <Button variant="filled">Replay 37 events</Button>
        <Button variant="filled" data-tone="fail">
          Cancel 3 subscriptions now
        </Button>
        <Button>Copy the link</Button>
        <Button variant="subtle">Cancel</Button>
        <Button disabled>Not now</Button>
        <Button loading>Working</Button>
        <Button onClick={() => toast("ok", "Lane paused.", () => undefined)}>Say something</Button>
      </Row>
      <Facts
        rows={[
          ["Customer", "Acme Studio"],
          ["Tier", "Pro"],
        ]}
      />
    </Section>
  );
}

function Shapes() {
  const [tab, setTab] = useState("one");
  return (
    <Section title="Shapes">
      <Row>
        <Sparkline values={WAVE} label="A wave" />
        <Sparkline values={WAVE.map((v, at) => (at > 20 && at < 30 ? null : v))} label="A gap" />
        <Sparkline values={[0, 0, 0]} label="Nothing" />
        <Sparkline values={[]} label="Not measured" />
      </Row>
      <Chart
        title="Events"
        definition="Taken in and failed, by minute."
        moments={WAVE.map((_, at) => Date.parse(MOMENT) + at * 60_000)}
        series={[
          { name: "taken in", values: WAVE },
          { name: "failed", tone: "fail", values: WAVE.map((v) => Math.floor((v ?? 0) / 5)) },
        ]}
      />
      <Tabs
        label="Tabs"
        current={tab}
        onChange={setTab}
        tabs={[
          { key: "one", label: "Overview" },
          { key: "two", label: "Invoices 4" },
        ]}
      >
        {tab === "one" ? "The first" : "The second"}
      </Tabs>
    </Section>
  );
}

function Records() {
  return (
    <Section title="Records">
      <div className="kit-halves">
        <Diff
          before={{ status: "active", quantity: 1, note: "same" }}
          after={{ status: "past_due", quantity: 2, note: "same" }}
        />
        <Diff before={null} after={{ lane: 9, state: "ready" }} />
        <Diff before={{ fate: "dead" }} after={null} />
        <Timeline
          label="Timeline"
          items={TONES.map((tone, at) => ({
            key: tone,
            at: new Date(Date.parse(MOMENT) - at * 7 * 3_600_000).toISOString(),
            tone,
            title: `Something that is ${tone}`,
            detail: at % 2 === 0 ? "status: active → past_due" : undefined,
          }))}
        />
        <JsonView
          label="JSON"
          text={JSON.stringify({ id: "evt_1", live: false, data: { list: [1, 2], none: null } })}
        />
        <JsonView label="Not JSON" text="<html>502</html>" />
      </div>
    </Section>
  );
}

function States() {
  return (
    <Section title="States">
      <div className="kit-halves">
        <EmptyState
          title="No event has arrived yet"
          actions={<Button variant="filled">Show the addresses for webhooks</Button>}
        >
          Each webhook appears here the moment it is taken in.
        </EmptyState>
        <ErrorState
          failure={{
            title: "Purser does not answer.",
            detail: "The request did not arrive.",
            code: "platform/unavailable",
            requestId: "req_01jd8m3k2x",
          }}
          kept="Nothing was changed."
          onRetry={() => undefined}
        />
      </div>
    </Section>
  );
}
