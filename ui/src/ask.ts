import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api } from "./address";
import { type Turns, turns } from "./turns";

/** What the server answered instead of what was asked for, in plain words. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
  ) {
    super(detail);
  }
}

interface Told {
  /** Asks once more; the old value stays until the new one is there. */
  again: () => void;
}

/** A question on its way: first `loading`; later a value stays while it is asked again. */
export type Asked<T> =
  | (Told & { state: "loading" })
  | (Told & { state: "ready"; value: T; asking: boolean; late?: Refusal })
  | (Told & { state: "error"; error: Refusal });

const STATUS: Record<number, string> = {
  401: "Your login has ended. Log in to Airflow again, then reload this page.",
  403: "You may not do this. Ask whoever looks after Airflow for the right.",
  404: "There is no such thing here any more.",
  409: "It was done already, or something else came first.",
  502: "Airflow's web server does not answer. It may be starting anew.",
  504: "Airflow's web server took too long to answer.",
};

/** What Airflow says for machines, and what it means. */
const MEANS: readonly (readonly [RegExp, string])[] = [
  [/has already been updated/, "Somebody has answered already."],
  [/is not a respondent/, "You are not among those who may answer."],
];

/** The words of a refusal: the server's own where it has any. */
export function wording(status: number, body: unknown): string {
  const detail = typeof body === "object" && body !== null && "detail" in body ? body.detail : undefined;
  const meaning = MEANS.find(([said]) => typeof detail === "string" && said.test(detail));
  if (meaning) return meaning[1];
  if (typeof detail === "string" && detail && !["Forbidden", "Not authenticated", "Unauthorized"].includes(detail))
    return detail;
  if (Array.isArray(detail))
    return detail
      .map((one: { loc?: unknown[]; msg?: string }) => `${one.loc?.at(-1) ?? ""}: ${one.msg ?? ""}`)
      .join("; ");
  return STATUS[status] ?? `The server answered ${status} without a word why.`;
}

async function send<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const options: RequestInit = { method, credentials: "same-origin", headers: { Accept: "application/json" } };
  if (signal) options.signal = signal;
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { ...options.headers, "Content-Type": "application/json" };
  }
  const response = await fetch(api(path), options).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refusal(0, "Airflow's web server cannot be reached.");
  });
  const json: unknown = response.status === 204 ? null : await response.json().catch(() => undefined);
  if (!response.ok || json === undefined) throw new Refusal(response.status, wording(response.status, json));
  return json as T;
}

/** Asks once. `path` starts with `/api/v2/` for Airflow's own API, else it is one of ours. Throws `Refusal`. */
export const ask = <T>(path: string, signal?: AbortSignal): Promise<T> => send<T>("GET", path, undefined, signal);

const listeners = new Set<() => void>();

/** Everything on the page asks again: something was changed. */
export const refresh = (): void => listeners.forEach((again) => again());

/** When the page asks again after something was done: what Airflow starts is seen a little later. */
const LATER_MS = [0, 4_000, 15_000];

/** Does something, then has the page ask again. Throws `Refusal`. */
export async function act<T>(method: "POST" | "PATCH", path: string, body: unknown): Promise<T> {
  const answer = await send<T>(method, path, body);
  LATER_MS.forEach((later) => setTimeout(refresh, later));
  return answer;
}

const refusal = (error: unknown): Refusal => (error instanceof Refusal ? error : new Refusal(0, String(error)));

type Kept<T> = { path: string | null; value?: T; error?: Refusal; asking: boolean };

/**
 * Asks for `path` and keeps the answer. `null` or "" asks nothing yet.
 * `every`: seconds after which it is asked again, while the page can be seen.
 */
export function useAsk<T>(path: string | null, { every = 0 }: { every?: number } = {}): Asked<T> {
  const [kept, keep] = useState<Kept<T>>({ path, asking: true });
  const turn = useRef<Turns | null>(null);
  useEffect(() => {
    if (!path) return;
    const mine = turns(async (signal) => {
      keep((old) => (old.path === path ? { ...old, asking: true } : { path, asking: true }));
      const now = await ask<T>(path, signal).then(
        (value) => ({ value }),
        (error: unknown) => ({ error: refusal(error) }),
      );
      if (!signal.aborted) keep((old) => ({ ...("error" in now && old), path, ...now, asking: false }));
    });
    turn.current = mine;
    mine.tick();
    return () => mine.stop();
  }, [path]);
  const again = useCallback(() => turn.current?.again(), []);
  const tick = useCallback(() => turn.current?.tick(), []);
  useEffect(() => {
    listeners.add(again);
    return () => void listeners.delete(again);
  }, [again]);
  useEvery(every, tick);
  return told(kept.path === path ? kept : { path, asking: true }, again);
}

function told<T>({ value, error, asking }: Kept<T>, again: () => void): Asked<T> {
  if (value !== undefined) return { state: "ready", value, asking, again, ...(error && { late: error }) };
  return error ? { state: "error", error, again } : { state: "loading", again };
}

/** Calls `again` every so many seconds while the page can be seen, and at once when it can be seen again. */
export function useEvery(seconds: number, again: () => void): void {
  const last = useRef(performance.now());
  useEffect(() => {
    if (!seconds) return;
    const look = () => {
      if (document.hidden || performance.now() - last.current < seconds * 1000 - 50) return;
      last.current = performance.now();
      again();
    };
    const timer = setInterval(look, seconds * 1000);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [seconds, again]);
}
