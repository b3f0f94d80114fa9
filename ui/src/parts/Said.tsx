/** A text of the server's: what it sets in backticks is code, and nothing else means anything. */
export function Said({ text }: { text: string }) {
  const parts = text.split(/`([^`]+)`/);
  return <>{parts.map((part, place) => (place % 2 ? <code key={place}>{part}</code> : part))}</>;
}
