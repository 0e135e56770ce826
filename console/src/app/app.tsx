import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Route, Switch } from "wouter";

import { Bones } from "../kit/bones.tsx";
import { EmptyState } from "../kit/empty-state.tsx";
import { ErrorState } from "../kit/error-state.tsx";
import { ActProvider } from "./act.tsx";
import { failureOf } from "./client.ts";
import { Frame } from "./frame.tsx";
import { queryClient } from "./queries.ts";
import { RoomBoundary } from "./room-boundary.tsx";
import { useSession } from "./session.ts";
import { cssVariables, theme } from "./theme.ts";

const Today = lazy(async () => ({ default: (await import("../rooms/today/today.tsx")).Today }));
const Inbox = lazy(async () => ({ default: (await import("../rooms/inbox/inbox.tsx")).Inbox }));
const EventPage = lazy(async () => ({
  default: (await import("../rooms/inbox/event-page.tsx")).EventPage,
}));
const Customers = lazy(async () => ({
  default: (await import("../rooms/customers/customers.tsx")).Customers,
}));
const CustomerPage = lazy(async () => ({
  default: (await import("../rooms/customers/customer-page.tsx")).CustomerPage,
}));
const Subscriptions = lazy(async () => ({
  default: (await import("../rooms/records/subscriptions.tsx")).Subscriptions,
}));
const Invoices = lazy(async () => ({
  default: (await import("../rooms/records/invoices.tsx")).Invoices,
}));
const Payments = lazy(async () => ({
  default: (await import("../rooms/records/payments.tsx")).Payments,
}));
const ProblemPage = lazy(async () => ({
  default: (await import("../rooms/problems/problem-page.tsx")).ProblemPage,
}));
const SubscriptionPage = lazy(async () => ({
  default: (await import("../rooms/records/subscription-page.tsx")).SubscriptionPage,
}));
const InvoicePage = lazy(async () => ({
  default: (await import("../rooms/records/invoice-page.tsx")).InvoicePage,
}));
const Operations = lazy(async () => ({
  default: (await import("../rooms/operations/operations.tsx")).Operations,
}));
const OperationPage = lazy(async () => ({
  default: (await import("../rooms/operations/operation-page.tsx")).OperationPage,
}));
const SignIn = lazy(async () => ({
  default: (await import("../rooms/sign-in/sign-in.tsx")).SignIn,
}));
const KitPage = lazy(async () => ({
  default: (await import("../rooms/kit/kit-page.tsx")).KitPage,
}));

/** One tree for the page: colours, answers, the session, then the rooms. */
export function App() {
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={queryClient}>
        <ActProvider>
          <Switch>
            <Route path="/kit">
              <Suspense fallback={<Coming />}>
                <KitPage />
              </Suspense>
            </Route>
            <Route path="/docs/problems">
              <Suspense fallback={<Coming />}>
                <ProblemPage />
              </Suspense>
            </Route>
            <Route>
              <SignedIn />
            </Route>
          </Switch>
        </ActProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}

function SignedIn() {
  const session = useSession();
  if (session.data === undefined) {
    return session.error === null ? null : (
      <main>
        <ErrorState failure={failureOf(session.error)} onRetry={() => void session.refetch()} />
      </main>
    );
  }
  if (session.data === null) {
    return (
      <Suspense fallback={null}>
        <SignIn />
      </Suspense>
    );
  }
  return (
    <Frame session={session.data}>
      <RoomBoundary>
        <Suspense fallback={<Coming />}>
          <Rooms />
        </Suspense>
      </RoomBoundary>
    </Frame>
  );
}

function Rooms() {
  return (
    <Switch>
      <Route path="/" component={Today} />
      <Route path="/inbox" component={Inbox} />
      <Route path="/inbox/events/:id">{({ id }) => <EventPage id={id} />}</Route>
      <Route path="/customers" component={Customers} />
      <Route path="/customers/:id">{({ id }) => <CustomerPage id={id} />}</Route>
      <Route path="/subscriptions" component={Subscriptions} />
      <Route path="/invoices" component={Invoices} />
      <Route path="/payments" component={Payments} />
      <Route path="/subscriptions/:id">{({ id }) => <SubscriptionPage id={id} />}</Route>
      <Route path="/invoices/:id">{({ id }) => <InvoicePage id={id} />}</Route>
      <Route path="/operations" component={Operations} />
      <Route path="/operations/:name">
        {({ name }) => <OperationPage key={name} name={name} />}
      </Route>
      <Route>
        <EmptyState title="There is no such page">
          The address may be cut off, or from a newer version. Ctrl K finds anything by its id.
        </EmptyState>
      </Route>
    </Switch>
  );
}

function Coming() {
  return (
    <div style={{ padding: 16 }}>
      <Bones lines={12} label="Loading the page" />
    </div>
  );
}
