// The records: their order (an index of 20 bytes each) and, window by window, what they say.
const STRIDE = 20;
const WINDOW = 100;
const KEPT_WINDOWS = 60;
const AT_ONCE = 3;

export async function getJson(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, redirect: "manual" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

export class Records {
  // `onRows(positions)` is called when rows have arrived, `onOrder()` when it turns out that there are more or fewer.
  constructor(addresses, total, { onRows, onOrder }) {
    Object.assign(this, { addresses, onRows, onOrder });
    this.count = total;
    this.view = null;
    this.bytes = null;
    this.rows = new Map();
    this.windows = new Map(); // number → "loading" or when it was last needed
    this.wanted = [];
    this.seen = [0, 0];
    this.busy = 0;
    this.clock = 0;
  }

  // What came with the page, so that the first screen waits for nothing.
  begin(rows) {
    rows.forEach((row, position) => this.rows.set(position, row));
  }

  async load(query) {
    const answer = await fetch(`${this.addresses.index}?${query}`, { redirect: "manual" });
    if (!answer.ok) throw new Error(String(answer.status));
    this.bytes = new Uint8Array(await answer.arrayBuffer());
    this.view = new DataView(this.bytes.buffer);
    const count = Math.floor(this.bytes.length / STRIDE);
    // Somebody wrote between the page and the order: what stands elsewhere now is read again.
    const moved = [...this.rows].filter(([at, row]) => at >= count || this.id(at) !== row.id).map(([at]) => at);
    for (const position of moved) this.rows.delete(position);
    if (count !== this.count) {
      this.count = count;
      this.onOrder();
    } else if (moved.length) this.onRows(moved);
    this.need(...this.seen);
  }

  id(position) {
    if (!this.bytes) return this.rows.get(position)?.id ?? "";
    const at = position * STRIDE;
    let hex = "";
    for (let i = 0; i < 16; i += 1) {
      hex += this.bytes[at + i].toString(16).padStart(2, "0");
      if (i === 3 || i === 5 || i === 7 || i === 9) hex += "-";
    }
    return hex;
  }

  // The revision that the reader chose the record by: what is shown, or what it had when the order was made.
  revision(position) {
    return this.rows.get(position)?.revision ?? this.view.getUint32(position * STRIDE + 16, true);
  }

  item(position) {
    return `${this.id(position)}:${this.revision(position)}`;
  }

  row(position) {
    return this.rows.get(position);
  }

  put(position, row) {
    this.rows.set(position, row);
  }

  // Ask for what is on the screen now; what was asked for and has scrolled away is not fetched any more.
  need(first, last) {
    this.seen = [first, last];
    this.wanted = [];
    if (!this.bytes) return;
    const from = Math.floor(Math.max(0, first) / WINDOW);
    const to = Math.floor(Math.min(this.count - 1, last) / WINDOW);
    this.clock += 1;
    for (let number = from; number <= to; number += 1) {
      if (!this.windows.has(number)) this.wanted.push(number);
      else if (this.windows.get(number) !== "loading") this.windows.set(number, this.clock);
    }
    this.fetchNext();
  }

  fetchNext() {
    while (this.busy < AT_ONCE && this.wanted.length) this.fetchWindow(this.wanted.shift());
  }

  async fetchWindow(number) {
    this.windows.set(number, "loading");
    this.busy += 1;
    const first = number * WINDOW;
    const last = Math.min(this.count, first + WINDOW) - 1;
    try {
      await this.fetchRows(Array.from({ length: last - first + 1 }, (_, i) => first + i));
      this.windows.set(number, this.clock);
      this.forget();
    } catch {
      // Asked for again with the next scroll; the rows show that they are on their way.
      this.windows.delete(number);
    } finally {
      this.busy -= 1;
    }
    this.fetchNext();
  }

  async fetchRows(positions) {
    const ids = positions.map((position) => this.id(position));
    const found = new Map((await getJson(`${this.addresses.rows}?ids=${ids.join(",")}`)).rows.map((row) => [row.id, row]));
    const changed = positions.filter((position, i) => {
      const row = found.get(ids[i]) ?? { id: ids[i], isLost: true };
      const before = JSON.stringify(this.rows.get(position));
      this.rows.set(position, row);
      return JSON.stringify(row) !== before;
    });
    this.onRows(changed);
  }

  // Read again what an act has changed, as far as it was shown.
  async refresh(positions) {
    const shown = positions.filter((position) => this.rows.has(position));
    for (let start = 0; start < shown.length; start += WINDOW) await this.fetchRows(shown.slice(start, start + WINDOW));
  }

  forget() {
    const loaded = [...this.windows].filter(([, used]) => used !== "loading").sort((a, b) => a[1] - b[1]);
    for (const [number] of loaded.slice(0, Math.max(0, loaded.length - KEPT_WINDOWS))) {
      this.windows.delete(number);
      for (let at = number * WINDOW; at < (number + 1) * WINDOW; at += 1) this.rows.delete(at);
    }
  }
}
