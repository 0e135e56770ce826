import { z } from "zod";

/** What a child is told, as one JSON argument. */
export const childConfig = z.object({
  url: z.string(),
  name: z.string(),
  dir: z.string(),
  port: z.number(),
  slots: z.number().default(2),
});
export type ChildConfig = z.infer<typeof childConfig>;

export function configOfThisChild(): ChildConfig {
  return childConfig.parse(JSON.parse(process.argv[2] ?? "{}"));
}

/** The sandbox of these tests needs no key: what is stored is what it is. */
export const plainSecrets = {
  seal: (plain: string): string => plain,
  open: (sealed: string): string => sealed,
};

export const SECRET = "whsec_crash_test_0123456789";
