import { Button } from "@mantine/core";
import { inboxControlsSet } from "purser/contract/inbox";
import type { TodayView } from "purser/contract/watch";
import type { Operation } from "purser/operation";
import { useEffect, useState } from "react";
import { Link } from "wouter";

import { ActButton } from "../../app/act-button.tsx";
import type { operationNamed } from "../../app/catalog.ts";
import { Section } from "../../kit/facts.tsx";
import { typedText } from "../../kit/form-schema.ts";
import { formatCount, plural } from "../../kit/format.ts";
import { StatusPill, type Tone, ToneIcon } from "../../kit/status-pill.tsx";
import { When } from "../../kit/when.tsx";

export function Changed({ changed }: Pick<TodayView, "changed">) {
  return (
    <Section title="Changed in six hours">
      {changed.length === 0 ? (
        <p className="dim">No setting, switch, plan or token was changed.</p>
      ) : (
        <ul className="today-list">
          {changed.map((each) => (
            <li key={each.id}>
              <span>{each.sentence}</span>
              <span className="today-aside">
                {each.actor}, <When at={each.at} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

const AT_ONCE = { form: false };

type Suggestion = TodayView["suggestions"][number];

/** Its operation, once the catalogue is there; it is no part of the first load. */
function useSuggested(suggestions: readonly Suggestion[]): (name: string) => Operation | undefined {
  const [found, setFound] = useState<typeof operationNamed | null>(null);
  const some = suggestions.length > 0;
  useEffect(() => {
    if (some) {
      void import("../../app/catalog.ts").then((catalog) => setFound(() => catalog.operationNamed));
    }
  }, [some]);
  return (name) => found?.(name);
}

/** Where a read shows its answer, with its input filled in. */
function answerHref(suggestion: Suggestion): string {
  const words = new URLSearchParams(
    Object.entries(suggestion.input).map(([key, value]) => [key, typedText(value)]),
  ).toString();
  return `/operations/${suggestion.operation}${words === "" ? "" : `?${words}`}`;
}

export function Suggestions({ suggestions }: Pick<TodayView, "suggestions">) {
  const operationOf = useSuggested(suggestions);
  return (
    <Section title="What to do">
      {suggestions.length === 0 ? (
        <p className="dim">Nothing needs doing.</p>
      ) : (
        suggestions.map((suggestion) => (
          <div key={`${suggestion.operation} ${suggestion.title}`} className="today-do">
            <p>{suggestion.reason}</p>
            <ul className="today-checks">
              {suggestion.checks.map((check) => (
                <li key={check.label} className="tone-word">
                  <ToneIcon tone={check.ok ? "ok" : "fail"} />
                  {check.label}
                  <span className="sr-only">{check.ok ? "holds" : "does not hold"}</span>
                </li>
              ))}
            </ul>
            <Suggested suggestion={suggestion} operation={operationOf(suggestion.operation)} />
          </div>
        ))
      )}
    </Section>
  );
}

/** An act is previewed first; a look is only a look, so it is a link. */
function Suggested({
  suggestion,
  operation,
}: {
  readonly suggestion: Suggestion;
  readonly operation: Operation | undefined;
}) {
  if (operation === undefined || operation.risk === "read") {
    return (
      <Button component={Link} href={answerHref(suggestion)}>
        {suggestion.title}
      </Button>
    );
  }
  return (
    <ActButton variant="filled" operation={operation} known={suggestion.input} how={AT_ONCE}>
      {suggestion.title}…
    </ActButton>
  );
}

export function Switches({ switches }: Pick<TodayView, "switches">) {
  return (
    <Section
      title="Switches"
      side={
        <ActButton quiet operation={inboxControlsSet}>
          Change
        </ActButton>
      }
    >
      {switches.length === 0 ? (
        <p className="dim">All switches are at their defaults.</p>
      ) : (
        <ul className="today-list">
          {switches.map((each) => (
            <li key={each.key}>
              <span>
                {each.label} <StatusPill tone={each.level}>{each.value}</StatusPill>
                {each.reason === null ? null : <span className="dim"> {each.reason}</span>}
              </span>
              <span className="today-aside">
                {each.setBy === null ? (
                  "default"
                ) : (
                  <>
                    {each.setBy}, <When at={each.setAt} />
                  </>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

/** What the list amounts to: a job that has not run yet is no sign of health. */
function jobsWords(jobs: TodayView["jobs"]): string {
  const failing = jobs.filter((job) => job.level === "fail" || job.level === "warn").length;
  const never = jobs.filter((job) => job.lastAt === null).length;
  const words = [
    ...(failing === 0 ? [] : [plural(failing, "problem")]),
    ...(never === 0 ? [] : [`${formatCount(never)} ${never === 1 ? "has" : "have"} not run yet`]),
  ];
  return words.length === 0 ? "all fine" : words.join(", ");
}

function jobTone(job: TodayView["jobs"][number]): Tone {
  return job.lastAt === null && job.level !== "fail" && job.level !== "warn"
    ? "neutral"
    : job.level;
}

export function Jobs({ jobs }: Pick<TodayView, "jobs">) {
  return (
    <Section title="The day's jobs" side={jobs.length === 0 ? undefined : jobsWords(jobs)}>
      {jobs.length === 0 ? (
        <p className="dim">No job is scheduled.</p>
      ) : (
        <ul className="today-list">
          {jobs.map((job) => (
            <li key={job.name}>
              <span className="tone-word">
                <ToneIcon tone={jobTone(job)} />
                <span>
                  {job.title}
                  {job.lastAt === null ? null : <span className="sr-only">: {job.level}</span>}
                </span>
              </span>
              <span className="today-aside">{job.sentence}</span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
