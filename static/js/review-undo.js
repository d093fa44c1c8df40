// The bar that takes the last decision back: counts down for eyes, and says the beginning, the middle and the end.
import { forgetItem } from "./review-keep.js";

export function startUndo() {
  const decided = document.querySelector("[data-decided]");
  if (decided) forgetItem(decided.dataset.decided); // the server has it
  const bar = document.querySelector("[data-undo]");
  if (!bar) return () => {};
  const form = document.getElementById("undo");
  const says = document.getElementById("undo-says");
  const clock = bar.querySelector(".undo-clock");
  const end = Date.now() + Number(bar.dataset.seconds) * 1000;
  let left = Number(bar.dataset.seconds);

  const show = () => (clock.textContent = String(left));
  const timer = setInterval(() => {
    left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    show();
    if (left === 5) says.textContent = bar.dataset.sayLeft.replace("{seconds}", "5");
    if (left === 0) finish();
  }, 1000);
  show();
  // A live region speaks what changes after it is there.
  setTimeout(() => {
    if (left > 5) says.textContent = bar.dataset.sayStart;
  }, 100);

  function finish() {
    clearInterval(timer);
    form.hidden = true;
    says.textContent = bar.dataset.sayOver;
  }

  return () => {
    if (left > 0) form.requestSubmit();
    else {
      // Said again, so that whoever presses the key hears why nothing happens.
      says.textContent = "";
      setTimeout(() => (says.textContent = bar.dataset.sayOver), 50);
    }
  };
}
