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
  notes: string[];
}

export interface Answer {
  release_id: string;
  dataset: string;
  sql: string;
  created_at: string;
  columns: Column[];
  rows: Cell[][];
  intervals: ([number, number] | null)[][];
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
  columns: QuotedColumn[];
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

export interface Account { dataset: string; limit: Spend; spent: Spend; remaining: Spend; dataset_remaining: Spend | null; releases: number }
export interface Budget { analyst: string; accounts: Account[] }
export interface Me { principal: string; role: "analyst" | "owner" | "auditor"; key_id: string; expires_at: string | null; datasets: string[] }
export interface ReleaseItem { release_id: string; dataset: string; created_at: string; sql: string; charged: Spend }

export interface Problem {
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
