import { Badge } from "../../parts/Badge";
import { Age } from "../../parts/Time";
import type { Pipeline } from "../../shapes";

/** What one must not overlook: releases are paused, or a release waits for a person. */
export function Banners({ pipeline }: { pipeline: Pipeline }) {
  const { pause, airflow } = pipeline.row;
  return (
    <>
      {pause && (
        <div class="pl-banner warn" role="note">
          <Badge word="paused" />
          <p>
            Releases are paused by <strong>{pause.by}</strong> (<Age since={pause.since} />
            ): {pause.reason}
          </p>
        </div>
      )}
      {airflow?.approvals.map((approval) => (
        <div class="pl-banner open" role="note" key={approval.run_id}>
          <Badge word="needs you" says="waits for approval" />
          <p>
            {approval.subject}{" "}
            <span class="muted">
              (<Age since={approval.since} />
              {approval.approvers.length > 0 && `; ${approval.approvers.join(", ")} may answer`})
            </span>
          </p>
        </div>
      ))}
    </>
  );
}
