import { IntervalPlot } from "../../charts/Interval";
import { Badge } from "../../parts/Badge";
import { count, figure, percent, signed } from "../../parts/Figure";
import { Said } from "../../parts/Said";
import type { Gate, SliceOfGate } from "../../shapes";

const TONES = { PASS: "good", FAIL: "bad", UNDECIDED: "open", LATER: "quiet" } as const;
const WORDS = { PASS: "met", FAIL: "not met", UNDECIDED: "undecided", LATER: "judged later" } as const;

/** What each gate said: its numbers, drawn against the threshold, and what is missing. */
export function Gates({ gates }: { gates: readonly Gate[] }) {
  return (
    <div class="scrolls" tabindex={0} role="region" aria-label="Gates">
      <table class="table pl-gates pl-cards">
        <caption class="unseen">Gates of the candidate</caption>
        <thead>
          <tr>
            <th scope="col">Gate</th>
            <th scope="col">Result</th>
            <th scope="col" class="right">
              Candidate
            </th>
            <th scope="col" class="right">
              Champion
            </th>
            <th scope="col">Against the threshold</th>
            <th scope="col" class="right">
              Margin
            </th>
            <th scope="col" class="right">
              Missing
            </th>
          </tr>
        </thead>
        <tbody>
          {gates.map((gate, turn) => (
            <Row key={turn} gate={gate} />
          ))}
        </tbody>
      </table>
      <p class="muted small-text">
        The dashed line is the threshold, the tinted side meets it; whiskers show what is sure. A diamond marks the
        champion.
      </p>
    </div>
  );
}

function Row({ gate }: { gate: Gate }) {
  const { number } = gate;
  const shown = number.is_gain ? signed : figure;
  return (
    <tr>
      <th scope="row" class="pl-rule">
        {number.rule}
        {gate.is_shadow && <Badge word="shadow" says="in shadow mode: decides nothing" tone="told" />}
        {gate.reason !== number.rule && (
          <p class="muted">
            <Said text={gate.reason} />
          </p>
        )}
        {gate.slices.length > 0 && <Slices slices={gate.slices} />}
      </th>
      <td data-name="Result">
        <Badge word={gate.status} says={WORDS[gate.status]} />
      </td>
      <td data-name="Candidate" class="right number">
        {number.is_gain && number.value !== null && <small class="muted">gain </small>}
        {shown(number.value)}
      </td>
      <td data-name="Champion" class="right number">
        {figure(gate.champion)}
      </td>
      <td data-name="Against the threshold" class="pl-plot">
        {number.value === null ? <span class="muted">no numbers</span> : <Plot gate={gate} />}
      </td>
      <td data-name="Margin" class="right number">
        {signed(gate.margin)}
      </td>
      <td data-name="Missing" class="right number">
        {gate.needed_rows ? `${count(gate.needed_rows)} rows` : "–"}
      </td>
    </tr>
  );
}

function Plot({ gate }: { gate: Gate }) {
  const { number, confidence } = gate;
  const { value, lower, upper, threshold } = number;
  const sure = confidence ? ` (${percent(confidence)} sure)` : "";
  const interval = lower !== null && upper !== null ? `, between ${figure(lower)} and ${figure(upper)}${sure}` : "";
  const says = `${number.is_gain ? "Gain" : number.metric} ${figure(value)}${interval}; threshold ${figure(threshold)}`;
  return (
    <>
      <IntervalPlot
        {...{ value, lower, upper, threshold, says }}
        met={SIDES[number.side]}
        tone={TONES[gate.status]}
        other={number.is_gain ? 0 : gate.champion}
      />
      <span class="pl-bounds number">
        {lower !== null && upper !== null ? `${figure(lower)} … ${figure(upper)}` : ""}{" "}
        <span class="muted">asked {figure(threshold)}</span>
      </span>
    </>
  );
}

/** On which side of the threshold a gate is met: above, below, or not known. */
const SIDES = { least: 1, most: -1, "": 0 } as const;

function Slices({ slices }: { slices: readonly SliceOfGate[] }) {
  const failed = slices.filter((slice) => slice.status === "FAIL").length;
  return (
    <details class="pl-slices">
      <summary>
        {count(slices.length)} slices{failed > 0 && `, ${count(failed)} not met`}
      </summary>
      <div class="pl-box" tabindex={0} role="region" aria-label="Slices">
        <table class="table">
          <caption class="unseen">Slices of the gate</caption>
          <thead>
            <tr>
              <th scope="col">Slice</th>
              <th scope="col">Result</th>
              <th scope="col" class="right">
                Rows
              </th>
              <th scope="col" class="right">
                Value
              </th>
            </tr>
          </thead>
          <tbody>
            {slices.map((slice) => (
              <tr key={slice.name}>
                <th scope="row">
                  {slice.name}
                  {slice.status !== "PASS" && <p class="muted">{slice.reason}</p>}
                </th>
                <td>
                  <Badge word={slice.status} says={WORDS[slice.status as keyof typeof WORDS] ?? slice.status} />
                </td>
                <td class="right number">{count(slice.rows)}</td>
                <td class="right number">
                  {figure(slice.value)}
                  {slice.lower !== null && slice.upper !== null && (
                    <small class="muted">
                      {" "}
                      ({figure(slice.lower)} … {figure(slice.upper)})
                    </small>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
