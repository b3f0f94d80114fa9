import { useRef, useState } from "preact/hooks";
import { useAsk } from "../ask";
import { Sign } from "../parts/Badge";
import { Asked, Problem } from "../parts/Section";
import type { GoingBack, Pipeline, Version } from "../shapes";
import { wall, zone } from "../zone";
import { Form } from "./Form";
import { SwitchedOff, begin } from "./SwitchedOff";
import { dagId, useDag } from "./dag";
import { ChoiceField, TextField } from "./fields";

/** Goes back to a version that was live before; says first what that would change. */
export function RollBack({ of: { row }, onClose }: { of: Pipeline; onClose: () => void }) {
  const [to, setTo] = useState("");
  const [reason, setReason] = useState("");
  const [isOn, setOn] = useState(true);
  const asked = useAsk<GoingBack>(
    `/pipelines/${encodeURIComponent(row.name)}/going-back${to && `?to=${encodeURIComponent(to)}`}`,
  );
  const dag = useDag(dagId(row.name, "rollback"));
  const isOff = dag.state === "ready" && dag.value.is_paused;
  const plan = asked.state === "ready" ? asked.value : null;
  const shown = useLast(plan);
  const goal = plan?.to?.version ?? "";
  const run = () => begin(row.name, "rollback", { to: goal, reason: reason.trim() }, isOff && isOn);
  return (
    <Form
      title={`Roll ${row.name} back`}
      onClose={onClose}
      deeds={[
        {
          label: goal ? `Go back to version ${goal}` : "Go back",
          look: "danger",
          disabled: !goal || !!plan?.problem,
          run,
        },
      ]}
    >
      {shown && asked.state !== "error" ? (
        <Plan plan={shown} to={to || shown.to?.version || ""} setTo={setTo} />
      ) : (
        <Asked of={asked} lines={5}>
          {() => null}
        </Asked>
      )}
      <TextField
        label="Reason"
        required
        value={reason}
        set={setReason}
        hint="Why the champion has to go. It stands in the ledger for good, with your name."
      />
      {isOff && <SwitchedOff dag={dagId(row.name, "rollback")} part="rollback" value={isOn} set={setOn} />}
    </Form>
  );
}

/** The last answer, which stays while the next is on its way: nothing jumps when another version is chosen. */
function useLast<T>(value: T | null): T | null {
  const last = useRef(value);
  if (value) last.current = value;
  return last.current;
}

const called = (version: Version): string =>
  `${version.version}, live from ${wall(new Date(version.since), zone())}, data up to ${wall(new Date(version.data_cut_off), zone())}`;

function Plan({ plan, to, setTo }: { plan: GoingBack; to: string; setTo: (to: string) => void }) {
  const choices = plan.choices.map((one) => [one.version, `Version ${called(one)}`] as const);
  return (
    <>
      {plan.live && <p class="muted">Live now: version {called(plan.live)}.</p>}
      {plan.choices.length > 0 && (
        <ChoiceField
          label="Go back to"
          value={to}
          set={setTo}
          choices={to ? choices : [["", "Choose a version"], ...choices]}
        />
      )}
      {plan.problem && <Problem error={plan.problem} />}
      {plan.changes.length > 0 && (
        <ul class="list" aria-label="What changes">
          {plan.changes.map((line) => (
            <li key={line}>
              <Sign tone="told" />
              {line}
            </li>
          ))}
        </ul>
      )}
      {plan.warnings.length > 0 && (
        <ul class="list" aria-label="Beware">
          {plan.warnings.map((line) => (
            <li key={line}>
              <Sign tone="warn" />
              {line}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
