import { createHmac, hash, timingSafeEqual } from "node:crypto";

import type { Verified, WebhookRequest } from "#domains/inbox/ports.ts";
import { matchingSecret, refused } from "#domains/inbox/signature.core.ts";

const SIGNATURE_BYTES = 20;

/**
 * `X-Twilio-Signature`: base64 HMAC-SHA1 over the public address, followed for forms by every
 * parameter sorted by name (www.twilio.com/docs/usage/security). JSON bodies are vouched for by
 * `bodySHA256` in the address. The address comes from configuration: behind a proxy Host is anyone's word.
 * Twilio signs no time, so the ledger is what stops a replay.
 */
export function verifyTwilio(request: WebhookRequest, secrets: readonly string[]): Verified {
  const header = request.header("x-twilio-signature");
  if (header === undefined || header === "") {
    return refused("header_missing", "There is no X-Twilio-Signature header.");
  }
  const candidate = Buffer.from(header, "base64");
  if (candidate.length !== SIGNATURE_BYTES) {
    return refused("header_malformed", "X-Twilio-Signature is not the base64 of 20 bytes.");
  }
  if (request.publicUrl === null) {
    return refused("url_unknown", "Set the endpoint's public address: Twilio signs it.");
  }
  const bodyHash = new URL(request.publicUrl).searchParams.get("bodySHA256");
  if (bodyHash !== null && !sameHash(bodyHash, request.body)) {
    return refused("body_changed", "bodySHA256 in the address is not the hash of the body.");
  }
  const isForm = (request.header("content-type") ?? "").startsWith(
    "application/x-www-form-urlencoded",
  );
  if (!isForm && bodyHash === null) {
    return refused(
      "header_malformed",
      "A JSON body without bodySHA256 in the address is vouched for by nobody.",
    );
  }
  const tails = isForm && bodyHash === null ? formTails(request.body) : [""];
  for (const url of addresses(request.publicUrl)) {
    for (const tail of tails) {
      const secret = matchingSecret(secrets, [candidate], (token) =>
        createHmac("sha1", token)
          .update(url + tail, "utf8")
          .digest(),
      );
      if (secret >= 0) {
        return { ok: true, secret };
      }
    }
  }
  return refused(
    "wrong_secret",
    `Neither token made this signature for ${new URL(request.publicUrl).origin}: check the token and the configured address.`,
  );
}

function sameHash(expectedHex: string, body: Buffer): boolean {
  const expected = Buffer.from(expectedHex, "hex");
  const actual = hash("sha256", body, "buffer");
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** Twilio signs with the standard port or without it, depending on the product. */
function addresses(publicUrl: string): readonly string[] {
  const url = new URL(publicUrl);
  const at = publicUrl.indexOf(url.host, publicUrl.indexOf("//"));
  const after = publicUrl.slice(
    publicUrl.indexOf("/", at) < 0 ? publicUrl.length : publicUrl.indexOf("/", at),
  );
  const credentials =
    url.username === "" ? "" : `${url.username}${url.password === "" ? "" : `:${url.password}`}@`;
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  const withPort = `${url.protocol}//${credentials}${url.hostname}:${port}${after}`;
  const without = `${url.protocol}//${credentials}${url.hostname}${after}`;
  const plain = [publicUrl, without, withPort];
  const normal = plain.map((one) => new URL(one).href);
  return [...new Set([...plain, ...normal, ...normal.map(withEscapedQuery)])];
}

/** Some of Twilio's back ends sign the query as they escape it themselves: `It's+me` as `It%27s%20me`. */
function withEscapedQuery(url: string): string {
  const at = url.indexOf("?");
  if (at < 0 || at === url.length - 1) {
    return url;
  }
  const pairs = [...new URLSearchParams(url.slice(at + 1))].map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  );
  return `${url.slice(0, at)}?${pairs.join("&")}`;
}

/** Repeated parameters are signed once per distinct value by some products and each time by others. */
function formTails(body: Buffer): readonly string[] {
  const values = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(body.toString("utf8"))) {
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  const names = [...values.keys()].toSorted((a, b) => (a < b ? -1 : 1));
  const tail = (pick: (all: readonly string[]) => readonly string[]): string =>
    names
      .map((name) =>
        pick(values.get(name) ?? [])
          .map((value) => name + value)
          .join(""),
      )
      .join("");
  return [...new Set([tail((all) => [...new Set(all)].toSorted()), tail((all) => all)])];
}
