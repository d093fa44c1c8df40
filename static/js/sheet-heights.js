// How tall each row is, measured or guessed, and what stands at a place: sums in a Fenwick tree (Fenwick 1994), so that
// a hundred thousand rows of different heights cost seventeen additions a look-up.
export class Heights {
  constructor(count, guess) {
    this.count = count;
    this.guess = guess;
    this.own = new Float32Array(count).fill(guess);
    this.tree = new Float64Array(count + 1);
    for (let i = 1; i <= count; i += 1) {
      this.tree[i] += guess;
      const parent = i + (i & -i);
      if (parent <= count) this.tree[parent] += this.tree[i];
    }
    this.total = count * guess;
    this.top = 1;
    while (this.top * 2 <= count) this.top *= 2;
  }

  get(position) {
    return this.own[position];
  }

  // Returns by how much the row has grown.
  set(position, height) {
    const change = height - this.own[position];
    if (!change) return 0;
    this.own[position] = height;
    this.total += change;
    for (let i = position + 1; i <= this.count; i += i & -i) this.tree[i] += change;
    return change;
  }

  // Where the row begins.
  offset(position) {
    let sum = 0;
    for (let i = position; i > 0; i -= i & -i) sum += this.tree[i];
    return sum;
  }

  // Which row stands at this place.
  at(place) {
    let position = 0;
    let rest = place;
    for (let step = this.top; step; step >>= 1) {
      const next = position + step;
      if (next <= this.count && this.tree[next] <= rest) {
        position = next;
        rest -= this.tree[next];
      }
    }
    return Math.min(position, this.count - 1);
  }
}
