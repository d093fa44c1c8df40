// Counts how often something was pasted into the response, and how many characters: figures, never the text itself.
const ARRIVALS = new Set(["insertFromPaste", "insertFromDrop"]);

export function countPastes(form) {
  const field = form.elements.response;
  const count = form.elements.pasted_count;
  const characters = form.elements.pasted_characters;
  const line = document.getElementById("pasted-note");
  if (!field || !count || !characters) return () => {};

  // In memory only, for as long as the page is open: what undo takes back, and what was moved inside the response.
  const done = [];
  const undone = [];
  let coming = null;
  let moved = "";
  let isDraggedHere = false;

  const plain = (text) => text.replaceAll("\r\n", "\n");
  const length = (text) => [...text].length; // in code points, as the server measures
  const now = () => ({ text: field.value, count: Number(count.value), characters: Number(characters.value) });
  const set = (figures) => {
    count.value = figures.count;
    characters.value = figures.characters;
  };

  const selected = () => field.value.slice(field.selectionStart, field.selectionEnd);
  field.addEventListener("copy", () => { moved = selected(); });
  field.addEventListener("cut", () => { moved = selected(); });
  field.addEventListener("dragstart", () => { isDraggedHere = true; });
  field.addEventListener("dragend", () => { isDraggedHere = false; });
  field.addEventListener("paste", (event) => {
    const text = plain(event.clipboardData?.getData("text/plain") ?? "");
    coming = text && text !== moved ? { before: now(), characters: length(text) } : null;
  });
  field.addEventListener("drop", (event) => {
    const text = plain(event.dataTransfer?.getData("text/plain") ?? "");
    coming = text && !isDraggedHere ? { before: now(), characters: length(text) } : null;
  });

  field.addEventListener("input", (event) => {
    if (coming && ARRIVALS.has(event.inputType)) {
      const { before } = coming;
      set({ count: before.count + 1, characters: before.characters + coming.characters });
      done.push({ before, after: now() });
      undone.length = 0;
    } else if (event.inputType === "historyUndo" && done.at(-1)?.before.text === field.value) {
      undone.push(done.pop());
      set(undone.at(-1).before);
    } else if (event.inputType === "historyRedo" && undone.at(-1)?.after.text === field.value) {
      done.push(undone.pop());
      set(done.at(-1).after);
    }
    coming = null;
    draw();
  });

  function draw() {
    const all = length(field.value);
    if (!all) set({ count: 0, characters: 0 }); // nothing in an empty response was pasted
    else if (Number(characters.value) > all) characters.value = all;
    const pasted = Number(characters.value);
    line.textContent = pasted ? line.dataset.message.replace("{share}", Math.max(1, Math.round((100 * pasted) / all))) : "";
  }

  draw();
  return draw;
}
