import { given, pipeline, why } from "../address";
import type { Asked } from "../ask";
import { Badge, Sign } from "../parts/Badge";
import { Problem, Skeleton } from "../parts/Section";
import { Age } from "../parts/Time";
import { Leave, Link } from "../router";
import type { Approval, Candidate, ModelRow } from "../shapes";
import { runPage } from "./dag";
import { isAbout } from "./question";

interface Props {
  row: ModelRow;
  approval: Approval;
  judged: Asked<Candidate>;
}

/** What the judges said of the very candidate that is asked about; where that is not known, nothing instead. */
export function Evidence({ row, approval, judged }: Props) {
  const its = judged.state === "ready" && isAbout(approval, row.name, judged.value.version) ? judged.value : null;
  return (
    <>
      <p>
        {its && <Badge word={its.outcome} />} asked <Age since={approval.since} />.{" "}
        {its && <Pages name={row.name} version={its.version} />}
        <Leave to={given(runPage(approval.dag_id, approval.run_id))}>Run</Leave>
      </p>
      {judged.state === "loading" && <Skeleton lines={2} />}
      {judged.state === "error" && (
        <Problem error={`What was judged in this run is not known: ${judged.error.message}`} again={judged.again} />
      )}
      {judged.state === "ready" && !its && (
        <Problem
          error={`What was judged is not shown: the ledger has version ${judged.value.version} for this run, and that is not asked about.`}
        />
      )}
      {its && <Said row={row} candidate={its} />}
    </>
  );
}

function Pages({ name, version }: { name: string; version: string }) {
  const query = `version=${encodeURIComponent(version)}`;
  return (
    <>
      <Link to={why(name, query)}>Why</Link>
      {" · "}
      <Link to={`${pipeline(name)}?${query}#candidate`}>Candidate</Link>
      {" · "}
    </>
  );
}

function Said({ row, candidate: { version, against, reasons, warnings } }: { row: ModelRow; candidate: Candidate }) {
  const live = row.champion?.version ?? "";
  return (
    <>
      <p>
        Version {version} against {against ? `version ${against}` : "no champion"}.{" "}
        {live !== against && live !== "" && <strong>Version {live} is live now.</strong>}
      </p>
      <ul class="list" aria-label="Reasons">
        {reasons.map((reason) => (
          <li key={reason}>
            <Sign tone="told" />
            {reason}
          </li>
        ))}
        {warnings.map((warning) => (
          <li key={warning}>
            <Sign tone="warn" />
            {warning}
          </li>
        ))}
      </ul>
    </>
  );
}
