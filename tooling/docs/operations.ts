import { operations } from "../../server/src/contract.ts";

/** Every operation with its doors and who may pass them: the permission table, made from the declarations. */
export function operationsPage(): string {
  const rows = operations.map(({ name, title, method, path, cli, risk, roles }) =>
    [
      `\`${name}\``,
      title,
      `\`${method} /api${path}\``,
      `\`purser ${cli.words}\``,
      risk,
      roles.join(", "),
    ].join(" | "),
  );
  return `# Operations

Made from the code by \`npm run docs\`. The schemas are in \`GET /api/openapi.json\`; every \`write\` and
\`dangerous\` operation has a preview at \`POST /api/preview/<name>\` and \`--preview\`.

| operation | what it does | REST | command line | risk | roles |
|---|---|---|---|---|---|
${rows.map((row) => `| ${row} |`).join("\n")}
`;
}
