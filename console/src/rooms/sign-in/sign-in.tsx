import { Button, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useEffect, useState } from "react";

import { failureOf } from "../../app/client.ts";
import { signIn } from "../../app/session.ts";
import { type Failure, FailureRef } from "../../kit/error-state.tsx";
import { focusAtOnce } from "../../kit/focus.ts";
import { ToneIcon } from "../../kit/status-pill.tsx";

import "./sign-in.css";

/** The address stays as it is: whoever followed a link sees that page after signing in. */
export function SignIn() {
  const client = useQueryClient();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  useEffect(() => {
    document.title = "Sign in · Purser";
  }, []);
  const submit = async () => {
    setBusy(true);
    setFailure(null);
    try {
      await signIn(email, password);
      await client.resetQueries();
    } catch (error) {
      setFailure(failureOf(error));
    } finally {
      setBusy(false);
    }
  };
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    void submit();
  };
  return (
    <main className="signin">
      <form onSubmit={onSubmit}>
        <header>
          <img src="/mark.svg" alt="" width={28} height={28} />
          <h1>Sign in to Purser</h1>
        </header>
        <TextInput
          label="Email"
          name="email"
          type="email"
          autoComplete="username"
          required
          ref={focusAtOnce}
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <TextInput
          label="Password"
          name="password"
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        {failure === null ? null : (
          <div role="alert">
            <p className="tone-word" data-tone-text="fail">
              <ToneIcon tone="fail" size={16} /> {failure.title}
            </p>
            <FailureRef failure={failure} />
          </div>
        )}
        <Button type="submit" variant="filled" loading={busy}>
          Sign in
        </Button>
        <p className="signin-note">
          A new instance prints the first sign-in where it was started. An owner can add people
          under Operations.
        </p>
      </form>
    </main>
  );
}
