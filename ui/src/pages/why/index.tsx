import { LookAgain } from "../../acts/LookAgain";
import { pipeline as pipelineAt, why as addressOf } from "../../address";
import { useAsk } from "../../ask";
import { Badge, Sign, type Tone } from "../../parts/Badge";
import { Said } from "../../parts/Said";
import { Asked } from "../../parts/Section";
import { Age, Time } from "../../parts/Time";
import { Link } from "../../router";
import type { Because, Why } from "../../shapes";
import { Evidence } from "./Evidence";

interface Props {
  name: string;
  /** What is asked: version=, generation=, target=, window=, run=, task=. */
  query: URLSearchParams;
}

const STATES: Record<Because["state"], string> = {
  good: "speaks for it",
  bad: "speaks against it",
  open: "undecided",
  told: "to know",
};
const TONES: Record<Because["state"], Tone> = { good: "good", bad: "bad", open: "open", told: "told" };

/** One answer in plain words, with the evidence behind it. */
export function WhyPage({ name, query }: Props) {
  const asked = useAsk<Why>(`/pipelines/${encodeURIComponent(name)}/why?${asks(query)}`);
  return (
    <div class="why-page">
      <nav class="pl-crumbs" aria-label="Where you are">
        <Link to="/">All models</Link> <span aria-hidden="true">›</span> <Link to={pipelineAt(name)}>{name}</Link>
      </nav>
      {asked.state !== "ready" && <h1>Why?</h1>}
      <Asked of={asked} lines={8}>
        {(why) => <Answer name={name} why={why} />}
      </Asked>
    </div>
  );
}

const ASKS = ["version", "generation", "target", "window", "run", "task"];

function asks(query: URLSearchParams): URLSearchParams {
  return new URLSearchParams(ASKS.map((key) => [key, query.get(key) ?? ""]).filter(([, value]) => value) as string[][]);
}

function Answer({ name, why }: { name: string; why: Why }) {
  return (
    <article>
      <h1>{why.question}</h1>
      <p class="why-answer">
        <Said text={why.answer} />
      </p>
      <p class="why-line">
        {why.word && <Badge word={why.word} />}
        <span class="muted">
          {why.at && (
            <>
              <Time at={why.at} />, <Age since={why.at} />
            </>
          )}
          {why.by && (
            <>
              {why.at && ", "}by {why.by}
            </>
          )}
        </span>
        {why.look_again && <LookAgain name={name} asOf={why.look_again} />}
      </p>
      {why.because.length > 0 && <Reasons because={why.because} />}
      {why.next.length > 0 && (
        <section aria-labelledby="why-next">
          <h2 id="why-next">What happens next, or what would change it</h2>
          <ul class="why-next">
            {why.next.map((text) => (
              <li key={text}>
                <Said text={text} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {why.proofs.length > 0 && <Evidence proofs={why.proofs} />}
      {why.related.length > 0 && (
        <section aria-labelledby="why-related">
          <h2 id="why-related">Related</h2>
          <ul class="why-related">
            {why.related.map((one) => (
              <li key={one.query}>
                <Link to={addressOf(name, one.query)}>{one.title}</Link>
              </li>
            ))}
          </ul>
        </section>
      )}
    </article>
  );
}

function Reasons({ because }: { because: readonly Because[] }) {
  return (
    <section aria-labelledby="why-because">
      <h2 id="why-because">Because</h2>
      <ul class="why-because">
        {because.map((one, turn) => (
          <li key={turn} class={TONES[one.state]}>
            <Sign tone={TONES[one.state]} />
            <span class="unseen">{STATES[one.state]}: </span>
            <span>
              <Said text={one.text} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
