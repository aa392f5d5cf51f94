import { fileURLToPath } from 'node:url';
import { Duration } from 'aws-cdk-lib';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

export interface AppendFunctionProps {
  /** @default 5 minutes */
  readonly timeout?: Duration;
  /** MiB; also decides the share of a CPU. @default 512 */
  readonly memorySize?: number;
  /** @default one month */
  readonly logRetention?: RetentionDays;
  /** Tables and settings, as JSON. @default any table by the path convention */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** ES modules have no `require`, and a few CommonJS parts of the SDK call it. */
const REQUIRE_BANNER = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";

/** The append function, bundled with the SDK that it was tested with. */
export class AppendFunction extends Construct {
  readonly function: NodejsFunction;

  constructor(scope: Construct, id: string, props: AppendFunctionProps = {}) {
    super(scope, id);
    this.function = new NodejsFunction(this, 'Function', {
      entry: fileURLToPath(new URL('../../lambdas/append/handler.ts', import.meta.url)),
      handler: 'handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: props.timeout ?? Duration.minutes(5),
      memorySize: props.memorySize ?? 512,
      logGroup: new LogGroup(this, 'Logs', { retention: props.logRetention ?? RetentionDays.ONE_MONTH }),
      environment: {
        NODE_OPTIONS: '--enable-source-maps',
        ...(props.config !== undefined && { RESACA_CONFIG: JSON.stringify(props.config) }),
      },
      bundling: {
        format: OutputFormat.ESM,
        target: 'node24',
        mainFields: ['module', 'main'],
        minify: true,
        sourceMap: true,
        bundleAwsSDK: true,
        banner: REQUIRE_BANNER,
      },
    });
  }
}
