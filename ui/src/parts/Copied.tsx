import { useState } from "preact/hooks";

/** A digest: its first figures, and a button that copies all of it. */
export function Copied({ text, shown = short(text), what }: { text: string; shown?: string; what: string }) {
  const [isCopied, setCopied] = useState(false);
  const click = async () => {
    setCopied(await copy(text));
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <span class="pl-copied">
      <code title={text}>{shown}</code>
      <button type="button" class="plain small" aria-label={`Copy ${what}`} onClick={click}>
        {isCopied ? "Copied" : "Copy"}
      </button>
    </span>
  );
}

const short = (text: string): string =>
  /^(sha256:)?[0-9a-f]{20,}$/.test(text) ? `${text.replace("sha256:", "").slice(0, 12)}…` : text;

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByHand(text);
  }
}

/** Inside a frame, or without TLS, browsers refuse the clipboard; a selection still works. */
function copyByHand(text: string): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "unseen";
  document.body.append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  return isDone;
}
