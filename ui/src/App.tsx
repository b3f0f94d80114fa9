import { useEffect, useRef } from "preact/hooks";
import { decoded } from "./address";
import { AtPage } from "./pages/at/index";
import { ModelsPage } from "./pages/models/index";
import { PipelinePage } from "./pages/pipeline/index";
import { WhyPage } from "./pages/why/index";
import { Boundary } from "./parts/Boundary";
import { Toasts } from "./parts/Toast";
import { Link, type Route, useRoute } from "./router";

/** All pages, and which one the address asks for. */
export function App() {
  const route = useRoute();
  const title = titleOf(route);
  useEffect(() => {
    document.title = `${title} – Airloop`;
  }, [title]);
  const main = useFocusOnPage(pageOf(route));
  return (
    <>
      <a class="skip" href={`${location.pathname}#main`} onClick={skip}>
        Skip to the content
      </a>
      <main id="main" ref={main} tabIndex={-1} aria-label={title}>
        <Boundary key={route.path}>
          <Page route={route} />
        </Boundary>
      </main>
      <Toasts />
    </>
  );
}

function Page({ route }: { route: Route }) {
  const [kind, name, rest] = route.path.split("/").slice(1).map(decoded);
  if (!kind) return <ModelsPage />;
  if (kind === "at") return <AtPage query={route.query} />;
  if (kind === "pipelines" && name && !rest) return <PipelinePage key={name} name={name} />;
  if (kind === "pipelines" && name && rest === "why")
    return <WhyPage key={location.search} name={name} query={route.query} />;
  return (
    <div class="empty">
      There is no page {route.path}. <Link to="/">All models</Link>
    </div>
  );
}

/** What tells one page from another: each answer to why is a page of its own. */
const pageOf = ({ path, query }: Route): string => (path.endsWith("/why") ? `${path}?${query}` : path);

function titleOf({ path, query }: Route): string {
  const [kind, name, rest] = path.split("/").slice(1).map(decoded);
  if (kind === "at") return query.get("task_id") || query.get("dag_id") || "Airloop";
  if (!kind || !name) return "Models";
  return rest === "why" ? `Why? ${name}` : name;
}

/** Gives the focus to the top of the page when another one is there; what had it is gone with the page before. */
function useFocusOnPage(page: string) {
  const top = useRef<HTMLElement>(null);
  const before = useRef(page);
  useEffect(() => {
    if (before.current === page) return;
    before.current = page;
    top.current?.focus({ preventScroll: true });
  }, [page]);
  return top;
}

function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
