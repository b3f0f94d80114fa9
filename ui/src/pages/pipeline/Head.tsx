import type { ComponentChildren } from "preact";
import { Acts } from "../../acts/index";
import { why } from "../../address";
import { useAsk } from "../../ask";
import { Badge, Sign } from "../../parts/Badge";
import { count, counted, ms, rate } from "../../parts/Figure";
import { Problem } from "../../parts/Section";
import { Age, Time } from "../../parts/Time";
import { Link } from "../../router";
import type { Live, Pipeline, Traffic } from "../../shapes";
import { Banners } from "./Banners";
import { Said } from "../../parts/Said";

/** What it is, how it is, and what one may do. */
export function Head({ pipeline }: { pipeline: Pipeline }) {
  const { row } = pipeline;
  return (
    <header id="overview" class="pl-head">
      <div class="pl-title">
        <h1>{row.name}</h1>
        <Badge word={row.health} />
        <Acts of={pipeline} />
      </div>
      <p class="pl-says">
        <Said text={row.says} />
      </p>
      {row.description && <p class="muted">{row.description}</p>}
      {pipeline.problem && <Problem error={pipeline.problem} />}
      <Banners pipeline={pipeline} />
      <Facts pipeline={pipeline} />
    </header>
  );
}

function Facts({ pipeline }: { pipeline: Pipeline }) {
  const { row, schedule, watched } = pipeline;
  const { champion, airflow } = row;
  return (
    <dl class="pl-facts">
      <Fact name="Champion">
        {champion ? <Champion pipeline={pipeline} /> : <span class="muted">none yet: nothing was ever released</span>}
      </Fact>
      {champion && (
        <Fact name="Data up to">
          <Time at={champion.data_cut_off} />{" "}
          <small class="muted">
            <Age since={champion.data_cut_off} />
          </small>
        </Fact>
      )}
      <Fact name="Answers now">
        <Answering name={row.name} />
      </Fact>
      <Fact name="Trains">
        {airflow?.next_run ? (
          <>
            next <Age since={airflow.next_run} />{" "}
          </>
        ) : null}
        <small class="muted">
          {schedule || "by hand only"}
          {airflow?.is_paused && ", switched off in Airflow"}
        </small>
      </Fact>
      {watched && (
        <Fact name="Watched">
          <small class="muted">{watched}</small>
        </Fact>
      )}
      {(row.owner || row.tags.length > 0) && (
        <Fact name="Owner">
          {row.owner || "–"} <small class="muted">{row.tags.join(", ")}</small>
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Champion({ pipeline: { row } }: { pipeline: Pipeline }) {
  const live = row.champion!;
  const query = new URLSearchParams({ generation: String(live.generation), target: live.target }).toString();
  return (
    <>
      <Link to={why(row.name, query)}>version {live.version}</Link> on {live.target}{" "}
      <small class="muted">
        live since <Time at={live.since} day />, <Age since={live.since} />
        {live.kind === "roll_back" && `; ${live.by || "a person"} went back to it`}
      </small>
      {row.is_stale && <Badge word="stale" says="older than it should be" />}
    </>
  );
}

/** What the target serves now; asked every five seconds while the page can be seen. */
function Answering({ name }: { name: string }) {
  const asked = useAsk<Live[]>(`/live?names=${encodeURIComponent(name)}`, { every: 5 });
  if (asked.state === "loading") return <span class="muted">looking …</span>;
  if (asked.state === "error") return <span class="muted">not known: {asked.error.message}</span>;
  const live = asked.value[0];
  if (!live || (!live.champion && !live.problem)) return <span class="muted">nothing is served</span>;
  if (live.problem) return <Warned text={live.problem} />;
  const { champion } = live;
  return (
    <>
      {champion && <Counted traffic={champion} />}
      {live.endpoint && (
        <small class="muted pl-endpoint" title={live.endpoint}>
          <code>{live.endpoint}</code>
        </small>
      )}
      {live.differences.map((one) => (
        <Warned key={one} text={one} />
      ))}
    </>
  );
}

function Counted({ traffic }: { traffic: Traffic }) {
  const p99 = traffic.p99_ms === null ? "" : `p99 ${ms(traffic.p99_ms)}, `;
  return (
    <>
      {traffic.per_second === null ? (
        <span class="muted">counting …</span>
      ) : (
        <span class="number">{rate(traffic.per_second)} per second</span>
      )}{" "}
      <small class="muted">
        {p99}
        {counted(traffic.requests, "request")}, {count(traffic.failures)} failed
      </small>
    </>
  );
}

function Warned({ text }: { text: string }) {
  return (
    <p class="pl-warned-text warn">
      <Sign tone="warn" /> {text}
    </p>
  );
}
