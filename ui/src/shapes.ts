// Written by make_shapes.py from include/airloop/overview/shapes.py: change it there and run `make ui`.

/** ISO 8601, UTC. */
export type Instant = string;

/** A version that is, or was, live. */
export interface Version {
  readonly version: string;
  readonly generation: number;
  readonly target: string;
  readonly since: Instant;
  readonly until: Instant | null;
  readonly first_live: Instant;
  readonly data_cut_off: Instant;
  readonly kind: "release" | "roll_back";
  readonly by: string;
  readonly reasons: readonly string[];
  readonly bundle: string;
  readonly image: string;
}

/** One number of a gate and what it was held against, both in the metric's unit. */
export interface Number {
  readonly rule: string;
  readonly metric: string;
  readonly is_gain: boolean;
  readonly value: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  readonly threshold: number | null;
  readonly side: "least" | "most" | "";
}

/** The newest verdict on a candidate. */
export interface LastVerdict {
  readonly version: string;
  readonly outcome: "PROMOTE" | "HOLD" | "REJECT";
  readonly as_of: Instant | null;
  readonly recorded_at: Instant;
  readonly reasons: readonly string[];
  readonly number: Number | null;
  readonly became: string;
}

/** One window of production. */
export interface Mark {
  readonly window: string;
  readonly start: Instant;
  readonly end: Instant;
  readonly level: "OK" | "WARN" | "ACT" | "INCONCLUSIVE";
  readonly value: number | null;
  readonly version: string;
  readonly reasons: readonly string[];
}

/** The newest retrain decision. */
export interface LastDecision {
  readonly window: string;
  readonly action: "RETRAIN" | "WAIT";
  readonly as_of: Instant | null;
  readonly reasons: readonly string[];
  readonly is_unanswered: boolean;
}

/** Releases are paused. */
export interface Pause {
  readonly by: string;
  readonly reason: string;
  readonly since: Instant;
}

/** A run of one of the pipeline's DAGs. */
export interface Run {
  readonly dag_id: string;
  readonly run_id: string;
  readonly state: string;
  readonly since: Instant | null;
}

/** A release waits for a person. */
export interface Approval {
  readonly dag_id: string;
  readonly run_id: string;
  readonly task_id: string;
  readonly map_index: number;
  readonly since: Instant;
  readonly subject: string;
  readonly approvers: readonly string[];
}

/** What Airflow knows of a pipeline. */
export interface InAirflow {
  readonly next_run: Instant | null;
  readonly is_paused: boolean;
  readonly running: Run | null;
  readonly approvals: readonly Approval[];
}

/** One pipeline in the table of models. */
export interface ModelRow {
  readonly name: string;
  readonly health: "act" | "watch" | "well" | "new" | "broken";
  readonly says: string;
  readonly owner: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly target: string;
  readonly champion: Version | null;
  readonly is_stale: boolean;
  readonly verdict: LastVerdict | null;
  readonly drift: readonly Mark[];
  readonly performance: Mark | null;
  readonly decision: LastDecision | null;
  readonly pause: Pause | null;
  readonly airflow: InAirflow | null;
}

/** The table of models. */
export interface Models {
  readonly as_of: Instant;
  readonly models: readonly ModelRow[];
  readonly problem: string;
}

/** What a version answers now. */
export interface Traffic {
  readonly version: string;
  readonly percent: number;
  readonly requests: number;
  readonly failures: number;
  readonly per_second: number | null;
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
}

/** What a target serves of a pipeline now. */
export interface Live {
  readonly pipeline: string;
  readonly target: string;
  readonly endpoint: string;
  readonly champion: Traffic | null;
  readonly candidate: Traffic | null;
  readonly is_shadow: boolean;
  readonly problem: string;
  readonly differences: readonly string[];
}

/** What the user may do with a pipeline. */
export interface Rights {
  readonly train: boolean;
  readonly monitor: boolean;
  readonly roll_back: boolean;
  readonly pause: boolean;
  readonly answer: boolean;
}

/** The head of one pipeline's page. */
export interface Pipeline {
  readonly row: ModelRow;
  readonly gates: readonly string[];
  readonly steps: readonly string[];
  readonly schedule: string;
  readonly watched: string;
  readonly approvers: readonly string[];
  readonly versions: readonly Version[];
  readonly problem: string;
  readonly rights: Rights;
}

/** One thing on the time line. */
export interface Happened {
  readonly at: Instant;
  readonly recorded_at: Instant;
  readonly kind: "cut_off" | "verdict" | "verification" | "released" | "rolled_back" | "refused" | "roll_back" | "decision" | "asked" | "approval" | "pause" | "resume" | "backtest" | "blocked";
  readonly word: string;
  readonly title: string;
  readonly reasons: readonly string[];
  readonly version: string;
  readonly by: string;
  readonly why: string;
}

/** How long a version was live. */
export interface Span {
  readonly version: string;
  readonly generation: number;
  readonly start: Instant;
  readonly end: Instant | null;
  readonly target: string;
}

/** A metric in one window. */
export interface BandPoint {
  readonly window: string;
  readonly start: Instant;
  readonly end: Instant;
  readonly level: "OK" | "WARN" | "ACT" | "INCONCLUSIVE";
  readonly version: string;
  readonly value: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  readonly is_estimated: boolean;
  readonly rows: number;
}

/** A metric over windows, and what it is held against. */
export interface Band {
  readonly metric: string;
  readonly more_is_better: boolean;
  readonly reference: number | null;
  readonly warn: number | null;
  readonly act: number | null;
  readonly points: readonly BandPoint[];
}

/** What happened to a pipeline, the oldest first. */
export interface TimeLine {
  readonly events: readonly Happened[];
  readonly spans: readonly Span[];
  readonly drift: readonly Mark[];
  readonly drift_warn: number | null;
  readonly drift_act: number | null;
  readonly drift_method: string;
  readonly bands: readonly Band[];
  readonly left_out: number;
  readonly until: Instant | null;
}

/** A version on the leaderboard. */
export interface Ranked {
  readonly version: string;
  readonly as_of: Instant | null;
  readonly outcome: string;
  readonly against: string;
  readonly made_by: "run" | "backtest";
  readonly value: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  readonly live: "live" | "was live" | "";
}

/** Every version that was judged, the newest data first, each on its own holdout. */
export interface Leaderboard {
  readonly metric: string;
  readonly metrics: readonly string[];
  readonly more_is_better: boolean;
  readonly rows: readonly Ranked[];
  readonly left_out: number;
}

/** One group of rows of a gate on slices. */
export interface SliceOfGate {
  readonly name: string;
  readonly status: string;
  readonly rows: number;
  readonly value: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  readonly reason: string;
}

/** What one gate said of a candidate. */
export interface Gate {
  readonly number: Number;
  readonly status: "PASS" | "FAIL" | "UNDECIDED" | "LATER";
  readonly reason: string;
  readonly is_shadow: boolean;
  readonly rows: number;
  readonly champion: number | null;
  readonly confidence: number | null;
  readonly margin: number | null;
  readonly needed_rows: number | null;
  readonly slices: readonly SliceOfGate[];
}

/** One station of the chain that a candidate came to. */
export interface Stage {
  readonly name: string;
  readonly state: "done" | "ended" | "running" | "waiting" | "not reached";
  readonly says: string;
  readonly at: Instant | null;
}

/** The last candidate, or one that is named, and how far it came. */
export interface Candidate {
  readonly version: string;
  readonly against: string;
  readonly outcome: "PROMOTE" | "HOLD" | "REJECT";
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
  readonly rows: number;
  readonly as_of: Instant | null;
  readonly gates: readonly Gate[];
  readonly stages: readonly Stage[];
  readonly report: string;
  readonly problem: string;
}

/** One step of a rollout. */
export interface Rung {
  readonly label: string;
  readonly percent: number;
  readonly is_shadow: boolean;
  readonly state: "passed" | "now" | "to come" | "failed" | "skipped";
  readonly reasons: readonly string[];
}

/** The rollout that is under way, or else the last one. */
export interface Ladder {
  readonly is_running: boolean;
  readonly target: string;
  readonly candidate: string;
  readonly champion: string;
  readonly rungs: readonly Rung[];
  readonly needed: number;
  readonly live: Live | null;
  readonly ended: string;
  readonly ended_at: Instant | null;
  readonly reasons: readonly string[];
}

/** One validation of a snapshot. */
export interface Validated {
  readonly snapshot: string;
  readonly as_of: Instant;
  readonly rows: number | null;
  readonly partitions: number | null;
  readonly quarantined: number;
  readonly passed: boolean;
  readonly expectations: number | null;
  readonly failures: readonly string[];
  readonly warnings: readonly string[];
  readonly docs: string;
}

/** Validations, the newest first. */
export interface Validations {
  readonly rows: readonly Validated[];
}

/** One walk-forward backtest. */
export interface Backtested {
  readonly digest: string;
  readonly at: Instant;
  readonly headline: string;
  readonly sentences: readonly string[];
  readonly start: Instant | null;
  readonly end: Instant | null;
  readonly models: number;
  readonly report: string;
}

/** Walk-forward backtests, the newest first. */
export interface Backtests {
  readonly rows: readonly Backtested[];
}

/** One partition of a snapshot. */
export interface Part {
  readonly start: Instant | null;
  readonly digest: string;
  readonly rows: number;
}

/** One link of the chain that a version came from. */
export interface Made {
  readonly name: string;
  readonly what: string;
  readonly says: readonly string[];
  readonly state: "holds" | "gone" | "broken" | "unknown";
  readonly problem: string;
  readonly url: string;
}

/** What a version was made from. */
export interface Lineage {
  readonly version: string;
  readonly links: readonly Made[];
  readonly partitions: readonly Part[];
  readonly commit: string;
  readonly is_signed: boolean;
  readonly left_out: number;
  readonly problem: string;
}

/** One reason. */
export interface Because {
  readonly text: string;
  readonly state: "good" | "bad" | "open" | "told";
}

/** Something to look at. */
export interface Proof {
  readonly title: string;
  readonly text: string;
  readonly url: string;
  readonly digest: string;
}

/** Another page that tells why. */
export interface Related {
  readonly title: string;
  readonly query: string;
}

/** One answer in plain words, with the evidence behind it. */
export interface Why {
  readonly question: string;
  readonly answer: string;
  readonly word: string;
  readonly at: Instant | null;
  readonly by: string;
  readonly because: readonly Because[];
  readonly next: readonly string[];
  readonly proofs: readonly Proof[];
  readonly related: readonly Related[];
  readonly look_again: Instant | null;
}

/** What a roll back would do. */
export interface GoingBack {
  readonly live: Version | null;
  readonly to: Version | null;
  readonly choices: readonly Version[];
  readonly changes: readonly string[];
  readonly warnings: readonly string[];
  readonly problem: string;
}

/** Who looks. */
export interface Person {
  readonly name: string;
  readonly may_see: number;
}

/** What a page of Airflow is about: a pipeline, or none of ours. */
export interface Placed {
  readonly pipeline: string;
  readonly tab: "" | "why" | "time-line" | "candidate" | "rollout" | "data" | "window";
  readonly query: string;
  readonly version: string;
}
