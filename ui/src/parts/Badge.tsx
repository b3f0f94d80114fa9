/** What a word means: well, bad, take care, undecided or on its way, or nothing but a fact. */
export type Tone = "good" | "bad" | "warn" | "open" | "told";

const TONES: Record<Tone, readonly string[]> = {
  good: [
    "promote",
    "released",
    "ok",
    "well",
    "pass",
    "passed",
    "done",
    "holds",
    "live",
    "approve",
    "approved",
    "good",
    "success",
    "certified",
  ],
  bad: [
    "reject",
    "act",
    "broken",
    "rolled back",
    "refused",
    "rejected",
    "fail",
    "failed",
    "blocked",
    "not verified",
    "not approved",
    "bad",
    "ended",
  ],
  warn: ["warn", "watch", "hold", "stale", "paused", "pause", "roll back", "no answer", "gone"],
  open: [
    "undecided",
    "inconclusive",
    "wait",
    "waiting",
    "later",
    "running",
    "queued",
    "now",
    "new",
    "open",
    "asked",
    "retrain",
    "approval",
  ],
  told: [],
};
const BY_WORD = new Map(Object.entries(TONES).flatMap(([tone, words]) => words.map((word) => [word, tone as Tone])));

/** What a word of the ledger means. */
export const toneOf = (word: string): Tone => BY_WORD.get(word.toLowerCase().replaceAll("_", " ")) ?? "told";

const SHAPES: Record<Tone, string> = {
  good: "M2 6.4 4.8 9.2 10 3.4",
  bad: "M3 3l6 6M9 3l-6 6",
  warn: "M6 2v5M6 9.4v.6",
  open: "M6 2.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7",
  told: "M3 6h6",
};

/** The sign of a tone, for eyes only: the word stands beside it. */
export function Sign({ tone }: { tone: Tone }) {
  return (
    <svg class={`sign ${tone}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      <path d={SHAPES[tone]} />
    </svg>
  );
}

/** A word that carries a meaning: colour, sign and text say the same. */
export function Badge({
  word,
  tone = toneOf(word),
  says = word,
  title,
}: {
  word: string;
  tone?: Tone;
  says?: string;
  title?: string;
}) {
  return (
    <span class={`badge ${tone}`} {...(title && { title })}>
      <Sign tone={tone} />
      {says.replaceAll("_", " ")}
    </span>
  );
}
