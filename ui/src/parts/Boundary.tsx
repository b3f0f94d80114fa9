import { Component, type ComponentChildren } from "preact";

interface Props {
  children: ComponentChildren;
}

/** Keeps a mistake in one part of a page from taking the rest with it. */
export class Boundary extends Component<Props, { says: string }> {
  override state = { says: "" };

  static override getDerivedStateFromError(error: unknown): { says: string } {
    return { says: error instanceof Error ? error.message : String(error) };
  }

  override render({ children }: Props, { says }: { says: string }) {
    if (!says) return children;
    return (
      <div class="problem" role="alert">
        <p>This part cannot be shown. Try again; if that does not help, reload the page.</p>
        <button type="button" class="small" onClick={() => this.setState({ says: "" })}>
          Try again
        </button>
        <details>
          <summary>For whoever mends it</summary>
          <code>{says}</code>
        </details>
      </div>
    );
  }
}
