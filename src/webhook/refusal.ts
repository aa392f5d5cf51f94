/** Why a request is not taken, with the status of the response (RFC 9110). */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: 400 | 401 | 404 | 405 | 413 | 415 | 503;
  /** For the one who asks; 401 says nothing more. */
  override readonly message: string;

  constructor(status: Refusal['status'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.message = message;
  }
}
