import { around } from "./airflow";

/** Follows the theme of the Airflow page around ours, also when the user switches it; alone, the system's. */
export function followTheme(): void {
  const forced = new URLSearchParams(location.search).get("theme");
  const root = around?.document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (forced ? forced === "dark" : root ? root.classList.contains("dark") : system.matches);
  const follow = () => void (document.documentElement.dataset.theme = isDark() ? "dark" : "light");
  follow();
  if (root) new MutationObserver(follow).observe(root, { attributeFilter: ["class"] });
  system.addEventListener("change", follow);
}
