// Keeps the item for this reviewer while they are there, and says when it is gone.
const MINUTE = 60_000;
const AWAY = 30 * MINUTE;

export function keepLease(desk) {
  const notice = document.getElementById("lease-notice");
  let seen = Date.now();
  let isOver = false;

  // Reading a source in another tab counts as being there; half an hour without a touch does not, and the item
  // falls back to the queue. Coming back asks for it again, and says so where a colleague has it by then.
  const touch = () => {
    const wasAway = Date.now() - seen > AWAY;
    seen = Date.now();
    if (wasAway) renew();
  };
  for (const name of ["keydown", "pointerdown", "scroll"]) document.addEventListener(name, touch, { passive: true });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) touch();
  });
  setInterval(() => {
    if (Date.now() - seen <= AWAY) renew();
  }, MINUTE);

  async function renew() {
    if (isOver) return;
    try {
      await react(await fetch(desk.dataset.renew, { method: "POST", headers: { "X-CSRFToken": token() }, redirect: "manual" }));
    } catch {
      // No connection: the lease runs on for a while, and the next minute tries again.
      if (!navigator.onLine) tell(desk.dataset.sayOffline);
    }
  }

  async function react(answer) {
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
      const body = isJson(answer) ? await answer.json() : {};
      return tell(body.detail || desk.dataset.saySignedOut);
    }
    if (!isJson(answer)) return;
    const body = await answer.json();
    if (!answer.ok) {
      isOver = true;
      tell(body.detail, true);
    } else if (String(body.revision) !== desk.dataset.revision) tell(desk.dataset.sayChanged);
    else tell("");
  }

  function tell(text, isLost = false) {
    if (notice.firstElementChild.textContent !== text) notice.firstElementChild.textContent = text;
    notice.querySelector("a").hidden = !isLost;
    notice.hidden = !text;
  }
}

function isJson(answer) {
  return (answer.headers.get("Content-Type") || "").startsWith("application/json");
}

function token() {
  return document.cookie.split("; ").find((part) => part.startsWith("csrftoken="))?.slice("csrftoken=".length) ?? "";
}
