/** Where the server tells about a pipeline. */

/** The path of what is asked about a pipeline, without what is empty in the query. */
export function pathOf(name: string, what = "", asks: Record<string, string> = {}): string {
  const query = new URLSearchParams(Object.entries(asks).filter(([, value]) => value)).toString();
  return `/pipelines/${encodeURIComponent(name)}${what && `/${what}`}${query && `?${query}`}`;
}
