/** What is to be run by `spark/optimize.py`. */
export interface SparkJob {
  /** For people. */
  readonly name: string;
  /** Unique for the work: a job that was started with the same token is not started again, its id is returned. */
  readonly token: string;
  /** Of the script, each an argument of its own. */
  readonly arguments: readonly string[];
}

export type SparkJobOutcome =
  | { readonly kind: 'succeeded' }
  /** It failed or was cancelled; `state` is the platform's word for it. */
  | { readonly kind: 'failed'; readonly state: string; readonly detail: string }
  /** It is under way still, or waits. */
  | { readonly kind: 'running'; readonly state: string };

/** Something that runs Spark jobs. On EMR Serverless it is `createEmrServerlessJobs` of `src/aws/emr-serverless.ts`. */
export interface SparkJobs {
  /** Starts a job and gives its id. */
  start(job: SparkJob): Promise<string>;
  /** Waits until a job has ended, or until the deadline (ms since the epoch). With a deadline that is over it asks once. */
  wait(id: string, deadline: number): Promise<SparkJobOutcome>;
  /** Asks for the end of a job; one that has ended already stays as it is. */
  cancel(id: string): Promise<void>;
}
