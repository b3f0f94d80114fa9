/** Where things are: Airflow may live below a path of its own, such as /team-a. */

const UI = "/airloop/ui";

/** What stands before Airflow's own paths, "" as a rule. */
export const prefix = location.pathname.split(UI)[0] ?? "";

/** Address of one of our pages; `to` starts with "/". */
export const page = (to: string): string => `${prefix}${UI}${to}`;

/** The path of a page below ours, for an address. */
export const below = (pathname: string): string => pathname.split(UI)[1] || "/";

/** Address that is asked for data: Airflow's own for `/api/v2/…`, else ours. */
export const api = (path: string): string =>
  path.startsWith("/api/v2/") ? prefix + path : `${prefix}/airloop/api${path}`;

/** Address for a text that the server gives: below /airloop, one of Airflow's pages, or anywhere on the web; else "#". */
export function given(url: string): string {
  if (/^\/(?!\/)/.test(url)) return prefix + url;
  return /^https?:\/\//.test(url) ? url : "#";
}

/** A part of an address as it was meant; as it stands where it is misspelt. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a pipeline's page, for `Link`. */
export const pipeline = (name: string, section = ""): string =>
  `/pipelines/${encodeURIComponent(name)}${section && `#${section}`}`;

/** The address of the page that tells why, for `Link`; `query` as the server gives it. */
export const why = (name: string, query: string): string => `/pipelines/${encodeURIComponent(name)}/why?${query}`;

/** What Airflow puts into the address of a tab to say which of its pages the tab is in. */
export const PLACE: readonly string[] = ["dag_id", "run_id", "task_id"];

/** The page at `path` with another query, `to`: "?…", with or without "#…". A tab stays with what it is about. */
export function requeried(path: string, search: string, to: string): string {
  const [asked = "", ...hash] = to.split(/(?=#)/);
  const about = below(path) === "/at" ? [...new URLSearchParams(search)].filter(([key]) => PLACE.includes(key)) : [];
  const query = [new URLSearchParams(about).toString(), asked.slice(1)].filter(Boolean).join("&");
  return path + (query && `?${query}`) + hash.join("");
}
