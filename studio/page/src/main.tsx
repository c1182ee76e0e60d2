import "@xyflow/react/dist/style.css";
import "./style.css";

import { createRoot } from "react-dom/client";

import { App, firstTheme } from "./App";

firstTheme();
createRoot(document.getElementById("page")!).render(<App />);
