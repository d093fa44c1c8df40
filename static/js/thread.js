// A message that is being typed stays in this browser until it is sent: a session may end meanwhile.
const PREFIX = "woolgather:message:";

function box() {
  return document.querySelector("form[data-message] textarea");
}

function keyOf(area) {
  return PREFIX + area.form.dataset.message;
}

function begin() {
  const area = box();
  if (!area) return;
  try {
    if (area.form.hasAttribute("data-message-sent")) localStorage.removeItem(keyOf(area));
    else if (!area.value) area.value = localStorage.getItem(keyOf(area)) ?? "";
  } catch {
    // Storage is switched off: the page works without.
  }
}

document.addEventListener("input", (event) => {
  if (event.target !== box()) return;
  try {
    if (event.target.value) localStorage.setItem(keyOf(event.target), event.target.value);
    else localStorage.removeItem(keyOf(event.target));
  } catch {
    // Full or switched off.
  }
});
// The thread was replaced: show what is typed, and leave the keyboard where it was.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "thread") return;
  begin();
  box()?.focus();
});
begin();
