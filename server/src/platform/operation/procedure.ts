import { oc } from "@orpc/contract";
import type { z } from "zod";

import type { Operation } from "./operation.ts";

/** The operation as an oRPC contract: the typed client and the OpenAPI document are made from it. */
export function toProcedure<I extends z.ZodType, O extends z.ZodType>(operation: Operation<I, O>) {
  return oc
    .route({
      method: operation.method,
      path: operation.path,
      operationId: operation.name,
      summary: operation.title,
      description: `${operation.summary}\n\nRoles: ${operation.roles.join(", ")}. Risk: ${operation.risk}.`,
      tags: [operation.name.split(".")[0] ?? operation.name],
    })
    .input(operation.input)
    .output(operation.output);
}
