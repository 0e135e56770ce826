/** As much of the environment as is judged, after it was read. */
interface Environment {
  readonly PURSER_HOST: string;
  readonly PURSER_PUBLIC_URL?: string | undefined;
  readonly PURSER_MASTER_KEY?: string | undefined;
  readonly PURSER_MASTER_KEY_FILE?: string | undefined;
  readonly PURSER_ADMIN_TOKEN?: string | undefined;
  readonly ADMIN_TOKEN?: string | undefined;
  readonly PURSER_METRICS_TOKEN?: string | undefined;
  readonly STRIPE_API_KEY?: string | undefined;
  readonly STRIPE_API_BASE?: string | undefined;
  readonly STRIPE_WEBHOOK_SECRET: readonly string[];
  readonly PADDLE_WEBHOOK_SECRET_KEY: readonly string[];
  readonly PADDLE_WEBHOOK_BYPASS_SIGNATURE_IN_DEV: boolean;
  readonly TWILIO_AUTH_TOKEN: readonly string[];
}

/** A random text of 20 hexadecimal digits has about 10 different ones and 65 bits; repeated words have neither. */
const LEAST_DISTINCT = 8;
const LEAST_BITS = 56;
/** What a value is made of where somebody only filled in the form; a provider's prefix before it changes nothing. */
const WELL_KNOWN =
  /^(whsec_|pdl_ntfset_|psr_|sk_live_|sk_test_)*(secret|changeme|change-me|password|test|sandbox|default|example|xxx|your[-_])/iu;

/**
 * Why a secret could be guessed, or null. Looks at one value: lists are judged item by item, because one
 * well-known item opens as much as a list of them.
 */
export function weaknessOf(secret: string, least: number): string | null {
  if (WELL_KNOWN.test(secret)) {
    return "is a well-known default";
  }
  if (secret.length < least) {
    return `is too short: ${least} characters or more`;
  }
  const distinct = new Set(secret).size;
  if (distinct < LEAST_DISTINCT || bitsOf(secret) < LEAST_BITS) {
    return "repeats itself; take a random one, such as `openssl rand -base64 32`";
  }
  return null;
}

/** Shannon's entropy of the letters as they are spread; an upper bound of what a guesser has to do. */
function bitsOf(text: string): number {
  const counts = new Map<string, number>();
  for (const letter of text) {
    counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  return [...counts.values()].reduce(
    (bits, count) => bits - count * Math.log2(count / text.length),
    0,
  );
}

const list = (text: string | undefined, separator = ","): readonly string[] =>
  (text ?? "")
    .split(separator)
    .map((each) => each.trim())
    .filter((each) => each !== "");

function secretProblems(env: Environment, masterKeyText: string | null): readonly string[] {
  const judged: readonly (readonly [string, readonly string[], number])[] = [
    ["PURSER_MASTER_KEY", list(env.PURSER_MASTER_KEY), 32],
    ["PURSER_MASTER_KEY_FILE", list(masterKeyText ?? "", "\n"), 32],
    ["PURSER_ADMIN_TOKEN", list(env.PURSER_ADMIN_TOKEN), 20],
    ["ADMIN_TOKEN", list(env.ADMIN_TOKEN), 20],
    ["PURSER_METRICS_TOKEN", list(env.PURSER_METRICS_TOKEN), 16],
    ["STRIPE_WEBHOOK_SECRET", env.STRIPE_WEBHOOK_SECRET, 20],
    ["PADDLE_WEBHOOK_SECRET_KEY", env.PADDLE_WEBHOOK_SECRET_KEY, 20],
    ["TWILIO_AUTH_TOKEN", env.TWILIO_AUTH_TOKEN, 20],
  ];
  return judged.flatMap(([name, values, least]) =>
    values.flatMap((value, index) => {
      const weakness = weaknessOf(value, least);
      const which = values.length > 1 ? ` (number ${index + 1} of the list)` : "";
      return weakness === null ? [] : [`${name} ${weakness}${which}.`];
    }),
  );
}

function isLoopback(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|localhost|\[?::1\]?)$/u.test(host);
}

/** Secrets and sign-ins must not travel where others can read along. */
function transportProblems(env: Environment): readonly string[] {
  const problems: string[] = [];
  const home = env.PURSER_PUBLIC_URL === undefined ? null : new URL(env.PURSER_PUBLIC_URL);
  if (home !== null && home.protocol !== "https:" && !isLoopback(home.hostname)) {
    problems.push(
      "PURSER_PUBLIC_URL must be https: people send their passwords and sessions there.",
    );
  }
  const stripe = env.STRIPE_API_BASE === undefined ? null : new URL(env.STRIPE_API_BASE);
  const isTestKey = /^(sk|rk)_test_/u.test(env.STRIPE_API_KEY ?? "");
  if (stripe !== null && stripe.protocol !== "https:" && !isTestKey) {
    problems.push(
      "STRIPE_API_BASE must be https: a key that moves money is sent there with every call.",
    );
  }
  if (env.PURSER_METRICS_TOKEN === undefined && !isLoopback(env.PURSER_HOST)) {
    problems.push(
      `PURSER_METRICS_TOKEN is required where PURSER_HOST is ${env.PURSER_HOST}: /metrics tells about the business.`,
    );
  }
  return problems;
}

/**
 * Everything that has no place where money moves: demo data, simulators, bypasses, secrets that somebody
 * else may know, roads that others can listen on. Never with a part of a secret.
 *
 * @param asked whether the demo and the sandbox were asked for, not merely left at their default
 * @param masterKeyText what PURSER_MASTER_KEY_FILE holds; null where it cannot be read
 */
export function productionProblems(
  env: Environment,
  asked: { readonly demo: boolean; readonly sandbox: boolean },
  masterKeyText: string | null,
): readonly string[] {
  const rules: readonly (readonly [boolean, string])[] = [
    [
      env.PURSER_MASTER_KEY === undefined && env.PURSER_MASTER_KEY_FILE === undefined,
      "PURSER_MASTER_KEY or PURSER_MASTER_KEY_FILE is required in production.",
    ],
    [asked.demo, "PURSER_DEMO=on is refused in production."],
    [asked.sandbox, "PURSER_SANDBOX=on is refused in production."],
    [
      env.PADDLE_WEBHOOK_BYPASS_SIGNATURE_IN_DEV,
      "PADDLE_WEBHOOK_BYPASS_SIGNATURE_IN_DEV is refused in production.",
    ],
  ];
  return [
    ...rules.filter(([broken]) => broken).map(([, sentence]) => sentence),
    ...secretProblems(env, masterKeyText),
    ...transportProblems(env),
  ];
}
