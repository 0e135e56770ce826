import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";

import { deriveSecret, openSecretBox, readMasterKeys, SecretError } from "./secrets.ts";

const OLD = "an old master key of forty characters!!!";
const NEW = "a new master key of forty characters!!!!";
const folder = mkdtempSync(join(tmpdir(), "purser-secrets-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const nowhere = {
  key: null,
  file: null,
  developmentFile: join(folder, "keys", "master"),
  production: false,
};

describe("sealing", () => {
  const box = openSecretBox([NEW]);

  test("opens to what was sealed, in its own context only", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }),
        fc.string(),
        fc.string(),
        (plain, context, other) => {
          const token = box.seal(plain, context);
          expect(box.open(token, context)).toBe(plain);
          fc.pre(other !== context);
          expect(() => box.open(token, other)).toThrow(SecretError);
        },
      ),
    );
  });

  test("any changed character is refused", () => {
    const token = box.seal("whsec_canary", "1:2");
    const start = token.indexOf(".", 6) + 1;
    for (let index = start; index < token.length; index += 1) {
      // Two letters apart: the last letter of base64 may carry bits that no byte has.
      const changed = token.charAt(index) === "A" ? "Z" : "A";
      const forged = token.slice(0, index) + changed + token.slice(index + 1);
      const same = Buffer.from(forged.split(".").at(-1) ?? "", "base64url").equals(
        Buffer.from(token.split(".").at(-1) ?? "", "base64url"),
      );
      if (forged.split(".")[2] === token.split(".")[2] && same) {
        continue;
      }
      const wrappedSame = Buffer.from(forged.split(".")[2] ?? "", "base64url").equals(
        Buffer.from(token.split(".")[2] ?? "", "base64url"),
      );
      if (wrappedSame && same) {
        continue;
      }
      expect(() => box.open(forged, "1:2")).toThrow(SecretError);
    }
  });

  test("the same secret never looks the same twice, and a token shows nothing of it", () => {
    expect(box.seal("whsec_canary", "1:2")).not.toBe(box.seal("whsec_canary", "1:2"));
    expect(Buffer.from(box.seal("whsec_canary", "1:2")).includes("canary")).toBe(false);
  });

  test.each(["", "whsec_plain", "psr1.a.b", "psr2.a.b.c", "psr1.a.b.c.d", "psr1..."])(
    "%j is no sealed secret",
    (text) => {
      expect(() => box.open(text, "1:2")).toThrow(SecretError);
    },
  );
});

describe("rotation", () => {
  test("an old token opens while its key is listed, is rewrapped, and then needs the new key only", () => {
    const token = openSecretBox([OLD]).seal("whsec_canary", "1:2");
    const both = openSecretBox([NEW, OLD]);
    expect(both.open(token, "1:2")).toBe("whsec_canary");
    const rewrapped = both.rewrap(token, "1:2");
    expect(both.rewrap(rewrapped, "1:2")).toBe(rewrapped);
    expect(openSecretBox([NEW]).open(rewrapped, "1:2")).toBe("whsec_canary");
    expect(() => openSecretBox([NEW]).open(token, "1:2")).toThrow(/is not here/);
    // The ciphertext stays: only the data key was wrapped anew.
    expect(rewrapped.split(".")[3]).toBe(token.split(".")[3]);
  });

  test("a rewrapped token cannot be given another context", () => {
    const token = openSecretBox([OLD]).seal("whsec_canary", "1:2");
    expect(() => openSecretBox([NEW, OLD]).rewrap(token, "1:3")).toThrow(SecretError);
  });
});

describe("the master key", () => {
  test("development makes one that only its owner can read, once", () => {
    const first = readMasterKeys(nowhere);
    expect(readMasterKeys(nowhere).keys).toEqual(first.keys);
    expect(statSync(first.from).mode & 0o777).toBe(0o600);
  });

  test("production refuses to go without", () => {
    expect(() => readMasterKeys({ ...nowhere, production: true })).toThrow(/must be set/);
  });

  test("the environment goes before the file; both may list the keys of a rotation", () => {
    const file = join(folder, "given");
    writeFileSync(file, `${NEW}\n${OLD}\n`);
    expect(readMasterKeys({ ...nowhere, file }).keys).toEqual([NEW, OLD]);
    expect(readMasterKeys({ ...nowhere, file, key: `${OLD},${NEW}` })).toEqual({
      keys: [OLD, NEW],
      from: "PURSER_MASTER_KEY",
    });
  });

  test.each(["short", " ", `${NEW},short`])("%j is refused", (key) => {
    expect(() => readMasterKeys({ ...nowhere, key })).toThrow(SecretError);
  });

  test("what is derived from it differs by purpose and is no wrapping key", () => {
    expect(deriveSecret(NEW, "cookies")).toMatch(/^[0-9a-f]{64}$/u);
    expect(deriveSecret(NEW, "cookies")).not.toBe(deriveSecret(NEW, "links"));
  });
});
