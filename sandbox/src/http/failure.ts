/** A refusal in Stripe's error shape; `status` is the HTTP status. */
export interface FailureDetail {
  readonly status: number;
  readonly type: "api_error" | "card_error" | "idempotency_error" | "invalid_request_error";
  readonly message: string;
  readonly code?: string;
  readonly param?: string;
  readonly decline_code?: string;
  readonly advice_code?: string;
  readonly charge?: string;
  /** Stripe puts the object that could not be paid into the error. */
  readonly attached?: {
    readonly name: "payment_intent" | "payment_method" | "setup_intent";
    readonly id: string;
  };
  readonly headers?: Readonly<Record<string, string>>;
}

export class StripeFailure extends Error {
  readonly detail: FailureDetail;
  constructor(detail: FailureDetail) {
    super(detail.message);
    this.name = "StripeFailure";
    this.detail = detail;
  }
}

/** 400 invalid_request_error. */
export function invalid(message: string, param?: string, code?: string): StripeFailure {
  return new StripeFailure({
    status: 400,
    type: "invalid_request_error",
    message,
    ...(param === undefined ? {} : { param }),
    ...(code === undefined ? {} : { code }),
  });
}

/** 404 resource_missing, with Stripe's wording. */
export function missing(noun: string, id: string, param = "id"): StripeFailure {
  return new StripeFailure({
    status: 404,
    type: "invalid_request_error",
    code: "resource_missing",
    message: `No such ${noun}: '${id}'`,
    param,
  });
}

/** 400 parameter_missing. */
export function required(param: string): StripeFailure {
  return invalid(`Missing required param: ${param}.`, param, "parameter_missing");
}
