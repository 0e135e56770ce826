import { useEffect } from "react";
import { Link } from "wouter";

import { Facts } from "../../kit/facts.tsx";
import { humanize } from "../../kit/format.ts";
import { problemOf } from "./problem-of.ts";

import "../../kit/page.css";

/** Where the `type` of a refusal leads: outside of the signed-in rooms, for whoever reads an answer of the API. */
export function ProblemPage() {
  const problem = problemOf(location.hash);
  useEffect(() => {
    document.title = "Problem · Purser";
  }, []);
  return (
    <main className="page-scroll" style={{ padding: 24, maxWidth: 640 }}>
      <h1>{problem === null ? "Problems" : humanize(problem.name)}</h1>
      {problem === null ? null : (
        <div style={{ margin: "12px 0" }}>
          <Facts
            rows={[
              ["Code", <code key="code">{problem.code}</code>],
              ["From", humanize(problem.room)],
            ]}
          />
        </div>
      )}
      <p>
        Every refusal of the API is an <code>application/problem+json</code> document. Its{" "}
        <code>title</code> and <code>detail</code> say what happened and what to do next; its{" "}
        <code>requestId</code> finds the request in the log.
      </p>
      <p style={{ margin: "8px 0" }}>
        {problem === null ? "All codes are" : "This code and all others are"} listed in{" "}
        <code>docs/reference/problems.md</code> of the installation.
      </p>
      <Link href="/">To the console</Link>
    </main>
  );
}
