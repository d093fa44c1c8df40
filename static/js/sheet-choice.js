// Which records are selected: positions in the sheet's order, and the place from which a range grows.
export class Choice {
  constructor(count, onChange) {
    this.count = count;
    this.onChange = onChange;
    this.chosen = new Set();
    this.from = 0;
    this.before = null;
  }

  has(position) {
    return this.chosen.has(position);
  }

  get size() {
    return this.chosen.size;
  }

  positions() {
    return [...this.chosen].sort((a, b) => a - b);
  }

  toggle(position) {
    if (!this.chosen.delete(position)) this.chosen.add(position);
    this.from = position;
    this.before = null;
    this.onChange();
  }

  // From where the range began to here; what was selected before the range stays.
  extend(position) {
    this.before ??= new Set(this.chosen);
    this.chosen = new Set(this.before);
    const [first, last] = position < this.from ? [position, this.from] : [this.from, position];
    for (let at = first; at <= last; at += 1) this.chosen.add(at);
    this.onChange();
  }

  all() {
    this.chosen = new Set(Array.from({ length: this.count }, (_, at) => at));
    this.before = null;
    this.onChange();
  }

  clear() {
    if (!this.chosen.size) return;
    this.chosen.clear();
    this.before = null;
    this.onChange();
  }

  moved(position) {
    if (this.before === null) this.from = position;
  }

  settled() {
    this.before = null;
  }
}
