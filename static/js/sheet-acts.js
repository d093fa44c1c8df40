// Decisions and locks on what is selected: one question first, then one act, then ten minutes to take it back.
import { isSignedOut, post } from "./sheet-edit.js";
import { toast } from "./site.js";

export function bindActs(grid, records, choice, editing) {
  const { words } = grid;
  const form = document.getElementById("acts");
  const dialog = document.getElementById("sheet-confirm");
  const count = document.getElementById("selected");
  const limit = Number(words.limit);

  function show() {
    count.textContent = choice.size ? words.saySelected.replace("{count}", choice.size.toLocaleString()) : words.sayNone;
    for (const button of form.querySelectorAll(".sheet-acts button")) button.disabled = !choice.size;
    form.querySelector("[name=all]").checked = choice.size === records.count;
    const all = grid.root.querySelector(".sheet-tick-all");
    if (!all) return;
    all.checked = choice.size === records.count;
    all.indeterminate = choice.size > 0 && choice.size < records.count;
  }

  form.querySelector("[name=all]").addEventListener("change", (event) => (event.target.checked ? choice.all() : choice.clear()));

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { name, value } = event.submitter ?? {};
    if (name === "decision") decide(value);
    else if (name === "act") lock(value);
  });

  // Positions of the act, or null after saying why there are none.
  function chosen() {
    if (editing.open) editing.finish(true);
    if (!choice.size) choice.toggle(grid.active.position);
    if (choice.size <= limit) return choice.positions();
    toast(words.sayLimit, { kind: "error" });
    return null;
  }

  async function decide(decision) {
    const positions = chosen();
    if (!positions) return;
    await records.ready; // a record's id may still be on its way
    await ask({ items: positions.map((position) => records.item(position)).join(" "), decision, query: words.query }, positions);
  }

  async function ask(fields, positions) {
    const answer = await reach(words.decide, fields, { "HX-Request": "true", "HX-Target": "sheet-confirm" });
    if (answer) wire(await answer.text(), positions);
  }

  // Put the server's question, or what it misses in the answer, into the dialog.
  function wire(html, positions) {
    dialog.innerHTML = html;
    const asked = dialog.querySelector("form");
    if (!asked) return say(words.sayFailed, "error");
    for (const error of asked.querySelectorAll(".field-error")) error.setAttribute("role", "alert");
    asked.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation(); // the page would send it, too
      carryOut(asked, positions);
    });
    asked.querySelector("[data-cancel]").addEventListener("click", (event) => {
      event.preventDefault();
      dialog.close();
    });
    if (!dialog.open) dialog.showModal();
    (asked.querySelector("[aria-invalid]") ?? asked.querySelector("button[type=submit]") ?? asked.querySelector("[data-cancel]")).focus();
  }

  dialog.addEventListener("close", () => grid.focus());

  async function carryOut(asked, positions) {
    const button = asked.querySelector("button[type=submit]");
    const working = asked.querySelector(".sheet-working");
    button.disabled = true;
    working.hidden = false;
    const headers = { Accept: "application/json", "HX-Request": "true", "HX-Target": "sheet-confirm" };
    const answer = await reach(words.decide, new FormData(asked), headers);
    button.disabled = false;
    working.hidden = true;
    if (!answer) return;
    if (!(answer.headers.get("Content-Type") ?? "").startsWith("application/json")) {
      wire(await answer.text(), positions);
      return;
    }
    dialog.close();
    await done(await answer.json(), positions);
  }

  async function lock(act) {
    const positions = chosen();
    if (!positions) return;
    await records.ready; // a record's id may still be on its way
    const items = positions.map((position) => records.item(position)).join(" ");
    const answer = await reach(words.lock, { items, act });
    if (answer) await done(await answer.json(), positions);
  }

  async function done(body, positions) {
    if (!body.done) return say(body.detail, "error");
    const whys = [...new Set(body.refused.map((row) => row.why))];
    const undo = body.batch
      ? { action: words.sayUndo, onAction: () => takeBack(body.batch, positions), timeout: body.undo_seconds * 1000 }
      : {};
    if (body.done.length || !whys.length) toast(body.detail, { kind: "success", ...undo });
    if (whys.length) toast(whys.slice(0, 5).join(" "), { kind: "warning", timeout: 0 });
    choice.clear();
    await records.refresh(positions).catch(() => say(words.sayFailed, "error"));
  }

  async function takeBack(batch, positions) {
    const answer = await reach(words.undo, { batch });
    if (!answer) return;
    const body = await answer.json();
    say(body.detail, answer.ok ? "success" : "error");
    document.getElementById("undo-batch")?.remove();
    await records.refresh(positions).catch(() => say(words.sayFailed, "error"));
  }

  const reach = async (address, fields, headers = { Accept: "application/json" }) => {
    try {
      const answer = await post(address, fields, headers);
      if (!isSignedOut(answer)) return answer;
      say(words.saySignedOut, "error");
    } catch {
      say(words.sayFailed, "error");
    }
    return null;
  };
  const say = (text, kind) => {
    toast(text, { kind });
  };

  return { show, decide };
}
