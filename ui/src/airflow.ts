/** The Airflow page around ours: we live in its iframe, which may not open windows or leave by itself. */
import { prefix } from "./address";

/** The window around ours, or null where our page is open by itself. */
export const around: Window | null = (() => {
  try {
    return window.parent !== window && window.parent.document ? window.parent : null;
  } catch {
    return null;
  }
})();

/** Whether the frame shows whatever its address says: then Airflow's own address follows ours. */
const isOwnPage = (): boolean => !!around && around.location.pathname.startsWith(`${prefix}/plugin/`);

/** Whether we are a tab of a DAG's, a run's or a task's page: going elsewhere then means to leave that page. */
export const isTab = (): boolean => !!around && !isOwnPage();

/** Tells Airflow that our address changed, so that the bar above can be shared and reloaded. */
export function mirror(): void {
  // Airflow reads the frame's address when the frame loads, and only then.
  if (isOwnPage()) window.frameElement?.dispatchEvent(new Event("load"));
}

/** Address for the bar above: one of our pages, in the frame of Airflow's menu. */
export const outside = (href: string): string =>
  around ? `${prefix}/plugin/airloop${href.slice(prefix.length)}` : href;

/** Opens one of Airflow's pages, or any other, in the window around ours; in a new tab where that is asked for. */
export function leave(href: string, inNewTab: boolean): void {
  const url = new URL(href, location.href);
  const view = around ?? window;
  if (!inNewTab && around && url.origin === location.origin && !url.pathname.startsWith(`${prefix}/airloop/`))
    return turn(around, url);
  const anchor = view.document.createElement("a");
  anchor.href = url.href;
  if (inNewTab) anchor.target = "_blank";
  anchor.rel = "noopener";
  view.document.body.append(anchor);
  anchor.click();
  anchor.remove();
}

/** Turns Airflow to another of its pages without loading all of it anew. */
function turn(view: Window, url: URL): void {
  const before = view.history.state as { idx?: number } | null;
  const state = { usr: null, key: Math.random().toString(36).slice(2, 10), idx: (before?.idx ?? 0) + 1 };
  view.history.pushState(state, "", url.href);
  view.dispatchEvent(new PopStateEvent("popstate", { state }));
}
