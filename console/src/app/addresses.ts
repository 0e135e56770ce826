/** Where a thing is shown, by what its id says it is; null for ids that have no page. */
export function addressOf(id: string): string | null {
  const bare = id.includes(":") ? id.slice(id.indexOf(":") + 1) : id;
  const path = encodeURIComponent(bare);
  if (/^(?:cus|org)_/u.test(bare)) {
    return `/customers/${path}`;
  }
  if (bare.startsWith("sub_")) {
    return `/subscriptions/${path}`;
  }
  if (bare.startsWith("in_")) {
    return `/invoices/${path}`;
  }
  return bare.startsWith("evt_") ? `/inbox/events/${path}` : null;
}
