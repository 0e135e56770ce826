/** Where a thing is shown, by what its id says it is; null for ids that have no page. */
export function addressOf(id: string): string | null {
  const bare = id.includes(":") ? id.slice(id.indexOf(":") + 1) : id;
  const path = encodeURIComponent(bare);
  if (/^(?:cus|org)_/u.test(bare)) {
    return `/customers/${path}`;
  }
  if (/^sub_/u.test(bare)) {
    return `/subscriptions/${path}`;
  }
  if (/^in_/u.test(bare)) {
    return `/invoices/${path}`;
  }
  return /^evt_/u.test(bare) ? `/inbox/events/${path}` : null;
}
