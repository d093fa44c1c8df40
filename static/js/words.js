// Live word counts against the healthy range, in figures for eyes and in words for everybody.
const PAUSE = 1200;

export function countWords(form) {
  const lines = [...form.querySelectorAll("[data-counts]")];
  const spoken = new Map();
  let timer = 0;

  const count = (line) => form.elements[line.dataset.counts].value.match(/\S+/g)?.length ?? 0;
  const judge = (line, words) => (words < Number(line.dataset.min) ? "short" : words > Number(line.dataset.max) ? "long" : "good");
  const say = (line, words) => line.dataset.now.replace("{words}", words.toLocaleString(document.documentElement.lang));

  function draw(line) {
    const [now, state] = line.children;
    line.dataset.range ??= now.textContent;
    const words = count(line);
    line.dataset.state = words ? judge(line, words) : "";
    now.textContent = words ? say(line, words) : line.dataset.range;
    state.textContent = words ? line.dataset[line.dataset.state] : "";
  }

  // A screen reader hears of a length only after a pause, and only when it has become another one.
  function speak() {
    for (const line of lines) {
      const voice = form.querySelector(`[data-spoken="${line.dataset.counts}"]`);
      const state = line.dataset.state;
      if (!spoken.has(line)) spoken.set(line, "");
      if (!voice || spoken.get(line) === state) continue;
      spoken.set(line, state);
      voice.textContent = state ? `${voice.dataset.label}: ${line.firstElementChild.textContent}, ${line.dataset[state]}` : "";
    }
  }

  function refresh() {
    lines.forEach(draw);
  }

  form.addEventListener("input", () => {
    refresh();
    clearTimeout(timer);
    timer = setTimeout(speak, PAUSE);
  });
  refresh();
  for (const line of lines) spoken.set(line, line.dataset.state);
  return refresh;
}
