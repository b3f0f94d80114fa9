import { useState } from "preact/hooks";
import { why } from "../../address";
import { useAsk } from "../../ask";
import { domainOf, IntervalAxis, IntervalPlot } from "../../charts/Interval";
import { ticks } from "../../charts/scale";
import { Badge } from "../../parts/Badge";
import { counted, figure } from "../../parts/Figure";
import { Asked, Section } from "../../parts/Section";
import { Time } from "../../parts/Time";
import { Link } from "../../router";
import type { Leaderboard as Board, Ranked } from "../../shapes";
import { pathOf } from "./paths";

const FIRST = 15;
const HINT = "Every version that was judged, each on its own holdout: compare neighbours with care.";

type Order = "date" | "value";

/** Every version with its interval. */
export function Leaderboard({ name }: { name: string }) {
  const [metric, setMetric] = useState("");
  const [order, setOrder] = useState<Order>("date");
  const asked = useAsk<Board>(pathOf(name, "leaderboard", { metric }), { every: 60 });
  return (
    <Section id="leaderboard" title="Leaderboard" hint={HINT}>
      <Asked of={asked} lines={8} isEmpty={(board) => !board.rows.length} empty="No version was ever judged.">
        {(board) => (
          <>
            <div class="pl-tools">
              <label>
                Metric{" "}
                <select value={board.metric} onChange={(event) => setMetric(event.currentTarget.value)}>
                  {board.metrics.map((one) => (
                    <option key={one} value={one}>
                      {one}
                    </option>
                  ))}
                </select>
              </label>
              <label>
                Order{" "}
                <select value={order} onChange={(event) => setOrder(event.currentTarget.value as Order)}>
                  <option value="date">newest data first</option>
                  <option value="value">best first</option>
                </select>
              </label>
              <span class="muted">{board.more_is_better ? "more is better" : "less is better"}</span>
            </div>
            <Table name={name} board={board} order={order} setOrder={setOrder} />
          </>
        )}
      </Asked>
    </Section>
  );
}

interface TableProps {
  name: string;
  board: Board;
  order: Order;
  setOrder: (order: Order) => void;
}

function Table({ name, board, order, setOrder }: TableProps) {
  const [isAll, showAll] = useState(false);
  const sorted = order === "date" ? board.rows : [...board.rows].sort(byValue(board.more_is_better));
  const shown = isAll ? sorted : sorted.slice(0, FIRST);
  const domain = domainOf(shown.flatMap((row) => [row.value, row.lower, row.upper]));
  const head = (title: string, by: Order, direction: "ascending" | "descending") => (
    <th scope="col" class={by === "value" ? "right" : ""} aria-sort={order === by ? direction : "none"}>
      <button type="button" class="plain pl-sort" onClick={() => setOrder(by)}>
        {title} {order === by && <span aria-hidden="true">{direction === "ascending" ? "↑" : "↓"}</span>}
      </button>
    </th>
  );
  return (
    <>
      <div class="scrolls" tabindex={0} role="region" aria-label="All versions">
        <table class="table pl-board">
          <caption class="unseen">Leaderboard by {board.metric}</caption>
          <thead>
            <tr>
              <th scope="col">Version</th>
              {head("Data up to", "date", "descending")}
              <th scope="col">Verdict</th>
              {head(board.metric, "value", board.more_is_better ? "descending" : "ascending")}
              <th scope="col">
                <span class="unseen">Interval</span>
                <IntervalAxis domain={domain} numbers={ticks(domain, 4)} shown={figure} width={260} />
              </th>
              <th scope="col">Against</th>
              <th scope="col">Made by</th>
              <th scope="col">Look at</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row, turn) => (
              <Row key={`${row.version} ${row.made_by} ${turn}`} {...{ name, row, domain, metric: board.metric }} />
            ))}
          </tbody>
        </table>
      </div>
      {sorted.length > FIRST && (
        <button type="button" class="small" aria-expanded={isAll} onClick={() => showAll(!isAll)}>
          {isAll ? `The first ${FIRST} only` : `Show all ${counted(sorted.length, "version")}`}
        </button>
      )}
      {board.left_out > 0 && <p class="muted">{counted(board.left_out, "older version")} left out.</p>}
    </>
  );
}

interface RowProps {
  name: string;
  row: Ranked;
  domain: readonly [number, number];
  metric: string;
}

function Row({ name, row, domain, metric }: RowProps) {
  const interval =
    row.lower !== null && row.upper !== null ? `, between ${figure(row.lower)} and ${figure(row.upper)}` : "";
  const at = (section: string) => `?version=${encodeURIComponent(row.version)}#${section}`;
  return (
    <tr class={row.live === "live" ? "pl-is-live" : ""}>
      <th scope="row">
        <Link to={why(name, `version=${encodeURIComponent(row.version)}`)}>{row.version}</Link>{" "}
        {row.live && <Badge word={row.live} tone={row.live === "live" ? "good" : "told"} />}
      </th>
      <td>{row.as_of ? <Time at={row.as_of} day /> : "–"}</td>
      <td>{row.outcome ? <Badge word={row.outcome} /> : "–"}</td>
      <td class="right number">{figure(row.value)}</td>
      <td>
        <IntervalPlot
          {...row}
          domain={domain}
          width={260}
          tone={row.live === "live" ? "accent" : "quiet"}
          says={`${metric} ${figure(row.value)}${interval}`}
        />
      </td>
      <td>{row.against || "–"}</td>
      <td class="muted">{row.made_by}</td>
      <td>
        <Link to={at("candidate")} aria-label={`Gates of version ${row.version}`}>
          gates
        </Link>{" "}
        ·{" "}
        <Link to={at("lineage")} aria-label={`Lineage of version ${row.version}`}>
          lineage
        </Link>
      </td>
    </tr>
  );
}

/** Those without a value stay last. */
const byValue =
  (isMore: boolean) =>
  (one: Ranked, other: Ranked): number => {
    if (one.value === null || other.value === null)
      return (one.value === null ? 1 : 0) - (other.value === null ? 1 : 0);
    return isMore ? other.value - one.value : one.value - other.value;
  };
