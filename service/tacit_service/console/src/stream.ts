// Server-sent events over fetch, since the browser's own EventSource cannot send the key.

export interface Told { event: string; data: Record<string, unknown> }

export async function* events(response: Response): AsyncGenerator<Told> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value.replaceAll("\r\n", "\n");
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const told = parse(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (told) yield told;
    }
  }
}

function parse(block: string): Told | null {
  let event = "message";
  const lines: string[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) lines.push(line.slice(5).trimStart());
  }
  if (!lines.length) return null;
  try {
    return { event, data: JSON.parse(lines.join("\n")) as Record<string, unknown> };
  } catch {
    return null;
  }
}
