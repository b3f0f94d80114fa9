import { Head } from "./Table";
import { read } from "./view";

const ROWS = 8;

/** The page before its rows are there: as high as with them, so that nothing jumps. */
export function Loading() {
  return (
    <>
      <header class="models-head">
        <h1>Models</h1>
        <p class="ghost" style={{ width: "260px" }} />
      </header>
      <div class="filters">
        <input type="search" class="search" placeholder="Search  ( / )" aria-label="Search models" disabled />
      </div>
      <div class="models-box" role="status" aria-label="Loading models">
        <table class="models" role="table" inert>
          <Head view={read(new URLSearchParams())} sortBy={() => undefined} />
          <tbody role="rowgroup">
            {Array.from({ length: ROWS }, (_, row) => (
              <tr role="row" key={row}>
                {["c-name", "c-state", "c-champion", "c-verdict", "c-drift"].map((cell) => (
                  <td role="cell" class={cell} key={cell}>
                    <span class="ghost" style={{ width: "70%" }} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
