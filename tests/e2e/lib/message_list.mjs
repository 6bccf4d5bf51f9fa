// The messages that came so far, and waiting for one of them.
export class MessageList {
  messages = [];
  #waiters = new Set();
  #failure;

  add(message) {
    this.messages.push(message);
    this.#wake();
  }
  // No more will come.
  fail(problem) {
    this.#failure ??= problem;
    this.#wake();
  }
  #wake() {
    for (const waiter of [...this.#waiters]) waiter();
  }

  // The first message, received already or still to come, that satisfies `accept`.
  waitFor(accept, what = 'a message') {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.messages.find(accept);
        if (!found && !this.#failure) return;
        this.#waiters.delete(look);
        if (found) resolve(found);
        else reject(new Error(`it ended before ${what}`, { cause: this.#failure }));
      };
      this.#waiters.add(look);
      look();
    });
  }
}
