import { useState } from "preact/hooks";
import { given } from "../../address";
import { useAsk } from "../../ask";
import { Badge, type Tone } from "../../parts/Badge";
import { Copied } from "../../parts/Copied";
import { count, counted } from "../../parts/Figure";
import { Asked, Section } from "../../parts/Section";
import { Time } from "../../parts/Time";
import { Leave } from "../../router";
import type { Validated, Validations } from "../../shapes";
import { useZone, wall } from "../../zone";
import { pathOf } from "./paths";

const FIRST = 8;
const MOST = 60;

const stateOf = (one: Validated): "passed" | "warned" | "blocked" =>
  !one.passed ? "blocked" : one.warnings.length || one.quarantined ? "warned" : "passed";
const TONES: Record<ReturnType<typeof stateOf>, Tone> = { passed: "good", warned: "warn", blocked: "bad" };

/** How the data were each time they were validated. */
export function Data({ name }: { name: string }) {
  const asked = useAsk<Validations>(pathOf(name, "validations"), { every: 60 });
  return (
    <Section id="data" title="Data" hint="Validations of snapshots, the newest first">
      <Asked of={asked} lines={5} isEmpty={({ rows }) => !rows.length} empty="No snapshot was validated yet.">
        {({ rows }) => (
          <>
            <Strip rows={rows} />
            <Table rows={rows} />
          </>
        )}
      </Asked>
    </Section>
  );
}

/** One box a validation, the oldest at the left; height tells as well as colour. */
function Strip({ rows }: { rows: readonly Validated[] }) {
  const zone = useZone();
  const shown = rows.slice(0, MOST).toReversed();
  const many = (state: string) => rows.filter((row) => stateOf(row) === state).length;
  const says = `${counted(rows.length, "validation")}: ${many("passed")} passed, ${many("warned")} warned, ${many("blocked")} blocked`;
  return (
    <>
      <div class="pl-strip" role="img" aria-label={says}>
        {shown.map((row) => (
          <span
            key={row.snapshot}
            class={`${TONES[stateOf(row)]} pl-${stateOf(row)}`}
            title={`${wall(new Date(row.as_of), zone)}: ${stateOf(row)}`}
          />
        ))}
      </div>
      <p class="muted small-text">{says}.</p>
    </>
  );
}

function Table({ rows }: { rows: readonly Validated[] }) {
  const [isAll, showAll] = useState(false);
  return (
    <>
      <div class="scrolls" tabindex={0} role="region" aria-label="Validations">
        <table class="table pl-cards">
          <caption class="unseen">Validations, the newest first</caption>
          <thead>
            <tr>
              <th scope="col">Data as of</th>
              <th scope="col">Result</th>
              <th scope="col" class="right">
                Rows
              </th>
              <th scope="col" class="right">
                Partitions
              </th>
              <th scope="col" class="right">
                Set aside
              </th>
              <th scope="col">Says</th>
              <th scope="col">Snapshot</th>
              <th scope="col">Data Docs</th>
            </tr>
          </thead>
          <tbody>
            {(isAll ? rows : rows.slice(0, FIRST)).map((row) => (
              <Row key={row.snapshot + row.as_of} row={row} />
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > FIRST && (
        <button type="button" class="small" aria-expanded={isAll} onClick={() => showAll(!isAll)}>
          {isAll ? `The first ${FIRST} only` : `Show all ${counted(rows.length, "validation")}`}
        </button>
      )}
    </>
  );
}

function Row({ row }: { row: Validated }) {
  return (
    <tr>
      <th scope="row">
        <Time at={row.as_of} />
      </th>
      <td data-name="Result">
        <Badge word={stateOf(row)} tone={TONES[stateOf(row)]} />
      </td>
      <td data-name="Rows" class="right number">
        {count(row.rows)}
      </td>
      <td data-name="Partitions" class="right number">
        {count(row.partitions)}
      </td>
      <td data-name="Set aside" class="right number">
        {row.quarantined ? count(row.quarantined) : "–"}
      </td>
      <td class="pl-notes">
        <Notes row={row} />
      </td>
      <td data-name="Snapshot">
        <Copied text={row.snapshot} what="the snapshot's digest" />
      </td>
      <td data-name="Data Docs">{row.docs ? <Leave to={given(row.docs)}>Data Docs</Leave> : "–"}</td>
    </tr>
  );
}

function Notes({ row }: { row: Validated }) {
  const checked =
    row.expectations === 0
      ? "nothing was checked"
      : row.expectations
        ? `${counted(row.expectations, "expectation")} checked`
        : "";
  return (
    <>
      {row.failures.map((one) => (
        <p key={one} class="pl-failure">
          {one}
        </p>
      ))}
      {row.warnings.map((one) => (
        <p key={one}>{one}</p>
      ))}
      {checked && <p class="muted">{checked}</p>}
    </>
  );
}
