import { useEffect } from "preact/hooks";
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
  useEffect(() => {
    document.title = titleOf(route);
  }, [route.path]);
  return (
    <>
      <a class="skip" href={`${location.pathname}#main`} onClick={skip}>
        Skip to the content
      </a>
      <main id="main" tabIndex={-1}>
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

const titleOf = ({ path }: Route): string => `${decoded(path.split("/")[2] ?? "Models")} – Airloop`;

function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
