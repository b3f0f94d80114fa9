import { useAsk } from "../../ask";
import { Copied } from "../../parts/Copied";
import { counted } from "../../parts/Figure";
import { Report } from "../../parts/Report";
import { Asked, Section } from "../../parts/Section";
import { Time } from "../../parts/Time";
import type { Backtested, Backtests as Many } from "../../shapes";
import { pathOf } from "./paths";

/** Walk-forward backtests. */
export function Backtests({ name }: { name: string }) {
  const asked = useAsk<Many>(pathOf(name, "backtests"), { every: 60 });
  const empty = (
    <>
      No backtest yet. <code>python -m airloop backtest {name}</code> replays the past.
    </>
  );
  return (
    <Section
      id="backtests"
      title="Backtests"
      hint="How it would have gone: the past replayed, each model trained on what was known then"
    >
      <Asked of={asked} isEmpty={({ rows }) => !rows.length} empty={empty}>
        {({ rows }) => (
          <>
            {rows.slice(0, 1).map((one) => (
              <One key={one.digest} one={one} />
            ))}
            {rows.length > 1 && (
              <details>
                <summary>{counted(rows.length - 1, "older backtest")}</summary>
                {rows.slice(1).map((one) => (
                  <One key={one.digest} one={one} />
                ))}
              </details>
            )}
          </>
        )}
      </Asked>
    </Section>
  );
}

function One({ one }: { one: Backtested }) {
  return (
    <article class="pl-backtest">
      <h3>{one.headline}</h3>
      <p class="muted">
        {one.start && one.end && (
          <>
            <Time at={one.start} day /> to <Time at={one.end} day />,{" "}
          </>
        )}
        {counted(one.models, "model")}, made <Time at={one.at} />{" "}
        <Copied text={one.digest} what="the backtest's digest" />
      </p>
      <ul>
        {one.sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      {one.report && <Report url={one.report} title="the backtest's report" />}
    </article>
  );
}
