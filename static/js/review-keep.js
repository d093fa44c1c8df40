// What a reviewer has entered, kept in this browser until the item is decided: a reload, a lost session or a closed
// tab loses nothing. One entry a person, item and version of its text; never sent anywhere from here.
const PREFIX = "woolgather:review:";
const MONTH = 30 * 24 * 3600 * 1000;
const CHOICES = ["rating_instruction", "rating_response", "reasons", "canned"];

export function forgetItem(submission) {
  each((key) => {
    if (key.split(":")[3] === submission) localStorage.removeItem(key);
  });
}

export function keepEntered(desk, form, texts) {
  const { person, review, revision } = desk.dataset;
  const place = `${PREFIX}${person}:${review}:`;
  const notice = document.getElementById("desk-says");
  sweep();

  function entered() {
    const entry = { at: Date.now(), comment: form.elements.comment.value, texts: {} };
    for (const name of CHOICES) entry[name] = [...form.querySelectorAll(`[name=${name}]:checked`)].map((box) => box.value);
    for (const field of texts) if (field.value !== field.defaultValue) entry.texts[field.name] = field.value;
    return entry;
  }

  function keep() {
    const entry = entered();
    const isEmpty = !entry.comment && CHOICES.every((name) => !entry[name].length) && !Object.keys(entry.texts).length;
    try {
      if (isEmpty) localStorage.removeItem(place + revision);
      else localStorage.setItem(place + revision, JSON.stringify(entry));
    } catch {
      // Full or switched off: nothing is kept, and an old copy would mislead.
    }
  }

  function restore() {
    const own = read(place + revision);
    if (own) {
      for (const name of CHOICES) {
        for (const box of form.querySelectorAll(`[name=${name}]`)) box.checked = own[name].includes(box.value);
      }
      for (const field of texts) field.value = own.texts[field.name] ?? field.value;
      form.elements.comment.value = own.comment;
      const fold = document.getElementById("more-reasons");
      fold.open ||= fold.querySelector(":checked") !== null;
      notice.textContent = desk.dataset.sayBack;
      return;
    }
    const older = newest();
    if (!older?.comment) return;
    form.elements.comment.value = older.comment;
    notice.textContent = desk.dataset.sayOlder;
    keep();
  }

  function newest() {
    const found = [];
    each((key) => {
      if (key.startsWith(place)) found.push(read(key));
    });
    return found.filter(Boolean).sort((one, other) => other.at - one.at)[0];
  }

  // Where the server shows what was sent, or what was undone, that is the newest.
  if ("sentBack" in desk.dataset) keep();
  else restore();
  for (const name of ["input", "change"]) {
    document.addEventListener(name, (event) => {
      if (event.target.form === form) keep();
    });
  }
}

function sweep() {
  each((key) => {
    const entry = read(key);
    if (!entry || Date.now() - entry.at > MONTH) localStorage.removeItem(key);
  });
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

function each(act) {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) act(key);
  } catch {
    // Nothing was kept.
  }
}
