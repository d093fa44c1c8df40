// Texts that this browser keeps until the server has them; nothing is sent anywhere from here.
// One entry a submission and page, so that two tabs on one draft never overwrite each other.
const PREFIX = "woolgather:draft:";
const MONTH = 30 * 24 * 3600 * 1000;
// Not crypto.randomUUID: a browser hides that from pages of a plain-http server.
const PAGE = `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;

export function keep(entry) {
  try {
    localStorage.setItem(`${PREFIX}${entry.id}:${PAGE}`, JSON.stringify(entry));
  } catch {
    // Full or switched off: an old copy would mislead.
    drop(`${PREFIX}${entry.id}:${PAGE}`);
  }
}

// Whether this page's own text is kept here now.
export function isKept(id) {
  try {
    return localStorage.getItem(`${PREFIX}${id}:${PAGE}`) !== null;
  } catch {
    return false;
  }
}

// What this browser has of a submission, the newest first.
export function recall(id) {
  return keys(`${PREFIX}${id}:`).map(read).filter((entry) => entry?.texts).sort((a, b) => b.at - a.at);
}

export function discard(entry) {
  drop(entry.key);
}

export function forget(id) {
  keys(`${PREFIX}${id}:`).forEach(drop);
}

export function sameTexts(one, other) {
  return Object.entries(one).every(([name, value]) => (other[name] ?? "") === value);
}

// The newest text of this place that the server never got; entries older than a month go.
export function newestUnsaved(place, except) {
  const found = [];
  for (const key of keys(PREFIX)) {
    const entry = read(key);
    if (!entry?.texts || Date.now() - entry.at > MONTH) drop(key);
    else if (entry.id !== except && entry.unsaved && entry.place === place && Object.values(entry.texts).some((text) => text.trim())) found.push(entry);
  }
  return found.sort((a, b) => b.at - a.at)[0];
}

function keys(prefix) {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  } catch {
    return [];
  }
}

function read(key) {
  try {
    return { ...JSON.parse(localStorage.getItem(key)), key };
  } catch {
    return null;
  }
}

function drop(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    // Nothing was kept.
  }
}
