import { Component, type ReactNode } from "react";

import { ErrorState } from "../kit/error-state.tsx";
import { failureOf } from "./client.ts";

interface RoomBoundaryProps {
  readonly children: ReactNode;
}

/** A room that breaks takes itself down, not the frame. React offers this only as a class. */
export class RoomBoundary extends Component<RoomBoundaryProps, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    if (this.state.error === null) {
      return this.props.children;
    }
    return (
      <ErrorState
        failure={failureOf(this.state.error)}
        kept="Nothing was changed by this. A newer console may have been installed meanwhile."
        onRetry={() => location.reload()}
      />
    );
  }
}
