import { join } from 'node:path';
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type ISecurityGroup, type IVpc, SecurityGroup, type SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { CfnApplication } from 'aws-cdk-lib/aws-emrserverless';
import { Effect, type IRole, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { Construct } from 'constructs';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { packageRoot } from './function-code.ts';
import { allow } from './policies.ts';
import { policyProblems } from './policy-size.ts';
import { prefixesOfEach, type SparkTables, sparkRunPolicy, sparkTablePolicy } from './spark-policy.ts';

export interface SparkJobsProps {
  readonly tables: readonly SparkTables[];
  /** Release of EMR, from 7.10 on: its S3 connector and Delta Lake are what the jobs expect. @default 'emr-7.13.0' */
  readonly releaseLabel?: string;
  /** What all jobs together may take at once: vCPUs, and GB of memory and of disk. @default 64, 256 and 2,000 */
  readonly maximumCapacity?: { readonly cpu: number; readonly memory: number; readonly disk: number };
  /** Jobs that run at the same time; more wait. @default 4 */
  readonly maxConcurrentRuns?: number;
  /** Time without a job after which the application stops, whole minutes. @default 5 minutes */
  readonly idleTimeout?: Duration;
  /** More for `spark-defaults`, or other values. @default workers of 4 vCPUs and 16 GB */
  readonly sparkProperties?: Readonly<Record<string, string>>;
  /** Where workers have their network interfaces: not needed for S3. @default none; then they reach AWS's services only */
  readonly network?: {
    readonly vpc: IVpc;
    /** @default the private subnets */
    readonly subnets?: SubnetSelection;
    /** @default a new one, which may reach anything and be reached by nothing */
    readonly securityGroups?: readonly ISecurityGroup[];
  };
  /** For the logs; CloudWatch Logs must be allowed to use it. @default the keys of CloudWatch */
  readonly encryptionKey?: IKey;
  /** @default one month */
  readonly logRetention?: RetentionDays;
}

const DEFAULT_RELEASE = 'emr-7.13.0';
const DEFAULT_CAPACITY = { cpu: 64, memory: 256, disk: 2_000 };
/** Minutes. */
const MAX_IDLE = 10_080;

/** EMR Serverless user guide, "Using Delta Lake OSS with EMR Serverless"; workers of 4 vCPUs and 16 GB, overhead included. */
const SPARK_DEFAULTS: Readonly<Record<string, string>> = {
  'spark.jars': ['delta-spark.jar', 'delta-storage.jar'].map((jar) => `/usr/share/aws/delta/lib/${jar}`).join(','),
  'spark.sql.extensions': 'io.delta.sql.DeltaSparkSessionExtension',
  'spark.sql.catalog.spark_catalog': 'org.apache.spark.sql.delta.catalog.DeltaCatalog',
  'spark.driver.cores': '4',
  'spark.driver.memory': '14g',
  'spark.executor.cores': '4',
  'spark.executor.memory': '14g',
};

/**
 * Spark for work that is beyond one function: an EMR Serverless application that starts with a job and stops when it is
 * idle, a role for the jobs, and the scripts. Nothing costs anything while no job runs.
 */
export class SparkJobs extends Construct {
  readonly application: CfnApplication;
  /** Of the jobs. */
  readonly role: Role;
  readonly logGroup: LogGroup;
  /** `s3://` URIs of the scripts that do upkeep, and batches of steps. */
  readonly script: string;
  readonly stepScript: string;
  /** `s3://` URI of the archive that the scripts import from. */
  readonly library: string;
  private readonly tables: readonly SparkTables[];

  /** Throws ConfigError naming every mistake of the properties. */
  constructor(scope: Construct, id: string, props: SparkJobsProps) {
    super(scope, id);
    checkProps(props);
    this.tables = props.tables;
    this.logGroup = new LogGroup(this, 'Logs', {
      retention: props.logRetention ?? RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
      ...(props.encryptionKey !== undefined && { encryptionKey: props.encryptionKey }),
    });
    this.application = this.addApplication(props);
    this.role = new Role(this, 'Role', { assumedBy: jobPrincipal(this, this.application) });
    for (const [index, tables] of props.tables.entries()) {
      sparkTablePolicy(this, `Tables${index}`, this.limited(tables)).attachToRole(this.role);
    }
    this.node.addValidation({ validate: () => policyProblems(this.role) });
    this.logPolicy().attachToRole(this.role);
    const folder = join(packageRoot(import.meta.dirname), 'spark');
    this.script = this.addScript('Optimize', join(folder, 'optimize.py'));
    this.stepScript = this.addScript('Step', join(folder, 'step.py'));
    // A folder is uploaded as an archive.
    this.library = this.addScript('Library', join(folder, 'lib'));
  }

  /** Makes a file one that the jobs can read; its `s3://` URI. */
  addScript(id: string, path: string): string {
    const asset = new Asset(this, id, { path, exclude: ['__pycache__', '*.pyc'] });
    // Not `grantRead`, which would be for all assets of the account.
    const object = asset.bucket.arnForObjects(asset.s3ObjectKey);
    new Policy(this, `${id}Policy`, { statements: [allow(['s3:GetObject'], [object])] }).attachToRole(this.role);
    return asset.s3ObjectUrl;
  }

  /** Lets a role start jobs, watch and cancel them, and keep plans and results of compaction under the tables. */
  grantRun(id: string, role: IRole): void {
    const { attrArn } = this.application;
    const runs = `${attrArn}/jobruns/*`;
    const policy = new Policy(this, id, {
      statements: [
        allow(['emr-serverless:StartJobRun'], [attrArn]),
        allow(['emr-serverless:GetJobRun', 'emr-serverless:CancelJobRun'], [runs]),
        new PolicyStatement({
          effect: Effect.ALLOW,
          actions: ['iam:PassRole'],
          resources: [this.role.roleArn],
          conditions: { StringEquals: { 'iam:PassedToService': 'emr-serverless.amazonaws.com' } },
        }),
      ],
    });
    acknowledgeWildcards(policy, [runs], 'Each job run of this application is a resource of its own.');
    policy.attachToRole(role);
    for (const [index, tables] of this.tables.entries()) {
      if (tables.access === 'read') continue;
      sparkRunPolicy(this, `${id}Tables${index}`, this.limited(tables)).attachToRole(role);
    }
  }

  private limited(tables: SparkTables): SparkTables {
    return { maxPrefixes: prefixesOfEach(this.tables.length), ...tables };
  }

  /** The variables by which `emrServerlessEnvironment` of `src/aws/emr-env.ts` finds the application, for upkeep. */
  get environment(): Readonly<Record<string, string>> {
    return this.environmentFor(this.script);
  }

  /** The same for a function that runs steps. */
  get stepEnvironment(): Readonly<Record<string, string>> {
    return this.environmentFor(this.stepScript);
  }

  private environmentFor(script: string): Readonly<Record<string, string>> {
    return {
      RESACA_SPARK_APPLICATION_ID: this.application.attrApplicationId,
      RESACA_SPARK_ROLE_ARN: this.role.roleArn,
      RESACA_SPARK_SCRIPT: script,
      RESACA_SPARK_LIBRARY: this.library,
    };
  }

  private addApplication(props: SparkJobsProps): CfnApplication {
    const { cpu, memory, disk } = props.maximumCapacity ?? DEFAULT_CAPACITY;
    return new CfnApplication(this, 'Application', {
      name: `${Stack.of(this).stackName}-${this.node.id}`.slice(0, 64),
      type: 'SPARK',
      releaseLabel: props.releaseLabel ?? DEFAULT_RELEASE,
      architecture: 'ARM64',
      autoStartConfiguration: { enabled: true },
      autoStopConfiguration: {
        enabled: true,
        idleTimeoutMinutes: (props.idleTimeout ?? Duration.minutes(5)).toMinutes(),
      },
      maximumCapacity: { cpu: `${cpu} vCPU`, memory: `${memory} GB`, disk: `${disk} GB` },
      schedulerConfiguration: { maxConcurrentRuns: props.maxConcurrentRuns ?? 4 },
      runtimeConfiguration: [
        { classification: 'spark-defaults', properties: { ...SPARK_DEFAULTS, ...props.sparkProperties } },
      ],
      monitoringConfiguration: {
        cloudWatchLoggingConfiguration: { enabled: true, logGroupName: this.logGroup.logGroupName },
        // The event logs behind the Spark UI, which EMR keeps for 30 days, would not be under the key.
        managedPersistenceMonitoringConfiguration: { enabled: props.encryptionKey === undefined },
      },
      ...(props.network !== undefined && { networkConfiguration: this.networkOf(props.network) }),
    });
  }

  private networkOf({ vpc, subnets, securityGroups }: NonNullable<SparkJobsProps['network']>) {
    const groups = securityGroups ?? [new SecurityGroup(this, 'Workers', { vpc })];
    return {
      subnetIds: vpc.selectSubnets(subnets).subnetIds,
      securityGroupIds: groups.map(({ securityGroupId }) => securityGroupId),
    };
  }

  /** EMR Serverless user guide, "Logging for EMR Serverless with Amazon CloudWatch", "Required permissions". */
  private logPolicy(): Policy {
    const all = Stack.of(this).formatArn({ service: 'logs', resource: '*' });
    const streams = `${this.logGroup.logGroupArn}:*`;
    const policy = new Policy(this, 'LogPolicy', {
      statements: [
        allow(['logs:DescribeLogGroups'], [all]),
        allow(
          ['logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'],
          [this.logGroup.logGroupArn, streams],
        ),
      ],
    });
    acknowledgeWildcards(
      policy,
      [all, streams],
      'Log groups can be listed as a whole only; the log streams are of this group.',
    );
    return policy;
  }
}

/** EMR Serverless, and only for this application ("Cross-service confused deputy prevention" of its user guide). */
function jobPrincipal(scope: Construct, { attrArn }: CfnApplication): ServicePrincipal {
  return new ServicePrincipal('emr-serverless.amazonaws.com', {
    conditions: {
      StringEquals: { 'aws:SourceAccount': Stack.of(scope).account },
      ArnLike: { 'aws:SourceArn': attrArn },
    },
  });
}

function checkProps({ tables, releaseLabel = DEFAULT_RELEASE, ...props }: SparkJobsProps): void {
  const problems: string[] = [];
  if (tables.length === 0) problems.push('tables: expected at least one bucket with tables, got none');
  const [, major = '', minor = ''] = /^emr-(\d+)\.(\d+)\.\d+$/.exec(releaseLabel) ?? [];
  if (major === '' || Number(major) < 7 || (Number(major) === 7 && Number(minor) < 10)) {
    problems.push(`releaseLabel: expected a release from emr-7.10.0 on, got "${releaseLabel}"`);
  }
  for (const [name, value] of Object.entries(props.maximumCapacity ?? DEFAULT_CAPACITY)) {
    if (!Number.isInteger(value) || value < 1) {
      problems.push(`maximumCapacity.${name}: expected a whole number from 1 on, got ${value}`);
    }
  }
  const runs = props.maxConcurrentRuns ?? 1;
  if (!Number.isInteger(runs) || runs < 1 || runs > 1_000) {
    problems.push(`maxConcurrentRuns: expected 1 to 1000, got ${runs}`);
  }
  const idle = props.idleTimeout?.toMinutes({ integral: false }) ?? 1;
  if (!Number.isInteger(idle) || idle < 1 || idle > MAX_IDLE) {
    problems.push(
      `idleTimeout: expected whole minutes from 1 to ${MAX_IDLE}, got ${props.idleTimeout?.toHumanString()}`,
    );
  }
  for (const name of Object.keys(props.sparkProperties ?? {})) {
    if (!name.startsWith('spark.'))
      problems.push(`sparkProperties: expected names that start with "spark.", got "${name}"`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
}
