import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

import { fakeApi } from "./dev/fake.ts";

/** The API that `npm run dev -w console` talks to: a Purser started beside it on its usual port. */
const API = "http://127.0.0.1:4000";

export default defineConfig(({ mode }) => ({
  plugins: [react(), ...(mode === "fake" ? [fakeApi()] : [])],
  build: {
    outDir: "dist",
    target: "es2023",
    sourcemap: false,
    // The budget of a first load is 250 KB compressed; a single room that outgrows this needs a split.
    chunkSizeWarningLimit: 600,
  },
  server: {
    host: "127.0.0.1",
    ...(mode === "fake"
      ? {}
      : {
          proxy: {
            "/api": { target: API, changeOrigin: false },
            "/health": { target: API, changeOrigin: false },
          },
        }),
  },
}));
