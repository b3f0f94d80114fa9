import { useState } from "preact/hooks";
import { given } from "../address";
import { act, useAsk } from "../ask";
import { Problem } from "../parts/Section";
import { Leave } from "../router";
import type { Approval, Candidate, ModelRow, Person, Pipeline } from "../shapes";
import { Evidence } from "./Evidence";
import { Form } from "./Form";
import { runPage } from "./dag";
import { ChoiceField, TextField } from "./fields";
import { address, called, evidenceAt, keyOf } from "./question";

/** What Airflow keeps of a question to a person. */
interface Question {
  readonly params: Readonly<Record<string, { readonly value: unknown }>>;
  readonly response_received: boolean;
  readonly responded_by_user: { readonly name: string } | null;
  readonly chosen_options: readonly string[] | null;
}

interface Props {
  row: ModelRow;
  /** Those that are open, the oldest first. */
  approvals: readonly [Approval, ...Approval[]];
  onClose: () => void;
}

/** Says yes or no to a release that waits for a person; of several the oldest, unless another is chosen. */
export function Answer({ row, approvals, onClose }: Props) {
  // The question stays the one that was read, also where somebody answers it, or an older one, meanwhile.
  const [approval, choose] = useState(approvals[0]);
  const isOpen = approvals.some((one) => keyOf(one) === keyOf(approval));
  const questions = isOpen ? approvals : [approval, ...approvals];
  const [comment, setComment] = useState("");
  const question = useAsk<Question>(address(approval));
  const judged = useAsk<Candidate>(evidenceAt(row.name, approval));
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
  const disabled = question.state !== "ready" || isLate || judged.state === "loading";
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
      {questions.length > 1 && (
        <ChoiceField
          label="Question"
          value={keyOf(approval)}
          set={(key) => {
            choose(questions.find((one) => keyOf(one) === key) ?? approval);
            setComment("");
          }}
          choices={called(questions)}
          hint="The oldest comes first."
        />
      )}
      <Evidence row={row} approval={approval} judged={judged} />
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
