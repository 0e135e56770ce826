import { Button } from "@mantine/core";
import { inboxControlsSet } from "purser/contract/inbox";
import type { TodayView } from "purser/contract/watch";

import { useAct } from "../../app/act.tsx";
import { Section } from "../../kit/facts.tsx";
import { formatCount, plural } from "../../kit/format.ts";
import { StatusPill, type Tone, ToneIcon } from "../../kit/status-pill.tsx";
import { toast } from "../../kit/toast.tsx";
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

export function Suggestions({ suggestions }: Pick<TodayView, "suggestions">) {
  const begin = useAct();
  const start = async (suggestion: TodayView["suggestions"][number]) => {
    const { operationNamed } = await import("../../app/catalog.ts");
    const operation = operationNamed(suggestion.operation);
    if (operation === undefined) {
      toast("warn", `This console does not know ${suggestion.operation} yet. Reload it.`);
      return;
    }
    begin(operation, suggestion.input, false);
  };
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
            <Button variant="filled" onClick={() => void start(suggestion)}>
              Preview: {suggestion.title}
            </Button>
          </div>
        ))
      )}
    </Section>
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
