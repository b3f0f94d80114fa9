import { render } from "preact";
import { App } from "./App";
import { keepAddress } from "./router";
import { followTheme } from "./theme";
import "./styles/index.css";

followTheme();
keepAddress();
const root = document.getElementById("app");
if (root) render(<App />, root);
