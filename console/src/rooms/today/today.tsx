import { showToday, type TodayView } from "purser/contract/watch";
import { useEffect } from "react";
import { Link } from "wouter";

import { Load } from "../../app/load.tsx";
import { useOperation } from "../../app/queries.ts";
import { Section } from "../../kit/facts.tsx";
import { plural } from "../../kit/format.ts";
import { ToneIcon } from "../../kit/status-pill.tsx";
import { When } from "../../kit/when.tsx";
import { Burning } from "./burning.tsx";
import { Changed, Jobs, Suggestions, Switches } from "./sides.tsx";

import "../../kit/page.css";
import "./today.css";

/** The first screen, in the order in which somebody woken at three needs it. */
export function Today() {
  const today = useOperation(showToday, {}, { poll: true });
  useEffect(() => {
    document.title = "Today · Purser";
  }, []);
  return (
    <div className="page">
      <div className="page-scroll" style={{ padding: 0 }}>
        <Load query={today} label="Looking at the state of things" lines={14}>
          {(view) => (
            <>
              <State state={view.state} at={view.at} />
              <div className="today" style={{ padding: "0 16px 48px" }}>
                <div>
                  <Waiting waiting={view.waiting} />
                  <Burning view={view} />
                </div>
                <div>
                  <Changed changed={view.changed} />
                  <Suggestions suggestions={view.suggestions} />
                  <Switches switches={view.switches} />
                  <Jobs jobs={view.jobs} />
                </div>
              </div>
            </>
          )}
        </Load>
      </div>
    </div>
  );
}

function State({ state, at }: { readonly state: TodayView["state"]; readonly at: string }) {
  const { customers, events } = state.hurt;
  return (
    <header>
      <div className="today-state">
        <ToneIcon tone={state.level} size={20} />
        <h1>{state.sentence}</h1>
      </div>
      <p className="today-since">
        {state.since === null ? null : (
          <>
            Since <When at={state.since} as="short" /> (<When at={state.since} />
            ).{" "}
          </>
        )}
        {customers + events === 0
          ? "Nobody is hurt. "
          : `${plural(customers, "customer")} and ${plural(events, "event")} are hurt. `}
        <span className="dim">
          Checked <When at={at} past />.
        </span>
      </p>
    </header>
  );
}

function Waiting({ waiting }: Pick<TodayView, "waiting">) {
  return (
    <Section title="Waits for you">
      {waiting.length === 0 ? (
        <p className="dim">Nothing waits for you.</p>
      ) : (
        <ul className="today-list">
          {waiting.map((each) => (
            <li key={`${each.kind} ${each.href}`}>
              <Link href={each.href}>{each.sentence}</Link>
              <span className="today-aside">
                <When at={each.since} none="" />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
