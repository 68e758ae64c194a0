// The protocol as client/tacit/wire defines it; only what the console reads.

export type Cell = boolean | number | string | null;
export type Kind = "key" | "noisy" | "derived" | "public";
export type Type = "integer" | "number" | "string" | "boolean" | "date" | "timestamp" | "null";

export interface Spend { epsilon: string; delta: string }

export interface QueryRequest {
  dataset: string;
  sql: string;
  epsilon?: string;
  max_rows?: number | string;
  max_groups?: number | string;
  max_amount?: number | string;
  accuracy?: string;
  bias_check?: boolean;
  approx_bounds?: boolean;
  fresh?: boolean;
}

export interface Mechanism {
  release_point: string;
  measure: string;
  mechanism: string;
  unit_scale: number;
  threshold: number | null;
  epsilon: string;
  delta: string;
  contribution: string;
}

export interface Column { name: string; type: Type; kind: Kind }

export interface Receipt {
  charged: Spend;
  remaining: Spend;
  held: boolean;
  confidence: number;
  mechanisms: Mechanism[];
  plan: string;
  ledger: { sequence: number; hash: string } | null;
  charge_id: string | null;
  response_ms: number | null;
  in_words: string;
  notes: string[];
  bias: BiasShare[];
}

// How much of a query its bounds cut away, noisy: a share of the total, and where it lies with 95 %.
export interface BiasShare { release_point: string; what: "rows" | "units" | "amount"; of: string; share: number; low: number; high: number; epsilon: string; text: string }

export interface Answer {
  release_id: string;
  dataset: string;
  sql: string;
  created_at: string;
  columns: Column[];
  rows: Cell[][];
  intervals: ([number, number] | null)[][];
  membership: number[] | null;
  receipt: Receipt;
}

export interface QuotedColumn { name: string; kind: Kind; type: Type | null; plus_minus: number | null; note: string | null }

export interface Quote {
  dataset: string;
  price: Spend;
  affordable: boolean;
  held: boolean;
  remaining: Spend;
  more_like_this: number | null;
  share: number | null;
  columns: QuotedColumn[];
  release_points: { name: string; keys: string; groups: number | null; measurements: Mechanism[] }[];
  notes: string[];
  plan: string;
}

export interface ColumnFacts {
  name: string;
  type: string;
  bounds: Cell[] | null;
  precision: string | null;
  categories: Cell[] | null;
  nullable: boolean | null;
  is_privacy_unit: boolean;
  description: string;
}

export interface TableFacts {
  name: string;
  public: boolean;
  one_row_per_unit: boolean;
  unit_path: string[];
  columns: ColumnFacts[];
  description: string;
}

export interface DatasetFacts {
  name: string;
  description: string;
  privacy_unit: string;
  privacy_unit_column: string;
  tables: TableFacts[];
  max_groups: number;
  max_rows: number;
  max_rows_per_group: number;
  default_epsilon: string;
  max_epsilon: string;
  default_delta: string;
  functions: string[];
}

export interface Pace { period: "day" | "month"; limit: string; remaining: string; ends: string }
export interface Group { name: string; limit: Spend; spent: Spend; remaining: Spend; pace: Pace | null }
export interface Account {
  dataset: string; limit: Spend; spent: Spend; remaining: Spend; dataset_remaining: Spend | null; releases: number;
  in_words: string; pending: Spend | null; group: Group | null; pace: Pace | null; dataset_pace: Pace | null;
}
export interface Budget { analyst: string; accounts: Account[] }
export interface Me { principal: string; role: "analyst" | "owner" | "auditor"; key_id: string; expires_at: string | null; datasets: string[] }
export interface ReleaseItem { release_id: string; dataset: string; created_at: string; sql: string; charged: Spend }

export interface Charge {
  charge_id: string; sequence: number; at: string; dataset: string; analyst: string; sql: string;
  status: "pending" | "released" | "failed" | "voided" | "settled"; cost: Spend; paid_by_dataset: boolean | null; release_id: string | null;
}
export interface Spending { dataset: string; days: { day: string; charges: number; spent: Spend }[]; charges: Charge[]; pending: Charge[]; complete: boolean }
export interface History { charges: Charge[]; next_before: number | null }

export interface OwnedAccount {
  dataset: string; analyst: string | null; state: "open" | "frozen" | "closed"; declared_by: "policy" | "owner";
  limit: Spend; spent: Spend; remaining: Spend; charges: number; pace: { period: "day" | "month"; epsilon: string } | null;
}
export interface Key { key_id: string; principal: string; role: string; datasets: string[]; created_at: string; expires_at: string | null; revoked_at: string | null }
export interface NewKey { secret: string; key: Key }
export interface Analyst { name: string; accounts: OwnedAccount[]; keys: string[] }
export interface Entry { sequence: number; kind: string; body: string; previous: string; hash: string }
export interface Journal { entries: Entry[]; head: { sequence: number; hash: string } }
export interface Total { spent: Spend; in_words: string; pld_epsilon: number | null; pld_delta: string; note: string }

export interface Verification { ok: boolean; head: { sequence: number; hash: string }; accounts: number; charges: number; releases: number; findings: string[] }

export interface PolicyLine { line: number; level: "ok" | "note" | "error"; path: string; text: string; fix: string }
export interface PolicyReading { ok: boolean; dataset: string | null; text: string; digest: string | null; lines: PolicyLine[] }
export interface Trial { epsilon: string; delta: string; plus_minus: number | null; error: number | null; shown: number | null; fits: number }
export interface Tried { sql: string; about: string; column: string | null; rows: number; trials: Trial[]; refused: string | null }
export interface Rehearsal { ok: boolean; dataset: string | null; lines: PolicyLine[]; tables: Record<string, number>; yearly: Spend | null; questions: Tried[]; notes: string[] }

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
export interface TrainingQuote { dataset: string; price: Spend; affordable: boolean; remaining: Spend; parameters: Record<string, Json>; epsilon_by_epoch: [number, number][]; features: string[]; label: string; notes: string[] }
export interface TrainingJob {
  id: string; status: "queued" | "running" | "succeeded" | "failed" | "cancelled"; dataset: string; sql: string; label: string; model: Record<string, Json>;
  price: Spend; charged: Spend; steps: number; steps_begun: number; steps_done: number; parameters: Record<string, Json>;
  epsilon_so_far?: number; created_at: string; started_at: string | null; finished_at: string | null; code: string | null;
}
// curves.json, among the artifacts: what was measured of a run, as far as it tells nothing about people.
export interface Curves { training: { step: number; update_norm?: number; weight_norm?: number; validation_accuracy?: number }[] }
export interface Feature { name: string; kind: "number" | "category" | "image"; type: string; low: number; high: number; categories: Cell[] }
export interface Predictions { predictions: Cell[]; classes: Cell[] | null; scores: number[][] | null }
export interface AuditFinding { name: string; claimed: number; found: number; holds: boolean }
export interface AttackFinding { name: string; on: string; found: number; interval?: [number, number] | null; without_noise?: number | null; without_noise_interval?: [number, number] | null; epsilon_at_least?: number | null; claimed?: number | null; holds: boolean }
export type ModelCard = Record<string, Json> & { epsilon: number; delta: number; epsilon_by_epoch: [number, number][]; limits: string[] };
export interface Schema { type?: string; description?: string; examples?: Json[]; default?: Json; anyOf?: Schema[]; maxLength?: number; items?: Schema }
export interface ObjectSchema { properties: Record<string, Schema>; required?: string[] }

export interface Problem {
  field?: string | null;
  fields?: { field: string; reason: string }[] | null;
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  hint?: string | null;
  rule?: string | null;
  suggestion?: string | null;
  position?: { line?: number; column?: number; start?: number; end?: number } | null;
}
