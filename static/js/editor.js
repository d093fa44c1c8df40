// The editor: keeps each change in this browser at once and on the server two seconds later, and says where the text is.
import { discard, forget, isKept, keep, newestUnsaved, recall, sameTexts } from "./drafts.js";
import { watchNotes } from "./notes.js";
import { countPastes } from "./paste.js";
import { countWords } from "./words.js";

const TEXTS = ["instruction", "context", "response"];
const BESIDE = ["language", "passage", "source_title", "source_url", "pasted_count", "pasted_characters"];
const PAUSE = 2000;
const RETRY = 10000;
const PATIENCE = 15000;

const form = document.querySelector("form[data-editor]");
if (form) start(form);

function start(form) {
  const present = (names) => names.map((name) => form.elements[name]).filter(Boolean);
  const fields = present(TEXTS);
  const words = document.getElementById("editor-words").dataset;
  const stateLine = document.getElementById("save-state");
  const voice = document.getElementById("save-spoken");
  const box = document.getElementById("other-text");
  const idField = form.elements.id;
  const versionField = form.elements.version;
  const place = `${form.dataset.person} ${location.pathname}`;
  let timer = 0;
  let inFlight = null;
  let changedMeanwhile = false;
  let isDirty = false; // something here that the server hasn't acknowledged
  let lost = null; // sent, and never answered: the server may have it
  let hasTwo = box.childElementCount > 0; // two texts, and the person hasn't chosen yet
  let isLeaving = false;
  let changedAt = Date.now(); // of the text, so that a mere retry never makes an old one look newest

  const grow = growing(fields);
  const drawWords = countWords(form);
  const drawPasted = countPastes(form);
  const noteLater = watchNotes(form);

  const values = (names) => Object.fromEntries(present(names).map((field) => [field.name, field.value]));
  const texts = () => values(TEXTS);
  const put = (given) => {
    for (const field of present([...TEXTS, ...BESIDE])) field.value = given[field.name] ?? field.value;
    grow();
    drawWords();
    drawPasted();
    noteLater();
  };
  const remember = (unsaved) => {
    isDirty = unsaved;
    keep({ id: idField.value, place, version: versionField.value, texts: texts(), beside: values(BESIDE), lost, unsaved, at: changedAt });
  };

  // -- Saying where the text is --------------------------------------------------------------------------------
  const fill = (sentence, parts = {}) => sentence.replace(/\{(\w+)\}/g, (all, name) => parts[name] ?? all);
  const kept = () => (isKept(idField.value) ? words.kept : words.notKept);
  // Routine is for eyes alone; a screen reader hears of trouble, and that it is over.
  function say(sentence, { state = "", aloud = state === "error" || stateLine.dataset.state === "error" } = {}) {
    if (aloud && stateLine.textContent !== sentence) voice.textContent = sentence;
    stateLine.textContent = sentence;
    stateLine.dataset.state = state;
  }
  const warn = (sentence, parts = {}) => say(fill(sentence, { kept: kept(), ...parts }), { state: "error" });

  // -- What this browser still has ---------------------------------------------------------------------------
  function restore() {
    if (hasTwo) return remember(true);
    if (form.dataset.sentBack) {
      remember(true); // the server shows what was sent: that is the newest, and not yet a draft
      return schedule();
    }
    const own = recall(idField.value);
    const unsaved = own.filter((copy) => copy.unsaved && !sameTexts(copy.texts, texts()));
    if (unsaved.length) {
      const [newest, ...older] = unsaved;
      const follows = newest.version === versionField.value || (newest.lost && sameTexts(newest.lost, texts()));
      if (follows) bringBack({ ...newest, version: versionField.value });
      return showCopies(follows ? older : unsaved);
    }
    for (const field of present(["source_title", "source_url"])) field.value ||= own[0]?.beside[field.name] ?? "";
    const isNew = (versionField.value || "0") === "0" && !form.elements.base_revision.value;
    const other = isNew && newestUnsaved(place, idField.value);
    if (other && !toItsPassage(other)) bringBack(other);
  }

  // Tabs that were closed before the server had their text: one after the other, none is thrown away unseen.
  function showCopies(copies) {
    const [copy, ...rest] = copies.filter((one) => !sameTexts(one.texts, texts()));
    if (!copy) return;
    showOther({ ...copy.beside, ...copy.texts }, versionField.value, words.fromBrowser, () => {
      discard(copy);
      showCopies(rest);
    });
  }

  // A text belongs beside the passage it was written from.
  function toItsPassage(copy) {
    const wanted = copy.beside?.passage;
    const address = new URL(location.href);
    if (!wanted || wanted === form.elements.passage.value || address.searchParams.get("passage") === wanted) return false;
    address.searchParams.set("passage", wanted);
    location.replace(address);
    return true;
  }

  function bringBack(copy) {
    const before = { id: idField.value, version: versionField.value, texts: { ...values(BESIDE), ...texts() } };
    idField.value = copy.id;
    versionField.value = copy.version;
    put({ ...copy.beside, ...copy.texts });
    lost = copy.lost ?? null;
    changedAt = copy.at;
    discard(copy); // this page keeps it from here on
    remember(true);
    say(words.broughtBack, { aloud: true });
    const afresh = button(words.afresh, () => {
      forget(copy.id);
      clearTimeout(timer);
      idField.value = before.id;
      versionField.value = before.version;
      lost = null;
      isDirty = false;
      put(before.texts);
      say("");
    });
    stateLine.append(" ", afresh);
    schedule();
  }

  // -- The server's copy -------------------------------------------------------------------------------------
  const freshToken = () => {
    // Signing in from another tab changed the token; Django accepts the cookie's own value.
    const token = document.cookie.split("; ").find((part) => part.startsWith("csrftoken="));
    if (token) form.elements.csrfmiddlewaretoken.value = token.slice("csrftoken=".length);
  };

  // Resolves to what became of it: saved, nothing (to save), conflict, signed-out, unreachable or refused.
  function save() {
    if (inFlight) {
      changedMeanwhile = true;
      return inFlight;
    }
    clearTimeout(timer);
    inFlight = send().finally(() => {
      inFlight = null;
      if (changedMeanwhile && !isLeaving) schedule();
      changedMeanwhile = false;
    });
    return inFlight;
  }

  // A passage that nobody has written about yet is no text to keep.
  const isBegun = () => {
    const { instruction, context, response } = texts();
    return Boolean(Number(versionField.value) || form.elements.base_revision.value || instruction.trim() || response.trim() || (context?.trim() && !form.elements.passage.value));
  };

  async function send() {
    if (hasTwo) return "conflict";
    if (!isBegun()) return "nothing";
    freshToken();
    const sent = texts();
    try {
      const answer = await fetch(form.dataset.autosave, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        headers: { Accept: "application/json" },
        redirect: "manual",
        signal: AbortSignal.timeout(PATIENCE),
      });
      const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
      return react(answer, isJson ? await answer.json() : null, sent);
    } catch {
      lost = sent;
      remember(true);
      warn(words.noConnection);
      schedule(RETRY);
      return "unreachable";
    }
  }

  function react(answer, body, sent) {
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      warn(words.signedOut);
      const link = document.createElement("a");
      Object.assign(link, { href: words.signInAddress, target: "_blank", rel: "noopener", textContent: words.signIn });
      stateLine.append(" ", link);
      schedule(RETRY);
      return "signed-out";
    }
    if (answer.ok && body) {
      versionField.value = body.version;
      lost = null;
      remember(!sameTexts(sent, texts()));
      comeBackTo();
      say(fill(words.saved, { time: body.saved_at }));
      return "saved";
    }
    if (answer.status === 409 && body?.draft) {
      if (lost && sameTexts(lost, body.draft)) {
        versionField.value = body.draft.version; // the newer save was our own, whose answer never came
        lost = null;
        return send();
      }
      warn(words.conflict, { why: body.detail });
      showOther(body.draft, body.draft.version, words.newer);
      return "conflict";
    }
    if (answer.status < 500 && body) {
      warn(words.refused, { why: body.detail || Object.values(body.errors ?? {}).flat()[0] || "" });
      return "refused";
    }
    if (answer.status === 413) {
      warn(words.tooLong);
      return "refused";
    }
    warn(words.trouble);
    schedule(RETRY);
    return "unreachable";
  }

  function comeBackTo() {
    if (!form.dataset.draftAddress) return;
    const address = form.dataset.draftAddress.replace("ID", idField.value);
    if (location.pathname + location.search !== address) history.replaceState(null, "", address);
  }

  // -- Two texts: both are shown, the person chooses -----------------------------------------------------------
  function showOther(other, version, title, then = () => {}) {
    hasTwo = true;
    clearTimeout(timer);
    const settle = (given) => {
      if (given) put(given);
      changedAt = Date.now();
      versionField.value = version;
      box.replaceChildren();
      hasTwo = false;
      remember(true);
      fields.at(-1).focus();
      then();
      save();
    };
    const row = document.createElement("div");
    row.className = "actions";
    row.append(button(words.take, () => settle(other)), button(words.keep, () => settle(null)));
    box.replaceChildren(...apart(title, other), row);
    remember(true);
    box.scrollIntoView({ block: "nearest" });
  }

  function apart(title, other) {
    const heading = document.createElement("h2");
    heading.textContent = title;
    const advice = document.createElement("p");
    advice.className = "small";
    advice.textContent = words.two;
    const parts = fields.filter((field) => other[field.name]).flatMap((field) => {
      const label = document.createElement("p");
      label.className = "part-label";
      label.textContent = field.labels[0].textContent;
      const text = document.createElement("p");
      text.className = "verbatim";
      text.textContent = other[field.name];
      return [label, text];
    });
    return [heading, advice, ...parts];
  }

  function button(label, act) {
    const element = document.createElement("button");
    element.type = "button";
    element.className = "button button-small";
    element.textContent = label;
    element.addEventListener("click", act);
    return element;
  }

  function schedule(delay = PAUSE) {
    clearTimeout(timer);
    timer = setTimeout(save, delay);
  }

  // -- What happens to the page -------------------------------------------------------------------------------
  form.addEventListener("input", (event) => {
    if (!TEXTS.includes(event.target.name) && !BESIDE.includes(event.target.name)) return;
    changedAt = Date.now();
    remember(true);
    grow();
    if (hasTwo) return;
    if (stateLine.dataset.state !== "error" && isBegun()) say(isKept(idField.value) ? words.pending : words.pendingNotKept);
    schedule();
  });
  window.addEventListener("online", () => isDirty && save());
  document.addEventListener("visibilitychange", () => {
    // Leaving: the two seconds may never pass. Coming back: somebody may have signed in from another tab.
    if (isDirty && !isLeaving) save();
  });
  window.addEventListener("beforeunload", (event) => {
    if (isDirty && !isLeaving && !isKept(idField.value)) event.preventDefault();
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) isLeaving = false;
  });

  // The newest text goes to the server first: then a page that can't be reached costs nobody a word, and the version
  // that is sent along is the right one.
  form.addEventListener("submit", async (event) => {
    if (isLeaving) return;
    const pressed = event.submitter;
    const isChoice = pressed?.name === "take";
    event.preventDefault();
    if (form.dataset.sending) return;
    if (hasTwo && !isChoice) {
      warn(words.choose);
      box.scrollIntoView({ block: "nearest" });
      return;
    }
    form.dataset.sending = "1";
    remember(true);
    if (pressed?.matches("[data-submit]")) say(words.saving);
    if (inFlight) await inFlight;
    const outcome = isChoice ? "saved" : await save();
    await new Promise((resolve) => setTimeout(resolve)); // a form can't be sent while its submit event is still on its way
    delete form.dataset.sending;
    if (outcome === "unreachable") return warn(words.notSent);
    if (outcome === "signed-out" || outcome === "conflict") return;
    clearTimeout(timer);
    remember(true);
    freshToken();
    isLeaving = true;
    form.requestSubmit(pressed);
    setTimeout(() => {
      // Still here: the answer never came. The same id sent again makes no second submission.
      isLeaving = false;
      delete form.dataset.sent;
      warn(words.noAnswer);
    }, PATIENCE);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector("[data-submit]"));
  });

  grow();
  restore();
}

function growing(fields) {
  if (CSS.supports("field-sizing", "content")) return () => {};
  return () => {
    for (const field of fields) {
      field.style.height = "auto";
      field.style.height = `${field.scrollHeight + 2}px`;
    }
  };
}
