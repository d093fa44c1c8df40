// Live notes on the text: asked for after a pause in typing, never in anybody's way. A failed request changes nothing.
const PAUSE = 800;

export function watchNotes(form) {
  const box = document.getElementById("notes");
  const address = form.dataset.notes;
  if (!box || !address) return () => {};
  let timer = 0;
  let request = null;
  let shown = "";
  let waiting = null;

  const isBlank = () => !form.elements.instruction.value.trim() && !form.elements.response.value.trim();

  function show(html) {
    if (html === shown) return; // the same notes are not announced twice
    if (box.contains(document.activeElement)) {
      waiting = html; // somebody is reading them with the keyboard
      return;
    }
    waiting = null;
    shown = html;
    box.innerHTML = html;
  }

  async function ask() {
    request?.abort();
    if (isBlank()) return show("");
    request = new AbortController();
    try {
      const answer = await fetch(address, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        headers: { Accept: "text/html" },
        redirect: "manual",
        signal: request.signal,
      });
      const isHtml = (answer.headers.get("Content-Type") || "").startsWith("text/html");
      if (answer.ok && isHtml) show((await answer.text()).trim());
    } catch {
      // Aborted by newer text, or no connection: the editor says so already.
    }
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  }

  box.addEventListener("focusout", () => setTimeout(() => waiting !== null && show(waiting)));
  form.addEventListener("input", later);
  if (!isBlank()) later();
  return later;
}
