/** Time that one step of a replay has for its commits, ms. A step is some MB; what it waits for are other writers. */
export const STEP_TIMEOUT = 300_000;
