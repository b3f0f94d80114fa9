import { useState } from "preact/hooks";
import { given } from "../address";
import { Leave } from "../router";

interface Props {
  /** Address below /airloop. */
  url: string;
  title: string;
}

/** A report inside our page, to be opened by itself or to be kept. It runs isolated: it quotes data. */
export function Report({ url, title }: Props) {
  const [isShown, show] = useState(false);
  const href = given(url);
  return (
    <div class="pl-report">
      <p class="acts">
        <button type="button" class="small" aria-expanded={isShown} onClick={() => show(!isShown)}>
          {isShown ? "Hide" : "Show"} {title}
        </button>
        <Leave to={href}>Open by itself</Leave>
        <a href={href} download={fileOf(url)}>
          Download
        </a>
      </p>
      {isShown && <iframe src={href} title={title} loading="lazy" sandbox="allow-scripts allow-popups" />}
    </div>
  );
}

/** `verdicts/3f2a…/report.html` is kept as `verdicts-3f2a-report.html`. */
function fileOf(url: string): string {
  const [kind = "", digest = "", ...rest] = (url.split("/artifacts/")[1] ?? url).split("/");
  return [kind, digest.slice(0, 8), rest.at(-1) ?? "report.html"].filter(Boolean).join("-");
}
