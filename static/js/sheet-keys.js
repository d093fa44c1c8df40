// The sheet by keyboard. Keys go to the grid wherever in it the focus is, but for a cell that is being edited.
import { EDITABLE } from "./sheet-edit.js";

const DECISIONS = { a: "approve", c: "request_changes", r: "reject" };

export function bindKeys(grid, choice, editing, acts) {
  const range = (rows) => {
    choice.moved(grid.active.position);
    grid.move(rows);
    choice.extend(grid.active.position);
  };
  const go = (act) => {
    choice.settled();
    act();
    choice.moved(grid.active.position);
  };
  const { fields } = grid;
  const edge = (position, field = grid.active.field) => grid.activate(position, field);

  grid.root.addEventListener("keydown", (event) => {
    if (event.target.closest("textarea, .tabulator-header") || (event.target.closest("button, a") && event.key === "Enter")) return;
    const { position, field } = grid.active;
    const control = event.ctrlKey || event.metaKey;
    const moves = {
      ArrowDown: () => (event.shiftKey ? range(1) : go(() => grid.move(1))),
      ArrowUp: () => (event.shiftKey ? range(-1) : go(() => grid.move(-1))),
      ArrowLeft: () => grid.moveColumn(-1),
      ArrowRight: () => grid.moveColumn(1),
      PageDown: () => (event.shiftKey ? range(grid.page()) : go(() => grid.move(grid.page()))),
      PageUp: () => (event.shiftKey ? range(-grid.page()) : go(() => grid.move(-grid.page()))),
      Home: () => (control ? go(() => edge(0)) : edge(position, fields[0])),
      End: () => (control ? go(() => edge(grid.count - 1)) : edge(position, fields.at(-1))),
      " ": () => choice.toggle(position),
      Enter: () => (EDITABLE.includes(field) ? editing.begin(position, field) : open(position)),
      F2: () => editing.begin(position, field),
      Escape: () => choice.clear(),
    };
    const isLetter = !control && !event.altKey && !event.shiftKey && event.key in DECISIONS;
    if (control && event.key === "a") choice.all();
    else if (isLetter) acts.decide(DECISIONS[event.key]);
    else if (event.key in moves && !event.altKey) moves[event.key]();
    else return;
    event.preventDefault();
  });

  function open(position) {
    grid.cell(position, "state")?.querySelector("a")?.click();
  }
}
