import { useState } from "preact/hooks";
import { given } from "../../address";
import { useAsk } from "../../ask";
import { Badge, Sign, toneOf } from "../../parts/Badge";
import { Copied } from "../../parts/Copied";
import { count, counted } from "../../parts/Figure";
import { Said } from "../../parts/Said";
import { Asked, Problem, Section } from "../../parts/Section";
import { Time } from "../../parts/Time";
import { go, Leave } from "../../router";
import type { Leaderboard, Lineage as Chain, Made, Part, Version } from "../../shapes";
import { pathOf } from "./paths";

const FIRST = 20;

interface Props {
  name: string;
  /** Empty: what is live, else the newest. */
  version: string;
  /** Everything that was ever live; null while it is not known. */
  versions: readonly Version[] | null;
}

/** What a version was made from, down to partitions and commit. */
export function Lineage({ name, version, versions }: Props) {
  const board = useAsk<Leaderboard>(pathOf(name, "leaderboard"));
  const judged = board.state === "ready" ? board.value.rows.map((row) => row.version) : [];
  const known = [...new Set([...(versions ?? []).map((one) => one.version), ...judged, ...(version ? [version] : [])])];
  const shown = version || known[0] || "";
  const asked = useAsk<Chain>(shown ? pathOf(name, "lineage", { version: shown }) : null);
  const isAsking = !!shown || !versions || board.state === "loading";
  return (
    <Section
      id="lineage"
      title="Lineage"
      hint="What a version was made from"
      acts={known.length ? <Picker {...{ known, shown, versions }} /> : undefined}
    >
      {isAsking ? (
        <Asked of={asked} lines={8}>
          {(chain) => <Links chain={chain} />}
        </Asked>
      ) : board.state === "error" ? (
        <Problem error={board.error} again={board.again} />
      ) : (
        <div class="empty">No version was made yet.</div>
      )}
    </Section>
  );
}

function Picker({
  known,
  shown,
  versions,
}: {
  known: readonly string[];
  shown: string;
  versions: readonly Version[] | null;
}) {
  const fate = (version: string) => {
    const live = versions?.filter((one) => one.version === version) ?? [];
    return live.some((one) => !one.until) ? " (live)" : live.length ? " (was live)" : "";
  };
  return (
    <label>
      Version{" "}
      <select
        value={shown}
        onChange={(event) => go(`?version=${encodeURIComponent(event.currentTarget.value)}#lineage`)}
      >
        {known.map((one) => (
          <option key={one} value={one}>
            {one + fate(one)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Links({ chain }: { chain: Chain }) {
  return (
    <>
      {chain.problem && <p class="problem">{chain.problem}</p>}
      <p class="pl-line">
        <Badge
          word={chain.is_signed ? "holds" : "told"}
          says={chain.is_signed ? "its release is signed" : "no signed statement of a release is kept"}
        />
        {chain.commit && (
          <span class="muted">
            commit{" "}
            <Copied
              text={chain.commit}
              shown={chain.commit.replace(/^[0-9a-f]{40}/, (all) => all.slice(0, 12))}
              what="the commit"
            />
          </span>
        )}
      </p>
      <ol class="pl-chain">
        {chain.links.map((made, turn) => (
          <Link key={turn} made={made} />
        ))}
      </ol>
      {chain.partitions.length > 0 && <Partitions parts={chain.partitions} leftOut={chain.left_out} />}
    </>
  );
}

function Link({ made }: { made: Made }) {
  return (
    <li>
      <span class="pl-knot">
        <Sign tone={toneOf(made.state)} />
      </span>
      <div>
        <h3>
          {made.name} <Badge word={made.state} />
        </h3>
        {made.what && (
          <p>
            <Copied text={made.what} what={`the ${made.name}'s name`} />
          </p>
        )}
        {made.says.map((says) => (
          <p key={says} class="muted">
            <Said text={says} />
          </p>
        ))}
        {made.problem && <p class="problem">{made.problem}</p>}
        {made.url && <Leave to={given(made.url)}>Look at it</Leave>}
      </div>
    </li>
  );
}

function Partitions({ parts, leftOut }: { parts: readonly Part[]; leftOut: number }) {
  const [isAll, showAll] = useState(false);
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  return (
    <>
      <h3>
        {counted(parts.length, "partition")}, {counted(rows, "row")}
      </h3>
      <div class="scrolls pl-box" tabindex={0} role="region" aria-label="Partitions">
        <table class="table pl-parts">
          <caption class="unseen">Partitions of the snapshot</caption>
          <thead>
            <tr>
              <th scope="col">Begins</th>
              <th scope="col" class="right">
                Rows
              </th>
              <th scope="col">Digest</th>
            </tr>
          </thead>
          <tbody>
            {(isAll ? parts : parts.slice(0, FIRST)).map((part, turn) => (
              <tr key={turn}>
                <th scope="row">{part.start ? <Time at={part.start} /> : "–"}</th>
                <td class="right number">{count(part.rows)}</td>
                <td>
                  <Copied text={part.digest} what="the partition's digest" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {parts.length > FIRST && (
        <button type="button" class="small" aria-expanded={isAll} onClick={() => showAll(!isAll)}>
          {isAll ? `The first ${FIRST} only` : `Show all ${counted(parts.length, "partition")}`}
        </button>
      )}
      {leftOut > 0 && <p class="muted">{counted(leftOut, "older partition")} left out.</p>}
    </>
  );
}
