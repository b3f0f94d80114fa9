import { useEffect, useRef } from "preact/hooks";
import { Sign, toneOf } from "../../parts/Badge";
import type { ModelRow } from "../../shapes";
import { STATES, type State, type View, counted, isFiltered, stateOf } from "./view";

const CALLED: Record<State, string> = {
  approval: "Waits for approval",
  act: "Act",
  broken: "Broken",
  watch: "Watch",
  new: "New",
  well: "Well",
};

interface Props {
  rows: readonly ModelRow[];
  /** Whether nobody knows the states now. */
  isBlind: boolean;
  view: View;
  set: (change: Partial<View>) => void;
}

/** What to show: words, states, targets, an owner, a tag. */
export function Filters({ rows, isBlind, view, set }: Props) {
  const search = useSlash();
  const states = isBlind ? [] : counted(rows.map(stateOf));
  const targets = counted(rows.map((row) => row.target));
  return (
    <div class="filters" role="search">
      <input
        ref={search}
        type="search"
        class="search"
        placeholder="Search  ( / )"
        aria-label="Search models"
        aria-keyshortcuts="/"
        value={view.words}
        onInput={(event) => set({ words: event.currentTarget.value })}
      />
      <div class="chips" role="group" aria-label="State">
        {STATES.filter((state) => states.some(([one]) => one === state) || view.states.includes(state)).map((state) => (
          <Chip
            key={state}
            text={CALLED[state]}
            tone={toneOf(state)}
            many={states.find(([one]) => one === state)?.[1] ?? 0}
            isOn={view.states.includes(state)}
            turn={() => set({ states: STATES.filter((one) => view.states.includes(one) !== (one === state)) })}
          />
        ))}
      </div>
      {(targets.length > 1 || view.targets.length > 0) && (
        <div class="chips" role="group" aria-label="Target">
          {targets.map(([target, many]) => (
            <Chip
              key={target}
              text={target}
              many={many}
              isOn={view.targets.includes(target)}
              turn={() =>
                set({
                  targets: targets.map(([one]) => one).filter((one) => view.targets.includes(one) !== (one === target)),
                })
              }
            />
          ))}
        </div>
      )}
      <Choice
        label="Owner"
        value={view.owner}
        of={counted(rows.map((row) => row.owner))}
        set={(owner) => set({ owner })}
      />
      <Choice label="Tag" value={view.tag} of={counted(rows.flatMap((row) => row.tags))} set={(tag) => set({ tag })} />
      {isFiltered(view) && (
        <button
          type="button"
          class="plain small"
          onClick={() => set({ words: "", states: [], targets: [], owner: "", tag: "" })}
        >
          Show all
        </button>
      )}
    </div>
  );
}

interface ChipProps {
  text: string;
  many: number;
  isOn: boolean;
  turn: () => void;
  tone?: ReturnType<typeof toneOf>;
}

function Chip({ text, many, isOn, turn, tone }: ChipProps) {
  return (
    <button type="button" class="chip" aria-pressed={isOn} onClick={turn}>
      {tone && <Sign tone={tone} />}
      {text} <span class="number muted">{many}</span>
    </button>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  of: readonly (readonly [string, number])[];
  set: (value: string) => void;
}

function Choice({ label, value, of, set }: ChoiceProps) {
  if (of.length < 2 && !value) return null;
  return (
    <select
      class={value ? "chip on" : "chip"}
      aria-label={label}
      value={value}
      onChange={(event) => set(event.currentTarget.value)}
    >
      <option value="">{label}: all</option>
      {of.map(([one, many]) => (
        <option key={one} value={one}>
          {one} ({many})
        </option>
      ))}
    </select>
  );
}

/** `/` goes to the search, unless something is being written. */
function useSlash() {
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const at = event.target instanceof Element ? event.target.closest("input, textarea, select, dialog") : null;
      if (event.key !== "/" || event.ctrlKey || event.metaKey || at) return;
      event.preventDefault();
      search.current?.focus();
      search.current?.select();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  return search;
}
