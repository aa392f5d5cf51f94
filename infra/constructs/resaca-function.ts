import { Duration, RemovalPolicy, type Size, Stack, Validations } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { Effect, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Function as LambdaFunction, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { CONFIG_FILE, type FunctionFiles, functionCode } from './function-code.ts';
import { allow, sendStatements } from './policies.ts';
import { policyProblems } from './policy-size.ts';

/** What all functions of the project can be given. */
export interface FunctionSettings {
  /** MB; also decides the share of a CPU. docs/sizing.md has the measurements. @default 512 */
  readonly memorySize?: number;
  /** @default 2 minutes */
  readonly timeout?: Duration;
  /** @default one month */
  readonly logRetention?: RetentionDays;
  /** @default 'info' */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error';
  /** Whether X-Ray traces the invocations. @default false */
  readonly tracing?: boolean;
  /**
   * Value of the metrics' dimension `pipeline`, and the beginning of the names of alarms and dashboard; unique in an
   * account and region. @default the names of the stack and the construct
   */
  readonly pipelineName?: string;
  /** Whether each table has metrics of its own, which CloudWatch bills by table. @default false */
  readonly metricsByTable?: boolean;
  /** Queue that is asked for checkpoints where they are due, of a `MaintenanceQueue`. @default nobody is asked */
  readonly maintenanceQueue?: IQueue;
  /** Queue that is told of tables that are made or change, of a `CatalogQueue`. @default nobody is told */
  readonly catalogQueue?: IQueue;
}

export interface ResacaFunctionProps extends FunctionSettings {
  /** Folder of the function under `lambdas/`. */
  readonly name: string;
  /** What the function reads at start, as plain data. */
  readonly config: unknown;
  /** Variables of this function only. @default none */
  readonly environment?: Readonly<Record<string, string>>;
  /** Beside the bundle. @default none */
  readonly files?: FunctionFiles;
  /** @default Architecture.ARM_64 */
  readonly architecture?: Architecture;
  /** Of `/tmp`. @default 512 MB */
  readonly ephemeralStorageSize?: Size;
  /** @default none: the function is in no VPC */
  readonly network?: FunctionNetwork;
  /** Invocations at the same time at most, which are kept free in the account. @default no limit but the account's */
  readonly reservedConcurrency?: number;
}

/** Where a function has its network interfaces. */
export interface FunctionNetwork {
  readonly vpc: IVpc;
  /** @default the private subnets */
  readonly vpcSubnets?: SubnetSelection;
  /** @default a new one, which may reach anything and be reached by nothing */
  readonly securityGroups?: readonly ISecurityGroup[];
}

/** Lambda guide, "Giving Lambda functions access to resources in an Amazon VPC", "Required IAM permissions". */
const NETWORK_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

export const DEFAULT_TIMEOUT = Duration.minutes(2);

/** A function of this project: its bundle, a role that may write its logs and nothing else, and its log group. */
export class ResacaFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  readonly pipelineName: string;
  /** MB. */
  readonly memorySize: number;

  constructor(scope: Construct, id: string, props: ResacaFunctionProps) {
    super(scope, id);
    this.pipelineName = props.pipelineName ?? `${Stack.of(this).stackName}-${id}`;
    this.memorySize = props.memorySize ?? 512;
    this.logGroup = new LogGroup(this, 'Logs', {
      retention: props.logRetention ?? RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.logGroup.grantWrite(this.role);
    const network = props.network === undefined ? {} : this.networkOf(props.network);
    this.function = new LambdaFunction(this, 'Function', {
      ...network,
      ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
      code: functionCode(props.name, props.config, props.files),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: props.architecture ?? Architecture.ARM_64,
      ...(props.ephemeralStorageSize !== undefined && { ephemeralStorageSize: props.ephemeralStorageSize }),
      role: this.role.withoutPolicyUpdates(),
      timeout: props.timeout ?? DEFAULT_TIMEOUT,
      memorySize: this.memorySize,
      logGroup: this.logGroup,
      ...(props.tracing === true && { tracing: Tracing.ACTIVE }),
      environment: {
        NODE_OPTIONS: '--enable-source-maps',
        RESACA_CONFIG_FILE: CONFIG_FILE,
        RESACA_PIPELINE: this.pipelineName,
        ...props.environment,
        ...(props.logLevel !== undefined && { RESACA_LOG_LEVEL: props.logLevel }),
        ...(props.metricsByTable === true && { RESACA_METRICS_BY_TABLE: 'true' }),
        ...(props.maintenanceQueue !== undefined && {
          RESACA_MAINTENANCE_QUEUE_URL: props.maintenanceQueue.queueUrl,
        }),
        ...(props.catalogQueue !== undefined && { RESACA_CATALOG_QUEUE_URL: props.catalogQueue.queueUrl }),
      },
    });
    for (const queue of [props.maintenanceQueue, props.catalogQueue]) {
      for (const statement of sendStatements(queue)) this.role.addToPolicy(statement);
    }
    if (props.tracing === true) this.grantTracing();
    this.node.addValidation({ validate: () => policyProblems(this.role) });
  }

  /** Attaches policies; the function waits for them, as its first invocations could come before what they may do. */
  grant(...policies: readonly (Policy | undefined)[]): void {
    for (const policy of policies) {
      if (policy === undefined) continue;
      policy.attachToRole(this.role);
      this.function.node.addDependency(policy);
    }
  }

  private networkOf({ vpc, vpcSubnets, securityGroups }: FunctionNetwork) {
    const policy = new Policy(this, 'NetworkPolicy', { statements: [allow(NETWORK_ACTIONS, ['*'])] });
    policy.attachToRole(this.role);
    Validations.of(policy).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'Network interfaces that are made have no ARN before; AWS documents these rights without resources.',
    });
    return {
      vpc,
      ...(vpcSubnets !== undefined && { vpcSubnets }),
      ...(securityGroups !== undefined && { securityGroups: [...securityGroups] }),
    };
  }

  private grantTracing(): void {
    this.role.addToPolicy(
      new PolicyStatement({
        effect: Effect.ALLOW,
        actions: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
        resources: ['*'],
      }),
    );
    Validations.of(this.role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'X-Ray has no resources: its actions to send traces can be granted on * only.',
    });
  }
}
