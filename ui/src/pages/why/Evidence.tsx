import { given } from "../../address";
import { Copied } from "../../parts/Copied";
import { Report } from "../../parts/Report";
import { Said } from "../../parts/Said";
import { Leave } from "../../router";
import type { Proof } from "../../shapes";

const isReport = (url: string): boolean => /^\/airloop\/artifacts\/.*\.html$/.test(url);

/** What the answer rests on, to be looked at. */
export function Evidence({ proofs }: { proofs: readonly Proof[] }) {
  return (
    <section aria-labelledby="why-evidence">
      <h2 id="why-evidence">Evidence</h2>
      <ul class="why-proofs">
        {proofs.map((proof) => (
          <li key={proof.title + proof.digest + proof.url}>
            <h3>{proof.title}</h3>
            {proof.text && (
              <p>
                <Said text={proof.text} />
              </p>
            )}
            {proof.digest && <Copied text={proof.digest} what={`the digest of ${proof.title}`} />}
            {isReport(proof.url) ? (
              <Report url={proof.url} title="the report" />
            ) : (
              proof.url && (
                <p>
                  <Leave to={given(proof.url)}>Look at it</Leave>
                </p>
              )
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
