// The samples of the design system's page.
import { toast } from "./site.js";

for (const button of document.querySelectorAll("[data-toast]")) {
  button.addEventListener("click", () => {
    const { toast: text, action, undone } = button.dataset;
    toast(text, { action, onAction: () => toast(undone), kind: "success" });
  });
}
