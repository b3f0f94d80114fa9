import { useState } from "preact/hooks";
import { given, pipeline, why } from "../address";
import { act, useAsk } from "../ask";
import { Badge, Sign } from "../parts/Badge";
import { Problem } from "../parts/Section";
import { Age } from "../parts/Time";
import { Leave, Link } from "../router";
import type { Approval, ModelRow, Person, Pipeline } from "../shapes";
import { Form } from "./Form";
import { runPage } from "./dag";
import { TextField } from "./fields";

/** What Airflow keeps of a question to a person. */
interface Question {
  readonly params: Readonly<Record<string, { readonly value: unknown }>>;
  readonly response_received: boolean;
  readonly responded_by_user: { readonly name: string } | null;
  readonly chosen_options: readonly string[] | null;
}

const address = ({ dag_id, run_id, task_id, map_index }: Approval): string =>
  `/api/v2/dags/${encodeURIComponent(dag_id)}/dagRuns/${encodeURIComponent(run_id)}/taskInstances/${encodeURIComponent(task_id)}/${map_index}/hitlDetails`;

interface Props {
  row: ModelRow;
  approval: Approval;
  onClose: () => void;
}

/** Says yes or no to a release that waits for a person. */
export function Answer({ row, approval, onClose }: Props) {
  const [comment, setComment] = useState("");
  const question = useAsk<Question>(address(approval));
  const cannot = useWhyNot(row.name, approval);
  const answer = (option: "Approve" | "Reject") => async () => {
    const params = question.state === "ready" ? question.value.params : {};
    const all = Object.fromEntries(Object.entries(params).map(([key, { value }]) => [key, value]));
    // Airflow takes all of a question's fields or none.
    const input = comment.trim() && "comment" in params ? { ...all, comment: comment.trim() } : {};
    await act("PATCH", address(approval), { chosen_options: [option], params_input: input });
    return (
      <span>
        {option === "Approve" ? "Approved: the release goes on." : "Rejected: the champion stays."}{" "}
        <Leave to={given(runPage(approval.dag_id, approval.run_id))}>Open the run</Leave>
      </span>
    );
  };
  const isLate = question.state === "ready" && question.value.response_received;
  const disabled = question.state !== "ready" || isLate;
  return (
    <Form
      title={approval.subject}
      onClose={onClose}
      deeds={
        cannot
          ? []
          : [
              { label: "Reject", look: "danger", disabled, run: answer("Reject") },
              { label: "Approve", look: "first", disabled, run: answer("Approve") },
            ]
      }
    >
      <Reasons row={row} approval={approval} />
      {question.state === "error" && <Problem error={question.error} again={question.again} />}
      {isLate && (
        <Problem
          error={`${question.value.responded_by_user?.name || "Somebody"} has answered already: ${question.value.chosen_options?.join(", ") ?? ""}.`}
        />
      )}
      {cannot && <Problem error={cannot} />}
      <p class="muted">
        Approve: the model is packaged, verified and rolled out. Reject, or no answer in time: the champion stays.
      </p>
      {!cannot && (
        <TextField
          label="Comment"
          value={comment}
          set={setComment}
          hint="For those who ask later why. It stands in the ledger with your name."
        />
      )}
    </Form>
  );
}

/** Why the user may not answer, "" where they may or where only Airflow can tell. */
function useWhyNot(name: string, { approvers }: Approval): string {
  const me = useAsk<Person>("/me");
  const of = useAsk<Pipeline>(`/pipelines/${encodeURIComponent(name)}`);
  if (approvers.length && me.state === "ready" && !approvers.includes(me.value.name))
    return `Only ${approvers.join(" or ")} may answer.`;
  return of.state === "ready" && !of.value.rights.answer ? "You may look at this, but not answer." : "";
}

/** What the judges said, which is what the answer is about. */
function Reasons({ row, approval }: { row: ModelRow; approval: Approval }) {
  const { verdict } = row;
  return (
    <>
      <p>
        {verdict && <Badge word={verdict.outcome} />} asked <Age since={approval.since} />.{" "}
        {verdict && <Link to={why(row.name, `version=${encodeURIComponent(verdict.version)}`)}>Why</Link>}
        {" · "}
        <Link to={pipeline(row.name, "candidate")}>Candidate</Link>
        {" · "}
        <Leave to={given(runPage(approval.dag_id, approval.run_id))}>Run</Leave>
      </p>
      {verdict && (
        <ul class="list" aria-label="Reasons">
          {verdict.reasons.map((reason) => (
            <li key={reason}>
              <Sign tone="told" />
              {reason}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
