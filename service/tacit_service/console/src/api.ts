// Calls to the service that served this page. The key lives in memory and, where wanted, in this tab's sessionStorage.

import type {
  Account, Analyst, Answer, Budget, Cell, DatasetFacts, History, Journal, Key, Me, ModelCard, NewKey, ObjectSchema, OwnedAccount, PolicyReading, Predictions, Problem, QueryRequest, Quote,
  Rehearsal, ReleaseItem, Spending, Total, TrainingJob, TrainingQuote, Verification,
} from "./wire";

const KEY = "tacit.key";
const ARROW = "application/vnd.apache.arrow.stream";
const PARQUET = "application/vnd.apache.parquet";

export class Refused extends Error {
  constructor(readonly problem: Problem, readonly retryAfter = Infinity) {
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

interface Options { body?: unknown; signal?: AbortSignal | undefined; accept?: string; idempotencyKey?: string }

const RETRIES = 2;
const RETRY_WAIT_S_MAX = 30;
const BACKOFF_MS = 200;
const FREE = /^\/v1\/(quotes|explain|training-quotes)$/;

// As the SDK does: a connection that broke, and a 503 or 429 that says Retry-After, are tried again, where trying again cannot do a thing
// twice: reads, free questions, and what carries an idempotency key. So a charge whose answer was lost leads to the answer that was paid for.
async function call<T>(method: string, path: string, options: Options, read: (response: Response) => Promise<T>): Promise<T> {
  const repeatable = method === "GET" || options.idempotencyKey !== undefined || FREE.test(path);
  for (let failures = 0, waited = 0; ; failures += 1) {
    let pause: number;
    try {
      return await read(await once(method, path, options));
    } catch (error) {
      pause = error instanceof Refused ? error.retryAfter * 1000 : error instanceof TypeError ? BACKOFF_MS * 2 ** failures * (0.5 + Math.random() / 2) : Infinity;
      // the first copy of this very request is still at work: asked again for a while, which counts as no failure
      const working = error instanceof Refused && error.problem.code === "idempotency_in_progress";
      if (working) failures -= 1;
      waited += working ? pause : 0;
      if (!repeatable || failures >= RETRIES || Math.max(pause, waited) > RETRY_WAIT_S_MAX * 1000) throw error;
    }
    await pausing(pause, options.signal);
  }
}

function pausing(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done, stop) => {
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", () => { clearTimeout(timer); stop(signal.reason as Error); }, { once: true });
  });
}

async function once(method: string, path: string, options: Options): Promise<Response> {
  const own = key;
  const headers: Record<string, string> = { Authorization: `Bearer ${own}`, Accept: options.accept ?? "application/json" };
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
  // a late answer about a key that was signed out meanwhile says nothing about the one that is in use
  if (response.status === 401 && own === key && session.present) onSignedOut();
  throw new Refused(problem ?? { type: "", title: "The service did not answer", status: response.status, detail: `HTTP ${response.status}.`, code: "unknown" },
    again(response, problem?.code));
}

// In how many seconds the same request may succeed; infinite when it will not.
function again(response: Response, code: string | undefined): number {
  const told = response.headers.get("Retry-After");
  const seconds = told === null ? NaN : /^\d+$/.test(told.trim()) ? Number(told) : Math.max(0, (Date.parse(told) - Date.now()) / 1000);
  if (code === "idempotency_in_progress") return Number.isNaN(seconds) ? 0.5 : seconds;
  return [429, 503].includes(response.status) && !Number.isNaN(seconds) ? seconds : Infinity;
}

async function json<T>(method: string, path: string, options: Options = {}): Promise<T> {
  return await call(method, path, options, (response) => response.json() as Promise<T>);
}

const at = encodeURIComponent;
const bytes = (response: Response): Promise<ArrayBuffer> => response.arrayBuffer();

export const api = {
  me: (signal?: AbortSignal) => json<Me>("GET", "/v1/me", { signal }),
  facts: (dataset: string, signal?: AbortSignal) => json<DatasetFacts>("GET", `/v1/datasets/${at(dataset)}`, { signal }),
  budget: async (signal?: AbortSignal): Promise<Account[]> => (await json<Budget>("GET", "/v1/budget", { signal })).accounts,
  releases: async (dataset: string, signal?: AbortSignal): Promise<ReleaseItem[]> =>
    (await json<{ releases: ReleaseItem[] }>("GET", `/v1/releases?limit=200&dataset=${at(dataset)}`, { signal })).releases,
  release: async (id: string, signal?: AbortSignal) => bounded(await json<Answer>("GET", `/v1/releases/${at(id)}`, { signal })),
  arrow: (id: string, body: QueryRequest | null) => file(id, body, ARROW),
  parquet: (id: string, body: QueryRequest | null) => file(id, body, PARQUET),
  spending: (dataset: string, signal?: AbortSignal) => json<Spending>("GET", `/v1/budget/history?limit=200&dataset=${at(dataset)}`, { signal }),
  quote: (body: QueryRequest, signal?: AbortSignal) => json<Quote>("POST", "/v1/quotes", { body, signal }),
  explain: async (body: QueryRequest, signal?: AbortSignal) => (await json<{ plan: string }>("POST", "/v1/explain", { body, signal })).plan,

  query: async (body: QueryRequest, signal: AbortSignal): Promise<Answer> =>
    bounded(await json<Answer>("POST", "/v1/queries", { body, signal, idempotencyKey: unique() })),

  // The answer that a held release gives to this statement; null where it would have to be bought.
  again: async (body: QueryRequest, signal: AbortSignal): Promise<Answer | null> =>
    (await api.quote(body, signal)).held ? await api.query(body, signal) : null,
};

// A release as a file; where the answer only follows from the release, that answer.
async function file(id: string, body: QueryRequest | null, accept: string): Promise<ArrayBuffer> {
  if (!body) return await call("GET", `/v1/releases/${at(id)}`, { accept }, bytes);
  if (!(await api.quote(body)).held) throw new Error("The release that this answer follows from is not held any more.");
  return await call("POST", "/v1/queries", { body, accept, idempotencyKey: unique() }, bytes);
}

export const training = {
  async schema(signal?: AbortSignal): Promise<ObjectSchema> {
    const document = await json<{ components: { schemas: Record<string, ObjectSchema> } }>("GET", "/v1/openapi.json", { signal });
    return document.components.schemas.TrainingRequest ?? { properties: {} };
  },
  quote: (body: unknown, signal?: AbortSignal) => json<TrainingQuote>("POST", "/v1/training-quotes", { body, signal }),
  submit: (body: unknown) => json<TrainingJob>("POST", "/v1/training-jobs", { body, idempotencyKey: unique() }),
  jobs: async (dataset: string, signal?: AbortSignal) => (await json<{ jobs: TrainingJob[] }>("GET", `/v1/training-jobs?dataset=${at(dataset)}`, { signal })).jobs,
  job: (id: string, signal?: AbortSignal) => json<TrainingJob>("GET", `/v1/training-jobs/${at(id)}`, { signal }),
  cancel: (id: string) => json<TrainingJob>("POST", `/v1/training-jobs/${at(id)}/cancel`),
  card: (id: string) => json<ModelCard>("GET", `/v1/training-jobs/${at(id)}/card`),
  predict: (id: string, rows: Record<string, Cell>[]) => json<Predictions>("POST", `/v1/training-jobs/${at(id)}/predictions`, { body: { rows } }),
  events: (id: string, signal: AbortSignal) => call("GET", `/v1/training-jobs/${at(id)}/events`, { accept: "text/event-stream", signal }, async (response) => response),
  artifacts: (id: string) => json<{ artifacts: { name: string }[] }>("GET", `/v1/training-jobs/${at(id)}/artifacts`),
  file: (id: string, path: string) => call("GET", `/v1/training-jobs/${at(id)}/${path}`, { accept: "*/*" }, bytes),
};

const admin = "/v1/admin";

export const owner = {
  analysts: async (signal?: AbortSignal) => (await json<{ analysts: Analyst[] }>("GET", `${admin}/analysts`, { signal })).analysts,
  accounts: async (name: string, signal?: AbortSignal) => (await json<{ accounts: OwnedAccount[] }>("GET", `${admin}/datasets/${at(name)}/accounts`, { signal })).accounts,
  history: (name: string, before?: number, signal?: AbortSignal) => json<History>("GET", `${admin}/datasets/${at(name)}/history?limit=50${before ? `&before=${before}` : ""}`, { signal }),
  pending: (name: string, signal?: AbortSignal) => json<History>("GET", `${admin}/datasets/${at(name)}/pending?limit=50`, { signal }),
  total: (name: string) => json<Total>("GET", `${admin}/datasets/${at(name)}/total`),
  policy: (name: string, signal?: AbortSignal) => json<PolicyReading>("GET", `${admin}/datasets/${at(name)}/policy`, { signal }),
  appoint: (name: string, body: unknown) => json<OwnedAccount>("POST", `${admin}/datasets/${at(name)}/analysts`, { body }),
  state: (name: string, body: unknown) => json<OwnedAccount>("POST", `${admin}/datasets/${at(name)}/state`, { body }),
  pace: (name: string, body: unknown) => json<OwnedAccount>("POST", `${admin}/datasets/${at(name)}/pace`, { body }),
  transfer: (name: string, body: unknown) => json<unknown>("POST", `${admin}/datasets/${at(name)}/transfer`, { body }),
  keys: async (signal?: AbortSignal) => (await json<{ keys: Key[] }>("GET", `${admin}/keys`, { signal })).keys,
  addKey: (body: unknown) => json<NewKey>("POST", `${admin}/keys`, { body }),
  rotate: (id: string, body: unknown) => json<NewKey>("POST", `${admin}/keys/${at(id)}/rotate`, { body }),
  grant: (id: string, body: unknown) => json<Key>("POST", `${admin}/keys/${at(id)}/grants`, { body }),
  revoke: (id: string) => json<Key>("POST", `${admin}/keys/${at(id)}/revoke`),
  journal: (after: number, signal?: AbortSignal) => json<Journal>("GET", `${admin}/journal?limit=50&after=${after}`, { signal }),
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

export const calledOff = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";

export function words(error: unknown): string {
  if (error instanceof Refused) return [error.problem.detail, error.problem.hint].filter(Boolean).join(" ");
  if (error instanceof TypeError) return "The service cannot be reached.";
  return error instanceof Error ? error.message : String(error);
}
