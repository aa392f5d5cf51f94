import {
  GatewayVpcEndpoint,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpoint,
  InterfaceVpcEndpointAwsService,
  type ISecurityGroup,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  type SubnetSelection,
} from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { type KafkaSource, sourceSecrets } from './kafka-source.ts';

export interface KafkaEndpointsProps {
  /** VPC of the brokers. */
  readonly vpc: IVpc;
  /** Where the brokers are. @default the private subnets */
  readonly subnets?: SubnetSelection;
  /** Of the brokers, which the network interfaces of the pollers have too. @default any address of the VPC may come in */
  readonly brokers?: ISecurityGroup;
  /** What is read; with secrets there is an endpoint for Secrets Manager. */
  readonly source: KafkaSource;
  /** Whether there is one for S3, through which discarded batches go to their bucket. @default false */
  readonly onFailure?: boolean;
}

/**
 * The VPC endpoints that pollers on demand need where the brokers' subnets have no way to the internet (Lambda guide,
 * "Configuring your Amazon MSK cluster and Amazon VPC network for Lambda"); those of `provisionedPollers` need none.
 */
export class KafkaEndpoints extends Construct {
  readonly interfaces: readonly InterfaceVpcEndpoint[];

  constructor(scope: Construct, id: string, props: KafkaEndpointsProps) {
    super(scope, id);
    const { vpc, subnets, brokers } = props;
    const securityGroup = new SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'HTTPS from the pollers of Kafka mappings to AWS',
      allowAllOutbound: false,
    });
    securityGroup.addIngressRule(brokers ?? Peer.ipv4(vpc.vpcCidrBlock), Port.HTTPS, 'Kafka pollers');
    const services = {
      Lambda: InterfaceVpcEndpointAwsService.LAMBDA,
      Sts: InterfaceVpcEndpointAwsService.STS,
      ...(sourceSecrets(props.source).length > 0 && {
        SecretsManager: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
      }),
    };
    this.interfaces = Object.entries(services).map(
      ([name, service]) =>
        new InterfaceVpcEndpoint(this, name, {
          vpc,
          service,
          securityGroups: [securityGroup],
          open: false,
          ...(subnets !== undefined && { subnets }),
        }),
    );
    if (props.onFailure === true) {
      new GatewayVpcEndpoint(this, 'S3', {
        vpc,
        service: GatewayVpcEndpointAwsService.S3,
        ...(subnets !== undefined && { subnets: [subnets] }),
      });
    }
  }
}
