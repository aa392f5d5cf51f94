/** A footer has to wait until those that are held are committed. */
export class NoRoomError extends Error {
  override readonly name = 'NoRoomError';
  readonly code = 'NO_ROOM';
}

/** Bounds the memory for footers, which grow with columns times row groups and are held until their commit. */
export class FooterMemory {
  private readonly limit: number;
  private used = 0;
  private waiting: (() => void)[] = [];

  /** `limit` in bytes. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** A part of it for footers that are committed together. */
  open(): FooterShare {
    return new FooterShare(this);
  }

  /** Takes the bytes if there is room for them, or if nothing else is held. */
  tryTake(bytes: number): boolean {
    if (this.used > 0 && this.used + bytes > this.limit) return false;
    this.used += bytes;
    return true;
  }

  free(bytes: number): void {
    this.used -= bytes;
    for (const wake of this.waiting.splice(0)) wake();
  }

  /** Resolves when something was freed. */
  change(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

/** What one table holds. Whoever holds something does not wait for more, so that nobody waits for ever. */
export class FooterShare {
  private readonly memory: FooterMemory;
  private held = 0;
  private isClosed = false;

  constructor(memory: FooterMemory) {
    this.memory = memory;
  }

  /**
   * Takes memory for a footer of this length. While this table holds none, it waits until the others leave room;
   * otherwise it throws NoRoomError: the file has to wait for the next commit.
   */
  async take(bytes: number): Promise<void> {
    while (this.isClosed || !this.memory.tryTake(bytes)) {
      // What still reads after its table has failed must not hold what nobody will give back.
      if (this.isClosed || this.held > 0)
        throw new NoRoomError(`no room for a footer of ${bytes} bytes beside ${this.held}`);
      await this.memory.change();
    }
    this.held += bytes;
  }

  /** After the commit, or when there will be none. Ends the share. */
  release(): void {
    this.isClosed = true;
    const { held } = this;
    this.held = 0;
    if (held > 0) this.memory.free(held);
  }
}
