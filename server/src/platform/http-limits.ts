/** No body that a provider or a person sends comes near it. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** Slow and swollen requests end before any of our code sees them; figures from the fault catalogue (F7, F10-F12), in ms and bytes. */
export const SERVER_LIMITS = {
  requestTimeout: 15_000,
  /** A client that neither reads nor writes for this long is gone; streams send a heartbeat every 15 seconds. */
  connectionTimeout: 30_000,
  keepAliveTimeout: 72_000,
  http: {
    headersTimeout: 10_000,
    maxHeaderSize: 16_384,
    /** How often Node looks for requests that are too slow; its default of 30 s would let them live three times as long. */
    connectionsCheckingInterval: 2_000,
  },
} as const;
