/** Staff roles, most powerful first. What each may do is the table made from the operations themselves. */
export const ROLES = [
  "owner",
  "admin",
  "billing",
  "support",
  "agent",
  "viewer",
  "auditor",
] as const;
export type Role = (typeof ROLES)[number];

/** Who may see the record of the business. */
export const READERS: readonly Role[] = [...ROLES];
/** Who may act for one customer. */
export const SUPPORTERS: readonly Role[] = ["owner", "admin", "billing", "support"];
/** Who may move money and plans. */
export const BILLERS: readonly Role[] = ["owner", "admin", "billing"];
/** Who may change how the house runs. */
export const ADMINS: readonly Role[] = ["owner", "admin"];
