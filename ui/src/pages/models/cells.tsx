/** What stands in each column. */
import { AnswerButton } from "../../acts/index";
import { runPage } from "../../acts/dag";
import { given, pipeline, why } from "../../address";
import { Badge, Sign } from "../../parts/Badge";
import { Figure, ms, rate } from "../../parts/Figure";
import { Sparkline } from "../../parts/Sparkline";
import { Age, Time } from "../../parts/Time";
import { Leave, Link } from "../../router";
import type { ModelRow } from "../../shapes";
import { held } from "./held";
import { type Lives, useLive } from "./live";
import { stateOf } from "./view";

const NONE = <span class="faint">–</span>;

/** A version beside other numbers: `v3`. */
const short = (version: string): string => (/^\d/.test(version) ? `v${version}` : version);

export function NameCell({ row }: { row: ModelRow }) {
  const whose = [row.owner, ...row.tags.map((tag) => `#${tag}`)].filter(Boolean).join(" · ");
  return (
    <>
      <Link class="name" to={pipeline(row.name)}>
        {row.name}
      </Link>
      <div class="second" title={whose}>
        {whose}
      </div>
    </>
  );
}

const HEALTH = { act: "Act", watch: "Watch", well: "Well", new: "New", broken: "Broken" } as const;

export function StateCell({ row, isBlind }: { row: ModelRow; isBlind: boolean }) {
  const run = row.airflow?.running;
  return (
    <>
      <div class="words">
        {isBlind ? <Badge word="not known" /> : <Badge word={row.health} says={HEALTH[row.health]} />}
        {row.pause && <Badge word="paused" says="Releases paused" title={`${row.pause.by}: ${row.pause.reason}`} />}
        {run && (
          <Leave class="small-text" to={given(runPage(run.dag_id, run.run_id))}>
            training {run.state}
          </Leave>
        )}
      </div>
      {stateOf(row) === "approval" ? <AnswerButton row={row} small /> : null}
      <div class="says" title={row.says}>
        {row.says}
      </div>
    </>
  );
}

export function ChampionCell({ row }: { row: ModelRow }) {
  const { champion } = row;
  if (!champion) return NONE;
  return (
    <>
      <div class="words">
        <Link class="version" to={why(row.name, `generation=${champion.generation}&target=${champion.target}`)}>
          {short(champion.version)}
        </Link>
        <span class={row.is_stale ? "" : "muted"}>
          <Age since={champion.first_live} bare />
        </span>
        {row.is_stale && <Badge word="stale" />}
      </div>
      <div class="second">
        data to <Time at={champion.data_cut_off} day />
      </div>
    </>
  );
}

export function VerdictCell({ row }: { row: ModelRow }) {
  const { verdict } = row;
  if (!verdict) return NONE;
  const told = [verdict.number?.rule, ...verdict.reasons].filter(Boolean).join("\n");
  return (
    <>
      <div class="words">
        <Link to={why(row.name, `version=${encodeURIComponent(verdict.version)}`)} title={told}>
          <Badge word={verdict.outcome} />
        </Link>
        <span class="muted">{short(verdict.version)}</span>
        {verdict.became && <span class="muted">{verdict.became}</span>}
      </div>
      <div class="says" title={told}>
        {verdict.number ? held(verdict.number, verdict.outcome) : <Age since={verdict.recorded_at} />}
      </div>
    </>
  );
}

export function DriftCell({ row }: { row: ModelRow }) {
  const last = row.drift.at(-1);
  if (!last) return NONE;
  return (
    <>
      <Sparkline marks={row.drift} of={`Drift of ${row.name}`} />
      <div class="second">
        <Level level={last.level} /> {last.value !== null && <Figure value={last.value} />}
      </div>
    </>
  );
}

function Level({ level }: { level: string }) {
  return level === "INCONCLUSIVE" ? <span title="Too few rows to judge">unsure</span> : <span>{level}</span>;
}

export function PerformanceCell({ row }: { row: ModelRow }) {
  const { performance: mark } = row;
  if (!mark) return NONE;
  return (
    <>
      <Badge
        word={mark.level}
        says={mark.level === "INCONCLUSIVE" ? "unsure" : mark.level}
        title={mark.reasons.join("\n")}
      />
      <div class="second">
        <Figure value={mark.value} />
      </div>
    </>
  );
}

interface LiveProps {
  row: ModelRow;
  lives: Lives;
}

export function TrafficCell({ row, lives }: LiveProps) {
  const live = useLive(lives, row.name);
  if (!row.champion) return NONE;
  if (live?.problem) return <Unknown why={live.problem} />;
  const perSecond = live?.champion?.per_second;
  return perSecond === null || perSecond === undefined ? NONE : <Figure value={perSecond} as={rate} />;
}

export function P99Cell({ row, lives }: LiveProps) {
  const p99 = useLive(lives, row.name)?.champion?.p99_ms;
  return p99 === null || p99 === undefined ? NONE : <Figure value={p99} as={ms} />;
}

export function TargetCell({ row, lives }: LiveProps) {
  const live = useLive(lives, row.name);
  return (
    <>
      {row.target || NONE}
      {live?.candidate && <div class="second">{live.is_shadow ? "shadow" : `canary ${live.candidate.percent} %`}</div>}
      {!!live?.differences.length && <Badge word="warn" says="differs" title={live.differences.join("\n")} />}
    </>
  );
}

function Unknown({ why: reason }: { why: string }) {
  return (
    <span class="unknown" title={reason}>
      <Sign tone="warn" />
      <span class="unseen">{reason}</span>
    </span>
  );
}

export function NextCell({ row }: { row: ModelRow }) {
  if (row.airflow?.is_paused)
    return (
      <span class="muted" title="Its schedule is switched off in Airflow">
        off
      </span>
    );
  return row.airflow?.next_run ? <Age since={row.airflow.next_run} /> : NONE;
}
