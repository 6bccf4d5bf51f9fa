// Random numbers that a seed repeats (mulberry32).
export class Random {
  #state;
  constructor(seed) {
    this.#state = seed >>> 0;
  }
  // At least 0 and below 1.
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  // A whole number of `from` … `to`.
  between(from, to) {
    return from + Math.floor(this.next() * (to - from + 1));
  }
  pick(list) {
    return list[this.between(0, list.length - 1)];
  }
  shuffled(list) {
    const left = [...list];
    return list.map(() => left.splice(this.between(0, left.length - 1), 1)[0]);
  }
}
