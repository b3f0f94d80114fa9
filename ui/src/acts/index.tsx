/** What people do with a pipeline. All of it goes to Airflow's own API, with the user's own rights. */
import { useId, useState } from "preact/hooks";
import type { ModelRow, Pipeline } from "../shapes";
import { Answer } from "./Answer";
import { Monitor } from "./Monitor";
import { Pausing } from "./Pausing";
import { RollBack } from "./RollBack";
import { Train } from "./Train";

const DIALOGS = { train: Train, monitor: Monitor, roll_back: RollBack, pause: Pausing };

export type Verb = keyof typeof DIALOGS;

/** What a verb is called on its button. */
const called = (verb: Verb, { row }: Pipeline): string =>
  ({
    train: "Train now",
    monitor: "Run monitoring",
    roll_back: "Roll back",
    pause: row.pause ? "Let releases go on" : "Pause releases",
  })[verb];

/** Why something cannot be done now although the user may; "" where it can. */
function obstacle(verb: Verb, { row, problem, versions }: Pipeline): string {
  if (problem && verb !== "pause" && verb !== "roll_back") return "its description cannot be read";
  if (verb === "roll_back" && !row.champion) return "nothing is live yet";
  if (verb === "roll_back" && new Set(versions.map((one) => one.version)).size < 2)
    return "there is no earlier version to go back to";
  return "";
}

interface ActsProps {
  of: Pipeline;
  /** Called when what a button opened is closed again. */
  onClosed?: () => void;
}

/** Buttons for everything that the user may do with a pipeline; what they may not do is not shown. */
export function Acts({ of, onClosed }: ActsProps) {
  const [open, setOpen] = useState<Verb | null>(null);
  const id = useId();
  const verbs = (Object.keys(DIALOGS) as Verb[]).filter((verb) => of.rights[verb]);
  const barred = verbs.filter((verb) => obstacle(verb, of));
  const Opened = open && DIALOGS[open];
  const close = () => {
    setOpen(null);
    onClosed?.();
  };
  return (
    <div class="acts">
      <AnswerButton row={of.row} mayAnswer={of.rights.answer} {...(onClosed && { onClosed })} />
      {verbs.map((verb) =>
        barred.includes(verb) ? (
          <button key={verb} type="button" aria-disabled="true" aria-describedby={`${id}-${verb}`}>
            {called(verb, of)}
          </button>
        ) : (
          <button key={verb} type="button" onClick={() => setOpen(verb)}>
            {called(verb, of)}
          </button>
        ),
      )}
      {barred.map((verb) => (
        <span key={verb} id={`${id}-${verb}`} class="muted small-text acts-barred">
          {called(verb, of)}: {obstacle(verb, of)}.
        </span>
      ))}
      {!verbs.length && !of.rights.answer && <span class="muted">You may look at this pipeline, but not act.</span>}
      {Opened && <Opened of={of} onClose={close} />}
    </div>
  );
}

interface AnswerProps {
  row: ModelRow;
  small?: boolean;
  /** Whether the user may answer; else the button only shows what is asked. */
  mayAnswer?: boolean;
  onClosed?: () => void;
}

/** A button to answer releases that wait for a person; nothing where none waits. */
export function AnswerButton({ row, small = false, mayAnswer = false, onClosed }: AnswerProps) {
  const [isOpen, setOpen] = useState(false);
  const close = () => {
    setOpen(false);
    onClosed?.();
  };
  const [oldest, ...others] = row.airflow?.approvals ?? [];
  if (!oldest) return null;
  return (
    <>
      <button type="button" class={small ? "first small" : "first"} onClick={() => setOpen(true)}>
        {mayAnswer ? "Approve or reject" : "Waits for approval"}
        {others.length > 0 && ` (${others.length + 1})`}
        <span class="unseen"> {row.name}</span>
      </button>
      {isOpen && <Answer row={row} approvals={[oldest, ...others]} onClose={close} />}
    </>
  );
}
