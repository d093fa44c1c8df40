// What every page has: menus that close, dialogs that open, toasts, forms that are sent once, confirmations.
import { forget } from "./drafts.js";

const TOAST_MILLISECONDS = 6000;

// Say what has just happened. Every word comes from the caller, who has it from a data attribute of the page.
// `action` is the label of a button that calls `onAction` and closes the toast; `timeout: 0` keeps it until it is closed;
// `kind` is success, warning or error. Returns the toast's close function. The clock stands still while the toast is
// pointed at or holds the focus.
export function toast(text, { action = "", onAction = null, timeout = TOAST_MILLISECONDS, kind = "" } = {}) {
  const stack = document.querySelector("[data-toasts]");
  const box = document.createElement("div");
  box.className = kind ? `toast toast-${kind}` : "toast";
  const words = document.createElement("p");
  words.className = "toast-text";
  words.textContent = text;
  box.append(words);
  let clock = 0;
  let left = timeout;
  let started = 0;
  const hold = () => {
    if (!clock) return;
    clearTimeout(clock);
    clock = 0;
    left = Math.max(left - (performance.now() - started), 1000);
  };
  const run = () => {
    if (clock || !timeout || box.matches(":hover") || box.contains(document.activeElement)) return;
    started = performance.now();
    clock = setTimeout(close, left);
  };
  function close() {
    clearTimeout(clock);
    box.remove();
  }
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "toast-action";
    button.textContent = action;
    button.addEventListener("click", () => {
      close();
      onAction?.();
    });
    box.append(button);
  }
  box.append(dismissButton(close));
  box.addEventListener("pointerenter", hold);
  box.addEventListener("pointerleave", run);
  box.addEventListener("focusin", hold);
  box.addEventListener("focusout", run);
  stack.append(box);
  run();
  return close;
}

function dismissButton(close) {
  const button = document.querySelector("template#dismiss").content.firstElementChild.cloneNode(true);
  button.addEventListener("click", close);
  return button;
}

// Without a script, messages of the server simply stay.
for (const box of document.querySelectorAll(".toasts .toast")) box.append(dismissButton(() => box.remove()));

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog-open]");
  if (opener) document.getElementById(opener.dataset.dialogOpen)?.showModal();
  event.target.closest("[data-dialog-close]")?.closest("dialog")?.close();
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented) return;
  if (form.dataset.confirm && !form.dataset.confirmed) {
    event.preventDefault();
    ask(form, event.submitter);
    return;
  }
  if (form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
});
// A page that the browser takes from its memory may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

function ask(form, submitter) {
  const dialog = document.querySelector("template#confirm").content.firstElementChild.cloneNode(true);
  const [yes, no] = dialog.querySelectorAll("button");
  const asked = submitter ?? form.querySelector("button[type=submit], button:not([type])");
  dialog.querySelector("p").textContent = form.dataset.confirm;
  yes.textContent = form.dataset.confirmLabel || asked.textContent.trim();
  document.body.append(dialog);
  yes.addEventListener("click", () => {
    form.dataset.confirmed = "1";
    dialog.close();
    form.requestSubmit(submitter);
  });
  no.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  no.focus();
}

// Signing in from another tab changes the CSRF token; the cookie has the one of now.
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.cookie.split("; ").find((part) => part.startsWith("csrftoken="));
  if (token) event.detail.headers["X-CSRFToken"] = token.slice("csrftoken=".length);
});

for (const field of document.querySelectorAll("input[name=time_zone][data-guess]")) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

// A submission's own page proves that the server has its text: this browser's copy has done its work.
const arrived = document.querySelector("[data-arrived]");
if (arrived) forget(arrived.dataset.arrived);
