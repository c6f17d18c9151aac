/** The series of /metrics, as written there, with their values. */
export type Metrics = Readonly<Record<string, number>>;

export async function scrapeMetrics({ url }: { readonly url: string }): Promise<Metrics> {
  const response = await fetch(`${url}/metrics`);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`/metrics answered ${response.status}: ${text}`);
  return parseMetrics(text);
}

/** The series of one metric by their labels, as written on the page. */
export function findSeries(metrics: Metrics, name: string): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics)
      .filter(([series]) => series === name || series.startsWith(`${name}{`))
      .map(([series, value]) => [series.slice(name.length), value]),
  );
}

export function parseMetrics(text: string): Metrics {
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}
