// The sheet: a hundred thousand records in one grid that reads, edits, selects and decides.
import { FormatModule, ResizeColumnsModule, ResizeTableModule, Tabulator } from "../vendor/tabulator-6.5.3.esm.min.js";
import { toast } from "./site.js";
import { bindActs } from "./sheet-acts.js";
import { element, makeCells } from "./sheet-cells.js";
import { Choice } from "./sheet-choice.js";
import { Records } from "./sheet-data.js";
import { EDITABLE, Editing } from "./sheet-edit.js";
import { bindKeys } from "./sheet-keys.js";
import { makeRenderer } from "./sheet-renderer.js";

const WIDTHS = {
  select: { width: 44, minWidth: 44 },
  state: { width: 176 },
  category: { width: 126 },
  instruction: { widthGrow: 3, minWidth: 200 },
  context: { widthGrow: 2, minWidth: 160 },
  response: { widthGrow: 4, minWidth: 240 },
  rating: { width: 72 },
  flags: { width: 100 },
  updated: { width: 104 },
  author: { width: 108 },
};
const ROOM_BELOW = 24;
const HEIGHT_KEY = "woolgather-sheet-rows";
// Row heights to guess before a row has been measured, by how rows are shown.
const GUESSES = { whole: 260, lines: 150, short: 68 };

Tabulator.registerModule([FormatModule, ResizeColumnsModule, ResizeTableModule]);

const root = document.getElementById("sheet");
if (root) start(root);

function start(root) {
  const words = root.dataset;
  const query = words.query;
  const headers = [...document.querySelectorAll(".sheet-plain th[data-field]")].map((head) => ({
    field: head.dataset.field,
    sort: head.dataset.sort,
    title: head.textContent.trim(),
  }));
  const cells = makeCells(words, words.detail);
  const records = new Records({ index: words.index, rows: words.rows }, Number(words.total), {
    onRows(positions) {
      for (const position of positions) grid.redraw(position);
    },
    onOrder() {
      choice.clear();
      choice.count = records.count;
      table.replaceData(places());
      root.setAttribute("aria-rowcount", records.count + 1);
    },
  });
  records.begin(JSON.parse(document.getElementById("sheet-first").textContent));
  const places = () => Array.from({ length: records.count }, (_, at) => ({ at }));

  let table = null;
  let active = { position: 0, field: "state" };
  const renderer = () => table.rowManager.renderer;
  const choice = new Choice(records.count, () => {
    for (const row of root.querySelectorAll(".tabulator-row")) dress(row, Number(row.dataset.position));
    acts?.show();
  });

  const grid = {
    root,
    words,
    get count() {
      return records.count;
    },
    get active() {
      return active;
    },
    fields: headers.map((head) => head.field),
    title: (field) => headers.find((head) => head.field === field)?.title ?? field,
    positionOf(id) {
      for (let position = renderer().first; position <= renderer().last; position += 1) if (records.id(position) === id) return position;
      return [...records.rows].find(([, row]) => row.id === id)?.[0] ?? -1;
    },
    cell(position, field) {
      return root.querySelector(`.tabulator-row[data-position="${position}"] .tabulator-cell[tabulator-field="${field}"]`);
    },
    redraw(position) {
      if (position < 0 || (editing.open && editing.open.position === position)) return;
      const hadFocus = grid.cell(position, active.field)?.contains(document.activeElement);
      renderer().redraw(position);
      if (hadFocus) grid.focus();
    },
    focus() {
      renderer().show(active.position);
      const cell = grid.cell(active.position, active.field);
      (cell ?? root.querySelector(".tabulator-tableholder")).focus({ preventScroll: true });
    },
    activate(position, field, { focus = true } = {}) {
      const old = root.querySelector(".tabulator-cell[tabindex='0']");
      if (old) old.tabIndex = -1;
      active = { position: Math.max(0, Math.min(records.count - 1, position)), field };
      if (focus) grid.focus();
      const cell = grid.cell(active.position, active.field);
      if (cell) cell.tabIndex = 0;
    },
    move: (rows) => grid.activate(active.position + rows, active.field),
    moveColumn(columns) {
      const at = grid.fields.indexOf(active.field) + columns;
      grid.activate(active.position, grid.fields[Math.max(0, Math.min(grid.fields.length - 1, at))]);
    },
    page: () => Math.max(1, renderer().last - renderer().first - 4),
    tell: (text, kind = "success") => toast(text, { kind, timeout: kind === "error" ? 0 : 2500 }),
  };

  const editing = new Editing(grid, records, words, words.record);

  const guess = () => GUESSES[root.dataset.height];

  // What a row's element says about its record, beyond its cells.
  function dress(row, position) {
    const chosen = choice.has(position);
    row.dataset.position = position;
    row.classList.toggle("is-chosen", chosen);
    row.setAttribute("aria-rowindex", position + 2);
    row.setAttribute("aria-selected", chosen);
    const box = row.querySelector(".sheet-tick");
    if (box) box.checked = chosen;
    if (active.position === position) {
      const cell = row.querySelector(`.tabulator-cell[tabulator-field="${active.field}"]`);
      if (cell) cell.tabIndex = 0;
    }
  }

  function format(cell) {
    const position = cell.getRow().getData().at;
    const field = cell.getField();
    const holder = cell.getElement();
    holder.tabIndex = -1;
    if (field === "select") {
      const box = element("input", "sheet-tick");
      box.type = "checkbox";
      box.tabIndex = -1;
      box.setAttribute("aria-label", words.saySelect.replace("{number}", (position + 1).toLocaleString()));
      return box;
    }
    const row = records.row(position);
    if (!row) return field === "instruction" ? element("span", "sheet-loading", words.sayLoading) : element("span", "sheet-loading");
    if (row.isLost) return field === "instruction" ? element("span", "soft", words.sayLost) : "";
    if (EDITABLE.includes(field)) {
      holder.classList.add("is-editable");
      return editing.note(row.id, field) ?? cells[field](row);
    }
    return cells[field](row);
  }

  function heading(head) {
    if (head.field === "select") {
      const box = element("input", "sheet-tick-all");
      box.type = "checkbox";
      box.setAttribute("aria-label", document.querySelector(".sheet-all").textContent.trim());
      box.addEventListener("change", () => (box.checked ? choice.all() : choice.clear()));
      return box;
    }
    if (!head.sort) return head.title;
    const sorted = new URLSearchParams(query).get("sort") || "-updated";
    const button = element("button", "sheet-sort", head.title);
    button.type = "button";
    if (sorted.replace("-", "") === head.sort) button.dataset.direction = sorted.startsWith("-") ? "down" : "up";
    button.addEventListener("click", () => {
      const select = document.querySelector("#filter select[name=sort]");
      const next = sorted === head.sort ? `-${head.sort}` : head.sort;
      if (![...select.options].some((option) => option.value === next)) select.append(new Option(next, next));
      select.value = next;
      select.form.requestSubmit();
    });
    return button;
  }

  root.hidden = false;
  fit(root);
  addEventListener("resize", () => fit(root));
  const kept = localStorage.getItem(HEIGHT_KEY);
  root.dataset.height = kept in GUESSES ? kept : "lines";
  table = new Tabulator(root, {
    layout: "fitColumns",
    renderVertical: makeRenderer({
      guess,
      dress,
      isThere: (position) => records.rows.has(position),
      shown: (from, to) => records.need(from - 20, to + 40),
      leaving(row, position) {
        if (editing.open?.position === position) editing.finish(true);
        // Focus goes on with the grid, so that the next key is not lost.
        if (row.contains(document.activeElement)) root.querySelector(".tabulator-tableholder").focus({ preventScroll: true });
      },
    }),
    columnDefaults: { resizable: "header", formatter: format },
    columns: headers.map((head) => ({
      field: head.field,
      title: head.title,
      titleFormatter: () => heading(head),
      ...(WIDTHS[head.field] ?? {}),
    })),
    data: places(),
  });
  const acts = bindActs(grid, records, choice, editing);

  table.on("tableBuilt", () => {
    describe(root, headers, records.count, query);
    bindKeys(grid, choice, editing, acts);
    bindMouse(grid, choice, editing);
    bindHeight(root, renderer);
    bindFilter();
    acts.show();
    if (editing.pending.size) grid.tell(words.sayUnsaved, "warning");
    document.documentElement.classList.add("sheet-ready");
    performance.mark("sheet-ready");
    // The order of the rest comes while the first screen is read already.
    records.ready = records.load(query).catch(() => grid.tell(words.sayFailed, "error"));
  });
}

// The roles that Tabulator leaves out, and where the reader is.
function describe(root, headers, count, query) {
  root.setAttribute("role", "grid");
  root.setAttribute("aria-label", root.dataset.label);
  root.setAttribute("aria-rowcount", count + 1);
  root.setAttribute("aria-colcount", headers.length);
  root.setAttribute("aria-multiselectable", "true");
  const holder = root.querySelector(".tabulator-tableholder");
  holder.tabIndex = -1;
  // It takes the focus when the focused row is scrolled away, so it can't be presentational; the table in it can.
  holder.setAttribute("role", "rowgroup");
  root.querySelector(".tabulator-table").setAttribute("role", "presentation");
  root.querySelector(".tabulator-header-contents")?.setAttribute("role", "presentation");
  const sorted = new URLSearchParams(query).get("sort") || "-updated";
  for (const head of headers) {
    if (!head.sort) continue;
    const column = root.querySelector(`.tabulator-col[tabulator-field="${head.field}"]`);
    const direction = sorted.startsWith("-") ? "descending" : "ascending";
    column.setAttribute("aria-sort", sorted.replace("-", "") === head.sort ? direction : "none");
  }
}

// The grid ends where the window does; on a phone its height is the style sheet's.
function fit(root) {
  const isNarrow = matchMedia("(max-width: 46rem)").matches;
  root.style.height = isNarrow ? "" : `${innerHeight - root.getBoundingClientRect().top - scrollY - ROOM_BELOW}px`;
}

function bindMouse(grid, choice, editing) {
  const place = (event) => {
    const cell = event.target.closest(".tabulator-cell");
    const row = event.target.closest(".tabulator-row");
    return cell && row ? { cell, position: Number(row.dataset.position), field: cell.getAttribute("tabulator-field") } : null;
  };
  grid.root.addEventListener("mousedown", (event) => {
    // Shift selects rows here, not the text between two clicks.
    if (event.shiftKey && place(event) && !event.target.closest("textarea")) event.preventDefault();
  });
  grid.root.addEventListener("click", (event) => {
    const at = place(event);
    if (!at || event.target.closest("a, button, textarea")) return;
    if (event.shiftKey) {
      choice.extend(at.position);
      grid.activate(at.position, at.field);
      return;
    }
    grid.activate(at.position, at.field);
    if (at.field === "select" || event.ctrlKey || event.metaKey) choice.toggle(at.position);
    else if (EDITABLE.includes(at.field) && getSelection().isCollapsed) editing.begin(at.position, at.field);
  });
}

function bindHeight(root, renderer) {
  const select = document.getElementById("row-height");
  select.value = root.dataset.height;
  select.addEventListener("change", () => {
    root.dataset.height = select.value;
    localStorage.setItem(HEIGHT_KEY, select.value);
    renderer().forgetHeights();
  });
}

// A choice is applied at once; words in the search wait for Enter.
function bindFilter() {
  const form = document.getElementById("filter");
  form.addEventListener("change", (event) => {
    if (event.target.matches("select, [type=checkbox]")) form.requestSubmit();
  });
}
