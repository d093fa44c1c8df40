// How a record's cells look. Everything that people wrote goes in as text, never as markup.
const UNSEEN = /[\p{Cf}\p{Cc}\p{Zl}\p{Zp}]+/gu;
const KEPT = /^[\n\t]+$/;

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Characters that nobody sees are marked: they can hide instructions or turn text around.
export function fillWithText(box, text) {
  let from = 0;
  for (const match of text.matchAll(UNSEEN)) {
    if (KEPT.test(match[0])) continue;
    box.append(text.slice(from, match.index));
    for (const character of match[0]) {
      if (character === "\n" || character === "\t") box.append(character);
      else box.append(element("mark", "unseen", `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`));
    }
    from = match.index + match[0].length;
  }
  box.append(text.slice(from));
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("width", "14");
  svg.setAttribute("height", "14");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", document.querySelector("svg.icon use").getAttribute("href").replace(/#.*/, `#${name}`));
  svg.append(use);
  return svg;
}

// One function a column: (record, words) → what stands in the cell.
export function makeCells(words, detail) {
  const day = new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "short" });
  const older = new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "short", year: "numeric" });
  const thisYear = new Date().getFullYear();
  const exact = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  const text = (name) => (row) => {
    const box = element("div", "sheet-text");
    box.dir = "auto";
    fillWithText(box, row[name]);
    if (row.cut.includes(name)) box.append(element("span", "soft", ` ${words.sayMore}`));
    return box;
  };
  return {
    state(row) {
      const box = element("div", "sheet-state");
      box.append(element("span", `pill pill-${row.state}`, row.state_label));
      for (const [is, name, word] of [[row.locked, "lock", words.sayLocked], [row.disputed, "warning", words.sayDisputed]]) {
        if (!is) continue;
        const mark = element("span", "sheet-mark");
        mark.append(icon(name), ` ${word}`);
        box.append(mark);
      }
      const link = element("a", "sheet-open", words.sayOpen);
      link.href = `${detail}${row.id}/`;
      link.tabIndex = -1;
      box.append(link);
      return box;
    },
    category: (row) => element("span", "", row.category),
    instruction: text("instruction"),
    context: text("context"),
    response: text("response"),
    rating(row) {
      const box = element("span", "num", row.rating === null ? "" : row.rating.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 }));
      if (row.reviews) box.append(element("span", "soft", ` (${row.reviews})`));
      return box;
    },
    flags(row) {
      const box = element("span", "sheet-flags");
      for (const flag of row.flags) box.append(element("span", "sheet-flag", flag));
      return box;
    },
    updated(row) {
      const at = new Date(row.updated);
      const time = element("time", "", (at.getFullYear() === thisYear ? day : older).format(at));
      time.dateTime = row.updated;
      time.title = exact.format(at);
      return time;
    },
    author: (row) => element("span", "", row.author),
  };
}
