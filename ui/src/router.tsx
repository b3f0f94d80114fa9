import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { below, decoded, page, requeried } from "./address";
import { isTab, leave, mirror, outside } from "./airflow";

/** Where we are. */
export interface Route {
  /** Below our pages, for example `/pipelines/flight_delays`. */
  path: string;
  query: URLSearchParams;
  /** Without the `#`. */
  hash: string;
}

const MOVED = "airloop:moved";

function here(): Route {
  const { pathname, search, hash } = location;
  return { path: below(pathname), query: new URLSearchParams(search), hash: decoded(hash.slice(1)) };
}

/** The whole address for `to`, which starts with "/", or is "?…" (this page with another query, "?" for none) or "#…". */
function address(to: string): string {
  // Never relative: the document has a base address, which everything relative would go to.
  if (to.startsWith("/")) return page(to);
  if (to.startsWith("?")) return requeried(location.pathname, location.search, to);
  return location.pathname + location.search + to;
}

/** Goes to one of our pages; `to` as for `address`. */
export function go(to: string, { replace = false } = {}): void {
  if (to.startsWith("/") && isTab()) return leave(outside(page(to)), false);
  history[replace ? "replaceState" : "pushState"](null, "", address(to));
  dispatchEvent(new Event(MOVED));
  if (!replace && to.startsWith("/") && !location.hash) scrollTo(0, 0);
}

/** Where we are; the component is drawn anew when that changes. */
export function useRoute(): Route {
  const [route, setRoute] = useState(here);
  useEffect(() => {
    const look = () => setRoute(here());
    addEventListener("popstate", look);
    addEventListener(MOVED, look);
    return () => {
      removeEventListener("popstate", look);
      removeEventListener(MOVED, look);
    };
  }, []);
  return route;
}

/** Keeps Airflow's address bar in step with ours. Called once. */
export function keepAddress(): void {
  let timer = 0;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(mirror, 200);
  };
  addEventListener("popstate", soon);
  addEventListener(MOVED, soon);
}

const isPlain = (event: MouseEvent): boolean =>
  event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;

interface Anchor {
  to: string;
  class?: string;
  id?: string;
  title?: string;
  "aria-label"?: string;
  "aria-current"?: "true" | "page" | "location";
  children?: ComponentChildren;
}

/** A link to one of our pages; `to` as for `go`. */
export function Link({ to, ...rest }: Anchor) {
  const href = address(to);
  const click = (event: MouseEvent) => {
    event.preventDefault();
    if (isPlain(event)) go(to);
    else leave(outside(href), true);
  };
  return <a href={href} onClick={click} {...rest} />;
}

/** A link out of our pages: to one of Airflow's, to a report, or anywhere. `to` is a whole address (see `given`). */
export function Leave({ to, ...rest }: Anchor) {
  const { pathname, origin } = new URL(to, location.href);
  const isElsewhere = origin !== location.origin || pathname.includes("/airloop/");
  const click = (event: MouseEvent) => {
    event.preventDefault();
    leave(to, !isPlain(event) || isElsewhere);
  };
  return <a href={to} onClick={click} {...rest} />;
}
