// Edits a text in its cell. What was typed is never lost: an edit that can't be saved stays in its cell with the reason,
// and in this browser until it is saved or dropped.
import { element } from "./sheet-cells.js";
import { getJson } from "./sheet-data.js";

const KEY = "woolgather-sheet-edits";
export const EDITABLE = ["instruction", "context", "response"];

function cookie(name) {
  return document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}

export async function post(address, fields, headers = { Accept: "application/json" }) {
  return fetch(address, {
    method: "POST",
    redirect: "manual",
    headers: { "X-CSRFToken": cookie("csrftoken"), ...headers },
    body: new URLSearchParams(fields),
  });
}

// A session that has ended leads to the sign-in page.
export function isSignedOut(answer) {
  return answer.type === "opaqueredirect" || answer.status === 401;
}

export class Editing {
  // `grid` knows where cells are: cell(position, field), redraw(position), focus(), positionOf(id), title(field).
  constructor(grid, records, words, address) {
    Object.assign(this, { grid, records, words, address });
    this.open = null;
    this.pending = new Map(Object.entries(this.stored()));
    this.conflict = document.getElementById("sheet-conflict");
    window.addEventListener("beforeunload", (event) => {
      if (this.open || this.pending.size) event.preventDefault();
    });
  }

  stored() {
    try {
      return JSON.parse(localStorage.getItem(KEY)) ?? {};
    } catch {
      return {};
    }
  }

  store() {
    try {
      if (this.pending.size) localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(this.pending)));
      else localStorage.removeItem(KEY);
    } catch {
      // No room or no permission: the text is still in its cell.
    }
  }

  key(id, field) {
    return `${id} ${field}`;
  }

  waiting(id, field) {
    return this.pending.get(this.key(id, field));
  }

  // -- The editor

  async begin(position, field) {
    if (this.open) this.finish(true);
    const row = this.records.row(position);
    if (!row || row.isLost || !EDITABLE.includes(field)) return;
    let text = row[field];
    let base = row.revision;
    const kept = this.waiting(row.id, field);
    if (row.cut.includes(field)) {
      try {
        const whole = await getJson(`${this.address}${row.id}/`);
        text = whole[field];
        base = whole.revision;
      } catch {
        this.grid.tell(this.words.sayFailed, "error");
        return;
      }
    }
    const cell = this.grid.cell(position, field);
    if (!cell) return;
    const area = element("textarea", "sheet-editor");
    area.value = kept ? kept.text : text;
    area.setAttribute("aria-label", this.words.sayEditor.replace("{column}", this.grid.title(field)));
    area.dir = "auto";
    this.open = { position, field, id: row.id, base: kept ? kept.base : base, before: text, area };
    cell.replaceChildren(area);
    cell.classList.add("is-editing");
    area.addEventListener("keydown", (event) => this.onKey(event));
    area.addEventListener("blur", () => this.finish(true));
    area.focus({ preventScroll: true });
    area.setSelectionRange(area.value.length, area.value.length);
  }

  onKey(event) {
    event.stopPropagation();
    if (event.key === "Escape") {
      event.preventDefault();
      this.finish(false);
      this.grid.focus();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.finish(true);
      this.grid.focus();
    } else if (event.key === "Tab") {
      event.preventDefault();
      this.finish(true);
      this.grid.moveColumn(event.shiftKey ? -1 : 1);
    }
  }

  // Close the editor; `save` false drops what was typed since it opened.
  finish(save) {
    const edit = this.open;
    if (!edit) return;
    this.open = null;
    const text = edit.area.value;
    // A textarea has no \r, so a text that only lost some on the way in was not edited.
    const isSame = text === edit.before.replaceAll(/\r\n?/g, "\n");
    if (save && !isSame) {
      this.pending.set(this.key(edit.id, edit.field), { text, base: edit.base, state: "saving" });
      this.store();
      this.send(edit.id, edit.field);
    } else if (save && isSame) {
      this.pending.delete(this.key(edit.id, edit.field));
      this.store();
    }
    this.grid.redraw(edit.position);
  }

  // -- Saving

  async send(id, field) {
    const key = this.key(id, field);
    const edit = this.pending.get(key);
    if (!edit) return;
    edit.state = "saving";
    let answer = null;
    try {
      answer = await post(`${this.address}${id}/`, { base_revision: edit.base, [field]: edit.text });
    } catch {
      return this.failed(key, id, this.words.sayOffline);
    }
    if (isSignedOut(answer)) return this.failed(key, id, this.words.saySignedOut);
    let body = null;
    try {
      body = await answer.json();
    } catch {
      return this.failed(key, id, answer.status === 403 ? this.words.saySignedOut : this.words.sayFailed);
    }
    if (answer.ok) return this.saved(key, id, body);
    edit.current = body.current;
    this.failed(key, id, body.detail);
    if (body.current && !this.conflict.open) this.compare(id, field);
  }

  saved(key, id, row) {
    this.pending.delete(key);
    this.store();
    const position = this.grid.positionOf(id);
    // Other edits of the same record began from the revision that this one has just replaced.
    for (const [other, edit] of this.pending) {
      if (other.startsWith(`${id} `) && edit.base === row.revision - 1) edit.base = row.revision;
    }
    if (position >= 0) {
      this.records.put(position, row);
      this.grid.redraw(position);
    }
    this.grid.tell(this.words.saySaved);
  }

  failed(key, id, why) {
    const edit = this.pending.get(key);
    if (!edit) return;
    edit.state = "failed";
    edit.why = why;
    this.store();
    const position = this.grid.positionOf(id);
    if (position >= 0) this.grid.redraw(position);
    else this.grid.tell(why, "error");
  }

  drop(id, field) {
    this.pending.delete(this.key(id, field));
    this.store();
    this.grid.redraw(this.grid.positionOf(id));
  }

  // -- Both texts

  compare(id, field) {
    const edit = this.waiting(id, field);
    if (!edit?.current) return;
    const dialog = this.conflict;
    const mine = dialog.querySelector("textarea");
    dialog.querySelector("[data-why]").textContent = edit.why;
    dialog.querySelector("[data-theirs]").textContent = edit.current[field];
    mine.value = edit.text;
    dialog.querySelector("[data-use-mine]").onclick = () => {
      edit.text = mine.value;
      edit.base = edit.current.revision;
      edit.current = null;
      this.store();
      dialog.close();
      this.send(id, field);
      this.grid.redraw(this.grid.positionOf(id));
    };
    dialog.querySelector("[data-use-theirs]").onclick = async () => {
      dialog.close();
      this.drop(id, field);
      await this.records.refresh([this.grid.positionOf(id)].filter((position) => position >= 0));
    };
    dialog.onclose = () => {
      edit.text = mine.value;
      if (this.pending.get(this.key(id, field)) === edit) this.store();
      this.grid.focus();
    };
    dialog.showModal();
    mine.focus();
  }

  // What stands in a cell whose edit is on its way, or was refused.
  note(id, field) {
    const edit = this.waiting(id, field);
    if (!edit) return null;
    const box = element("div", "sheet-pending");
    const text = element("div", "sheet-text", edit.text);
    text.dir = "auto";
    box.append(text);
    if (edit.state === "saving") {
      box.append(element("p", "soft small", this.words.saySaving));
      return box;
    }
    box.classList.add("has-failed");
    const why = element("p", "field-error", edit.why || this.words.sayUnsaved);
    why.setAttribute("role", "alert");
    const row = element("div", "actions");
    const add = (label, act) => {
      const button = element("button", "button button-small", label);
      button.type = "button";
      button.addEventListener("click", (event) => {
        event.stopPropagation();
        act();
      });
      row.append(button);
    };
    if (edit.current) add(this.words.sayCompare, () => this.compare(id, field));
    else {
      add(this.words.sayRetry, () => {
        this.send(id, field);
        this.grid.redraw(this.grid.positionOf(id));
      });
    }
    add(this.words.sayDrop, () => this.drop(id, field));
    box.append(why, row);
    return box;
  }
}
