// Calls to the service that served this page. The key lives in memory and, where wanted, in this tab's sessionStorage.

import type {
  Account, Analyst, Answer, Budget, DatasetFacts, History, Journal, Key, Me, ModelCard, NewKey, ObjectSchema, OwnedAccount, PolicyReading, Problem, QueryRequest, Quote,
  Rehearsal, ReleaseItem, Spending, TrainingJob, TrainingQuote, Verification,
} from "./wire";

const KEY = "tacit.key";
const ARROW = "application/vnd.apache.arrow.stream";
const PARQUET = "application/vnd.apache.parquet";

export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

let key = sessionStorage.getItem(KEY) ?? "";
let onSignedOut: () => void = () => undefined;

export const session = {
  get present(): boolean { return key !== ""; },
  start(secret: string, keep: boolean): void {
    key = secret;
    if (keep) sessionStorage.setItem(KEY, secret);
  },
  end(): void {
    key = "";
    sessionStorage.clear();
  },
  whenRejected(action: () => void): void { onSignedOut = action; },
};

interface Options { body?: unknown; signal?: AbortSignal; accept?: string; idempotencyKey?: string }

async function call(method: string, path: string, options: Options = {}): Promise<Response> {
  const headers: Record<string, string> = { Authorization: `Bearer ${key}`, Accept: options.accept ?? "application/json" };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (options.idempotencyKey) headers["Idempotency-Key"] = options.idempotencyKey;
  const response = await fetch(path, {
    method,
    headers,
    body: options.body === undefined ? null : JSON.stringify(options.body),
    signal: options.signal ?? null,
    credentials: "omit",
    cache: "no-store",
  });
  if (response.ok) return response;
  const problem = await response.json().catch(() => null) as Problem | null;
  if (response.status === 401 && session.present) onSignedOut();
  throw new Refused(problem ?? { type: "", title: "The service did not answer", status: response.status, detail: `HTTP ${response.status}.`, code: "unknown" });
}

async function json<T>(method: string, path: string, options: Options = {}): Promise<T> {
  return await (await call(method, path, options)).json() as T;
}

const at = encodeURIComponent;

export const api = {
  me: () => json<Me>("GET", "/v1/me"),
  facts: (dataset: string) => json<DatasetFacts>("GET", `/v1/datasets/${at(dataset)}`),
  budget: async (): Promise<Account[]> => (await json<Budget>("GET", "/v1/budget")).accounts,
  releases: async (dataset: string): Promise<ReleaseItem[]> =>
    (await json<{ releases: ReleaseItem[] }>("GET", `/v1/releases?limit=200&dataset=${at(dataset)}`)).releases,
  release: async (id: string) => bounded(await json<Answer>("GET", `/v1/releases/${at(id)}`)),
  arrow: async (id: string) => await (await call("GET", `/v1/releases/${at(id)}`, { accept: ARROW })).arrayBuffer(),
  parquet: async (id: string) => await (await call("GET", `/v1/releases/${at(id)}`, { accept: PARQUET })).arrayBuffer(),
  spending: (dataset: string) => json<Spending>("GET", `/v1/budget/history?limit=200&dataset=${at(dataset)}`),
  quote: (body: QueryRequest, signal?: AbortSignal) => json<Quote>("POST", "/v1/quotes", { body, signal }),
  explain: async (body: QueryRequest) => (await json<{ plan: string }>("POST", "/v1/explain", { body })).plan,

  // The same idempotency key on both tries: a connection that broke after the charge leads to the answer that was paid for.
  async query(body: QueryRequest, signal: AbortSignal): Promise<Answer> {
    const idempotencyKey = unique();
    try {
      return bounded(await json<Answer>("POST", "/v1/queries", { body, signal, idempotencyKey }));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return bounded(await json<Answer>("POST", "/v1/queries", { body, signal, idempotencyKey }));
    }
  },
};

export const training = {
  async schema(): Promise<ObjectSchema> {
    const document = await json<{ components: { schemas: Record<string, ObjectSchema> } }>("GET", "/v1/openapi.json");
    return document.components.schemas.TrainingRequest ?? { properties: {} };
  },
  quote: (body: unknown, signal?: AbortSignal) => json<TrainingQuote>("POST", "/v1/training-quotes", { body, signal }),
  submit: (body: unknown) => json<TrainingJob>("POST", "/v1/training-jobs", { body, idempotencyKey: unique() }),
  jobs: async (dataset: string) => (await json<{ jobs: TrainingJob[] }>("GET", `/v1/training-jobs?dataset=${at(dataset)}`)).jobs,
  job: (id: string) => json<TrainingJob>("GET", `/v1/training-jobs/${at(id)}`),
  cancel: (id: string) => json<TrainingJob>("POST", `/v1/training-jobs/${at(id)}/cancel`),
  card: (id: string) => json<ModelCard>("GET", `/v1/training-jobs/${at(id)}/card`),
  events: (id: string, signal: AbortSignal) => call("GET", `/v1/training-jobs/${at(id)}/events`, { accept: "text/event-stream", signal }),
  artifacts: (id: string) => json<{ artifacts: { name: string }[] }>("GET", `/v1/training-jobs/${at(id)}/artifacts`),
  file: async (id: string, path: string) => await (await call("GET", `/v1/training-jobs/${at(id)}/${path}`, { accept: "*/*" })).arrayBuffer(),
};

const admin = "/v1/admin";

export const owner = {
  analysts: async () => (await json<{ analysts: Analyst[] }>("GET", `${admin}/analysts`)).analysts,
  accounts: async (name: string) => (await json<{ accounts: OwnedAccount[] }>("GET", `${admin}/datasets/${at(name)}/accounts`)).accounts,
  history: (name: string, before?: number) => json<History>("GET", `${admin}/datasets/${at(name)}/history?limit=50${before ? `&before=${before}` : ""}`),
  policy: (name: string) => json<PolicyReading>("GET", `${admin}/datasets/${at(name)}/policy`),
  appoint: (name: string, body: unknown) => json<OwnedAccount>("POST", `${admin}/datasets/${at(name)}/analysts`, { body }),
  state: (name: string, body: unknown) => json<OwnedAccount>("POST", `${admin}/datasets/${at(name)}/state`, { body }),
  pace: (name: string, body: unknown) => json<OwnedAccount>("POST", `${admin}/datasets/${at(name)}/pace`, { body }),
  transfer: (name: string, body: unknown) => json<unknown>("POST", `${admin}/datasets/${at(name)}/transfer`, { body }),
  keys: async () => (await json<{ keys: Key[] }>("GET", `${admin}/keys`)).keys,
  addKey: (body: unknown) => json<NewKey>("POST", `${admin}/keys`, { body }),
  rotate: (id: string, body: unknown) => json<NewKey>("POST", `${admin}/keys/${at(id)}/rotate`, { body }),
  grant: (id: string, body: unknown) => json<Key>("POST", `${admin}/keys/${at(id)}/grants`, { body }),
  revoke: (id: string) => json<Key>("POST", `${admin}/keys/${at(id)}/revoke`),
  journal: (after: number) => json<Journal>("GET", `${admin}/journal?limit=50&after=${after}`),
  verify: () => json<Verification>("GET", `${admin}/verify`),
  checkpoint: () => json<{ checkpoint: string; origin: string; public_key: string }>("GET", `${admin}/checkpoint`),
  check: (policy: string, signal?: AbortSignal) => json<PolicyReading>("POST", `${admin}/policies/check`, { body: { policy }, signal }),
  rehearse: (body: unknown, signal?: AbortSignal) => json<Rehearsal>("POST", `${admin}/policies/rehearsal`, { body, signal }),
};

// JSON has no infinity: an end that is null is not bounded.
function bounded(answer: Answer): Answer {
  const end = (value: number | null, none: number): number => value ?? none;
  const intervals = answer.intervals.map((row) => row.map((ends): [number, number] | null => ends && [end(ends[0], -Infinity), end(ends[1], Infinity)]));
  return { ...answer, intervals };
}

function unique(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function words(error: unknown): string {
  if (error instanceof Refused) return [error.problem.detail, error.problem.hint].filter(Boolean).join(" ");
  if (error instanceof TypeError) return "The service cannot be reached.";
  return error instanceof Error ? error.message : String(error);
}
