// The reviewer's desk: deciding by keyboard, editing in place. What is kept, leased and undone has files of its own.
import { keepEntered } from "./review-keep.js";
import { keepLease } from "./review-lease.js";
import { startUndo } from "./review-undo.js";

const SWITCH = "woolgather:review-keys";
const DECISIONS = { a: "approve", r: "reject", c: "request_changes" };
const undo = startUndo();
const desk = document.querySelector("[data-review]");
if (desk) start(desk);
else {
  document.addEventListener("keydown", (event) => {
    if (event.key === "u" && isCommand(event) && keysAreOn()) undo();
  });
  document.getElementById("go-on")?.focus();
}

function keysAreOn() {
  try {
    return localStorage.getItem(SWITCH) !== "off";
  } catch {
    return true;
  }
}

function isCommand(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat || event.defaultPrevented) return false;
  if (document.querySelector("dialog[open]")) return false;
  return !isTyping(event.target);
}

function isTyping(element) {
  return element.isContentEditable || element.matches("textarea, select, input:not([type=radio], [type=checkbox])");
}

function start(desk) {
  const form = document.getElementById("decision");
  const comment = form.elements.comment;
  const dialog = document.getElementById("keys");
  const toggle = document.getElementById("keys-on");
  const status = document.getElementById("desk-says");
  const startEditing = document.getElementById("start-editing");
  const stopEditing = document.getElementById("stop-editing");
  const ratings = [...form.querySelectorAll("[data-rating]")];
  const canned = [...form.querySelectorAll("[name=canned]")];
  const texts = [...form.elements].filter((field) => field.matches("[data-write] textarea"));
  let pending = "";
  let nextRating = 0;

  const say = (text) => (status.textContent = text);
  const isEditing = () => "editing" in desk.dataset;
  form.elements.worded.value = "1"; // from here on, this file puts a canned reason's words into the comment

  // -- Keys ------------------------------------------------------------------------------------------------------
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && isTyping(event.target)) return sendFromField(event);
    if (event.key === "Escape" && !dialog.open && !event.isComposing) return leave(event);
    if (!keysAreOn() || !isCommand(event)) return;
    if (act(event.key)) event.preventDefault();
  });

  function act(key) {
    if (key === "?") openKeys();
    else if (/^[1-5]$/.test(key)) rate(key);
    else if (key === "m") comment.focus();
    else if (key === "u") undo();
    else if (isEditing()) {
      if (key !== "a") return false;
      saveEdit();
    } else if (key === "e") edit();
    else if (key === "s") document.getElementById("skip").requestSubmit();
    else if (key in DECISIONS) decide(DECISIONS[key]);
    else return false;
    return true;
  }

  function sendFromField(event) {
    if (event.target.form !== form) return;
    event.preventDefault();
    if (isEditing()) saveEdit();
    else if (pending) decide(pending);
    else say(desk.dataset.sayChoose);
  }

  function leave(event) {
    if (texts.includes(event.target) || (isEditing() && !isTyping(event.target))) stop();
    else if (isTyping(event.target)) event.target.blur();
    else return;
    event.preventDefault();
  }

  // -- Deciding --------------------------------------------------------------------------------------------------
  function decide(decision) {
    const explained = comment.value.trim() || form.querySelector("[name=reasons]:checked, [name=canned]:checked");
    if (decision !== "approve" && !explained) {
      pending = decision;
      (canned[0] ?? comment).focus();
      say(desk.dataset.sayWhy);
      return;
    }
    form.requestSubmit(form.querySelector(`button[value=${decision}]`));
  }

  function saveEdit() {
    form.requestSubmit(form.querySelector("button[value=edit_and_approve]"));
  }

  function rate(digit) {
    const at = ratings.findIndex((group) => group.contains(document.activeElement));
    const group = ratings[at < 0 ? nextRating : at];
    const radio = group.querySelector(`input[value="${digit}"]`);
    radio.checked = true;
    if (at >= 0) radio.focus();
    nextRating = (ratings.indexOf(group) + 1) % ratings.length;
    radio.dispatchEvent(new Event("change", { bubbles: true }));
    showNext();
    say(desk.dataset.sayRated.replace("{part}", group.dataset.part).replace("{rating}", digit));
  }

  function showNext() {
    ratings.forEach((group, at) => group.toggleAttribute("data-next", at === nextRating));
  }

  // -- Canned reasons: the reason is ticked, the words go into the comment, where they can be changed --------------
  for (const box of canned) {
    box.addEventListener("change", () => {
      const reason = form.querySelector(`[name=reasons][value="${box.dataset.reason}"]`);
      const others = canned.some((other) => other !== box && other.checked && other.dataset.reason === box.dataset.reason);
      if (reason) reason.checked = box.checked || others;
      const words = box.dataset.text;
      if (box.checked && !comment.value.includes(words)) {
        comment.value = [comment.value.trimEnd(), words].filter(Boolean).join("\n\n");
      } else if (!box.checked) {
        comment.value = comment.value.replace(words, "").replace(/\n{3,}/g, "\n\n").trim();
      }
      comment.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }

  // -- Editing in place ------------------------------------------------------------------------------------------
  function edit() {
    setEditing(true);
    (texts.find((field) => field.name === "response") ?? texts[0]).focus();
    say("");
  }

  function stop() {
    const changed = texts.some((field) => field.value !== field.defaultValue);
    setEditing(false);
    startEditing.focus();
    say(changed ? desk.dataset.sayEditKept : "");
  }

  function setEditing(on) {
    desk.toggleAttribute("data-editing", on);
    for (const part of desk.querySelectorAll("[data-read]")) {
      const stays = !part.parentElement.querySelector(":scope > [data-write]") && part.closest("#pair");
      part.hidden = on && !stays;
    }
    for (const part of desk.querySelectorAll("[data-write]")) {
      part.hidden = !on;
      if ("disabled" in part) part.disabled = !on;
    }
  }

  startEditing.addEventListener("click", (event) => {
    event.preventDefault();
    edit();
  });
  stopEditing.addEventListener("click", (event) => {
    event.preventDefault();
    stop();
  });

  // -- The window of keys, where single keys can be switched off (WCAG 2.1.4) ---------------------------------------
  function openKeys() {
    toggle.checked = keysAreOn();
    dialog.showModal();
  }
  function showKeys() {
    const isOn = keysAreOn();
    document.documentElement.toggleAttribute("data-keys-off", !isOn);
    for (const element of document.querySelectorAll("[data-key], [aria-keyshortcuts]")) {
      element.dataset.key ??= element.getAttribute("aria-keyshortcuts");
      if (isOn || element.dataset.key.length > 1) element.setAttribute("aria-keyshortcuts", element.dataset.key);
      else element.removeAttribute("aria-keyshortcuts");
    }
  }
  const opener = document.getElementById("open-keys");
  opener.hidden = false;
  opener.addEventListener("click", openKeys);
  toggle.addEventListener("change", () => {
    try {
      localStorage.setItem(SWITCH, toggle.checked ? "on" : "off");
    } catch {
      // This browser keeps nothing: the keys stay as they are.
    }
    showKeys();
  });

  // Signing in from another tab changed the token; Django accepts the cookie's own value.
  document.addEventListener("submit", (event) => {
    const token = document.cookie.split("; ").find((part) => part.startsWith("csrftoken="));
    const field = event.target.elements.csrfmiddlewaretoken;
    if (token && field) field.value = token.slice("csrftoken=".length);
  });

  keepEntered(desk, form, texts);
  keepLease(desk);
  if (ratings[0]?.querySelector(":checked") && !ratings[1]?.querySelector(":checked")) nextRating = 1;
  showNext();
  showKeys();
  desk.dataset.ready = "";
}
