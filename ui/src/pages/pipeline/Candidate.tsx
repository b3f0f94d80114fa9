import { why } from "../../address";
import { useAsk } from "../../ask";
import { Badge, Sign, type Tone } from "../../parts/Badge";
import { count } from "../../parts/Figure";
import { Report } from "../../parts/Report";
import { Said } from "../../parts/Said";
import { Asked, Section } from "../../parts/Section";
import { Time } from "../../parts/Time";
import { Link } from "../../router";
import type { Candidate as Shown, Stage } from "../../shapes";
import { Gates } from "./Gates";
import { pathOf } from "./paths";

const TONES: Record<Stage["state"], Tone> = {
  done: "good",
  ended: "warn",
  running: "open",
  waiting: "open",
  "not reached": "told",
};

interface Props {
  name: string;
  /** Empty: the last one. */
  version?: string;
  /** Whether the page is about that version alone, so that no other can be chosen. */
  isAlone?: boolean;
}

/** The last candidate, or one that is chosen: what the gates said, and how far it came. */
export function Candidate({ name, version = "", isAlone = false }: Props) {
  const asked = useAsk<Shown | null>(pathOf(name, "candidate", { version }), { every: 30 });
  const last = version && !isAlone && <Link to="?#candidate">Show the last candidate</Link>;
  return (
    <Section id="candidate" title={version ? `Candidate ${version}` : "Last candidate"} acts={last || undefined}>
      <Asked of={asked} lines={8} empty="No candidate was ever judged. Train once, and its gates are shown here.">
        {(candidate) => <Whole name={name} candidate={candidate} />}
      </Asked>
    </Section>
  );
}

function Whole({ name, candidate }: { name: string; candidate: Shown }) {
  return (
    <>
      <p class="pl-line">
        <Badge word={candidate.outcome} />
        <strong>version {candidate.version}</strong>
        {candidate.against ? <> against version {candidate.against}</> : <> with no champion to compare with</>}
        <span class="muted">
          on {count(candidate.rows)} labelled rows
          {candidate.as_of && (
            <>
              , data up to <Time at={candidate.as_of} />
            </>
          )}
        </span>
        <Link to={why(name, `version=${encodeURIComponent(candidate.version)}`)}>Why?</Link>
      </p>
      <ul class="pl-reasons">
        {candidate.reasons.map((reason) => (
          <li key={reason}>
            <Said text={reason} />
          </li>
        ))}
      </ul>
      {candidate.warnings.map((warning) => (
        <p key={warning} class="pl-warning">
          <Badge word="warn" says="take care" /> <Said text={warning} />
        </p>
      ))}
      <Stages stages={candidate.stages} />
      {candidate.problem && <p class="problem">{candidate.problem}</p>}
      {candidate.gates.length > 0 && <Gates gates={candidate.gates} />}
      {candidate.report && <Report url={candidate.report} title="the judgement's report" />}
    </>
  );
}

/** Longer than four lines of a narrow column. */
const LONG = 80;

/** A text that is folded to four lines where it is long. */
function Told({ text }: { text: string }) {
  if (text.length <= LONG) return <small>{text}</small>;
  return (
    <details>
      <summary>
        <small>{text}</small>
      </summary>
    </details>
  );
}

function Stages({ stages }: { stages: readonly Stage[] }) {
  return (
    <ol class="pl-stages" aria-label="How far it came">
      {stages.map((stage) => (
        <li key={stage.name} class={`${TONES[stage.state]} ${stage.state === "not reached" ? "pl-later" : ""}`}>
          <span class="pl-label">
            <Sign tone={TONES[stage.state]} /> {stage.name.replaceAll("_", " ")}
          </span>
          <span class="pl-state">
            {stage.state === "ended" ? "ended here" : stage.state}
            {stage.at && (
              <>
                , <Time at={stage.at} />
              </>
            )}
          </span>
          {stage.says && <Told text={stage.says} />}
        </li>
      ))}
    </ol>
  );
}
