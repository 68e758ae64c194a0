// Taking an answer along: CSV, Parquet, Arrow, SVG, PNG, the clipboard.

import { api } from "./api";
import { download } from "./dom";
import type { Answer, Cell, QueryRequest } from "./wire";

function field(cell: Cell): string {
  if (cell === null || typeof cell === "number" && !Number.isFinite(cell)) return "";
  const text = String(cell);
  // A spreadsheet would run a text that starts like a formula; a leading apostrophe keeps it a text.
  const safe = typeof cell === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r\t]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

// Each measured column is followed by its interval, under the names that the Arrow stream has too.
export function rows(answer: Answer, order: number[]): Cell[][] {
  const measured = answer.columns.map((column) => column.kind === "noisy" || column.kind === "derived");
  const head = answer.columns.flatMap((column, at) => measured[at] ? [column.name, `${column.name}__low`, `${column.name}__high`] : [column.name]);
  const body = order.map((index) => answer.columns.flatMap((_, at) => {
    const value = answer.rows[index]?.[at] ?? null;
    const ends = answer.intervals[index]?.[at];
    return measured[at] ? [value, ends?.[0] ?? null, ends?.[1] ?? null] : [value];
  }));
  return [head, ...body];
}

export function csv(answer: Answer, order: number[]): string {
  return rows(answer, order).map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
}

export const saveCsv = (answer: Answer, order: number[]): void => download(`${answer.release_id}.csv`, csv(answer, order), "text/csv");

export async function copy(answer: Answer, order: number[]): Promise<void> {
  const clean = (cell: Cell): string => String(cell ?? "").replace(/[\t\n\r]/g, " ");
  await navigator.clipboard.writeText(rows(answer, order).map((row) => row.map(clean).join("\t")).join("\n"));
}

export async function saveArrow(answer: Answer, asked: QueryRequest | null): Promise<void> {
  download(`${answer.release_id}.arrows`, await api.arrow(answer.release_id, asked), "application/vnd.apache.arrow.stream");
}

export async function saveParquet(answer: Answer, asked: QueryRequest | null): Promise<void> {
  download(`${answer.release_id}.parquet`, await api.parquet(answer.release_id, asked), "application/vnd.apache.parquet");
}

export const saveReceipt = (answer: Answer): void => download(`${answer.release_id}.json`, JSON.stringify(answer, null, 2), "application/json");

const source = (chart: SVGElement): string => new XMLSerializer().serializeToString(chart);

export const saveSvg = (name: string, chart: SVGElement): void => download(`${name}.svg`, source(chart), "image/svg+xml");

export async function savePng(name: string, chart: SVGElement): Promise<void> {
  const url = URL.createObjectURL(new Blob([source(chart)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = 2 * Number(chart.getAttribute("width"));
    canvas.height = 2 * Number(chart.getAttribute("height"));
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
    if (blob) download(`${name}.png`, blob, "image/png");
  } finally {
    URL.revokeObjectURL(url);
  }
}
