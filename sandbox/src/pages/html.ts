/** Text made safe inside HTML. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Minor units for people. */
export function amountText(amount: number, currency: string): string {
  return new Intl.NumberFormat("en", { style: "currency", currency }).format(amount / 100);
}

/** A whole page. */
export function layout(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title><style>body{font:16px/1.5 system-ui;max-width:34rem;margin:3rem auto;padding:0 1rem}
label{display:block;margin:.8rem 0}input,select{width:100%;padding:.4rem;font:inherit}button{padding:.5rem 1rem;font:inherit}
[role=alert]{color:#a00}</style><h1>${escapeHtml(title)}</h1>${body}<p><small>Purser sandbox: no real money moves here.</small></p></html>`;
}
