import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import type { Environment } from '../../src/config/read-config.js';
import { consumers, envs, configErrorsOf } from '../support/config.js';
import { newDatabase } from '../support/databases.js';
import { demonstrationSecrets, vendorUrls } from '../support/demonstration.js';
import { baseEnvironment } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import { schemaFaults } from '../support/kubernetes-schemas.js';
import { canRender, render } from '../support/kustomize.js';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

interface Resource {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels: Labels };
}
type Labels = Record<string, string>;
interface Selector {
  matchLabels: Labels;
}
interface ConfigMap extends Resource {
  data: Record<string, string>;
}
interface Deployment extends Resource {
  spec: {
    replicas?: number;
    progressDeadlineSeconds: number;
    strategy: { type: string };
    selector: Selector;
    template: { metadata: { labels: Labels }; spec: Pod };
  };
}
interface Pod {
  priorityClassName?: string;
  serviceAccountName: string;
  terminationGracePeriodSeconds: number;
  securityContext: object;
  initContainers?: Container[];
  containers: [Container];
  topologySpreadConstraints: { labelSelector: Selector }[];
  volumes?: {
    name: string;
    secret?: { secretName: string; items: { key: string; path: string }[] };
    persistentVolumeClaim?: { claimName: string };
  }[];
}
interface Container {
  image: string;
  imagePullPolicy: string;
  args?: string[];
  restartPolicy?: string;
  ports: object[];
  envFrom: object[];
  env: Variable[];
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[];
  startupProbe: Probe;
  readinessProbe: Probe;
  livenessProbe: Probe;
  lifecycle: { preStop: { sleep: { seconds: number } } };
  resources: { requests: object; limits: object };
  securityContext: object;
}
interface Variable {
  name: string;
  value?: string;
  valueFrom?: { secretKeyRef: { name: string; key: string; optional?: boolean } };
}
interface Probe {
  httpGet: { path: string; port: string };
  periodSeconds: number;
  failureThreshold: number;
}
interface PodMonitor extends Resource {
  spec: { jobLabel: string; selector: Selector; podMetricsEndpoints: { port: string }[] };
}
interface NetworkPolicy extends Resource {
  spec: { podSelector: Selector };
}

const variableOf = ({ name }: Variable) => name.replace(/_FILE$/, '');
const roleOf = ({ env }: Container) => env.find(({ name }) => name === 'ROLE')?.value;
const selects = (labels: Labels, pod: Labels) =>
  Object.entries(labels).every(([name, value]) => pod[name] === value);

/** The resources of a folder, and the parts that tests ask for. */
function rendered(folder: string) {
  const resources = render(folder) as Resource[];
  const all = <T extends Resource>(kind: string) => resources.filter((one) => one.kind === kind) as T[];
  const deployments = all<Deployment>('Deployment');
  return {
    resources,
    all,
    settings: all<ConfigMap>('ConfigMap').find(({ data }) => 'PORT' in data)!,
    deployments,
    containers: deployments.map(({ spec }) => spec.template.spec.containers[0]),
    /** The names of the deployments whose pods these labels choose. */
    chosen: (labels: Labels) =>
      deployments
        .filter(({ spec }) => selects(labels, spec.template.metadata.labels))
        .map(({ metadata }) => metadata.name),
  };
}

const tcp = (port: number | string) => ({ port, protocol: 'TCP' });
const subnets = (...cidrs: string[]) => cidrs.map((cidr) => ({ ipBlock: { cidr } }));

const withKubectl = canRender() ? describe : describe.skip;

withKubectl.each(['base', 'overlays/dev', 'overlays/production'])('k8s/%s', (folder) => {
  let world: ReturnType<typeof rendered>;

  beforeAll(() => {
    world = rendered(folder);
  });

  it('has only resources that match the schemas of the Kubernetes API', () => {
    const faults = world.resources.map((one) => [`${one.kind} ${one.metadata.name}`, schemaFaults(one)]);
    expect(faults.filter(([, found]) => found!.length > 0)).toEqual([]);
  });

  it('has variables of the program only, each once', () => {
    for (const { env, envFrom } of world.containers) {
      expect(envFrom).toEqual([{ configMapRef: { name: world.settings.metadata.name } }]);
      const given = [...Object.keys(world.settings.data), ...env.map(variableOf)];
      expect(new Set(given).size).toBe(given.length);
      expect(given.filter((name) => !envs(() => true).includes(name))).toEqual([]);
    }
  });

  it('has an environment that the program accepts', () => {
    for (const { env } of world.containers) {
      const necessary = env.filter(({ valueFrom }) => !valueFrom?.secretKeyRef.optional);
      const secrets: Environment = {
        ...baseEnvironment,
        KIGO_API_KEY: 'test-kigo-api-key-0001',
        REDIS_URL: 'rediss://redis',
        DELIVERY_CONSUMERS: consumers({ secrets: [`whsec_${'a'.repeat(32)}`] }),
      };
      const values = necessary.map((one) => [
        variableOf(one),
        // A path that ends in _FILE stands for a secret; any other value is meant.
        one.name.endsWith('_FILE') ? secrets[variableOf(one)] : (one.value ?? secrets[one.name]),
      ]);
      expect(configErrorsOf({ ...world.settings.data, ...Object.fromEntries(values) })).toEqual([]);
    }
  });

  it('has secrets by reference only, under the names of their variables', () => {
    const secrets = envs(({ secret }) => secret);
    expect(Object.keys(world.settings.data).filter((name) => secrets.includes(name))).toEqual([]);
    for (const { spec } of world.deployments) {
      const { containers, volumes = [] } = spec.template.spec;
      const [{ env, volumeMounts = [] }] = containers;
      expect(env.filter(({ name, value }) => value !== undefined && secrets.includes(name))).toEqual([]);
      const references = env.filter(({ valueFrom }) => valueFrom);
      expect(references.map(({ valueFrom }) => valueFrom?.secretKeyRef.key)).toEqual(
        references.map(({ name }) => name),
      );
      const items = volumes.find(({ name }) => name === 'secrets')?.secret?.items ?? [];
      const mount = volumeMounts.find(({ name }) => name === 'secrets');
      expect([mount?.readOnly, items.length]).toEqual(
        roleOf(containers[0]) === 'worker' ? [undefined, 0] : [true, 5],
      );
      expect(secrets).toEqual(expect.arrayContaining(items.map(({ key }) => key)));
      expect(env.filter(({ name }) => name.endsWith('_FILE'))).toEqual(
        items.map(({ key, path }) => ({ name: `${key}_FILE`, value: `${mount!.mountPath}/${path}` })),
      );
    }
  });

  it('has probes that the program answers', async () => {
    const paths = world.containers.flatMap(({ startupProbe, readinessProbe, livenessProbe }) => {
      expect(startupProbe.httpGet).toEqual({ path: '/health/startup', port: 'management' });
      expect(readinessProbe.httpGet).toEqual({ path: '/health/ready', port: 'management' });
      expect(livenessProbe.httpGet).toEqual({ path: '/health/live', port: 'management' });
      return [startupProbe, readinessProbe, livenessProbe].map(({ httpGet }) => httpGet.path);
    });
    // A process of its own: checking schemas may hold this one up for so long that its liveness would be told as lost.
    const database = await newDatabase();
    await using gateway = startProcess(database.env);
    const url = await gateway.url();
    await gateway.logged('database ready');
    for (const path of paths) expect((await fetch(url + path)).status).toBe(200);
    await gateway[Symbol.asyncDispose]();
    await database.drop();
  });

  it('routes to the ports that the program listens on, and to none that is for operators', () => {
    const { PORT, CALLBACK_PORT, MANAGEMENT_PORT } = world.settings.data;
    for (const { ports } of world.containers)
      expect(ports).toEqual([
        { name: 'http', containerPort: Number(PORT) },
        { name: 'callbacks', containerPort: Number(CALLBACK_PORT) },
        { name: 'management', containerPort: Number(MANAGEMENT_PORT) },
      ]);
    const [service] = world.all<Resource & { spec: { ports: { targetPort: string }[] } }>('Service');
    expect(service!.spec.ports.map(({ targetPort }) => targetPort)).toEqual(['http', 'callbacks']);
  });

  it('has deployments that select only their own pods', () => {
    for (const { metadata, spec } of world.deployments) {
      expect(world.chosen(spec.selector.matchLabels)).toEqual([metadata.name]);
      for (const { labelSelector } of spec.template.spec.topologySpreadConstraints)
        expect(labelSelector).toEqual(spec.selector);
    }
    const budgets = world.all<Resource & { spec: { selector: Selector } }>('PodDisruptionBudget');
    expect(budgets.flatMap(({ spec }) => world.chosen(spec.selector.matchLabels))).toEqual(
      world.deployments.map(({ metadata }) => metadata.name),
    );
  });

  it('selects the API deployment for the Service, callbacks and callers, and every deployment for monitoring', () => {
    const [service] = world.all<Resource & { spec: { selector: Labels } }>('Service');
    expect(world.chosen(service!.spec.selector)).toEqual(['rewards-gateway']);
    const policies = Object.fromEntries(
      world
        .all<NetworkPolicy>('NetworkPolicy')
        .map(({ metadata, spec }) => [metadata.name, world.chosen(spec.podSelector.matchLabels)]),
    );
    const everybody = world.deployments.map(({ metadata }) => metadata.name);
    for (const { spec } of world.all<PodMonitor>('PodMonitor')) {
      expect(world.chosen(spec.selector.matchLabels)).toEqual(everybody);
      expect(spec.podMetricsEndpoints).toEqual([expect.objectContaining({ port: 'management' })]);
      // The job that every rule asks for.
      for (const { spec: deployment } of world.deployments)
        expect(deployment.template.metadata.labels[spec.jobLabel]).toBe('rewards-gateway');
    }
    expect(policies).toMatchObject({
      'rewards-gateway': everybody,
      'rewards-gateway-stores': everybody,
      'rewards-gateway-callers': ['rewards-gateway'],
      'rewards-gateway-monitoring': everybody,
      'rewards-gateway-consumers': everybody,
    });
  });

  it('gives a pod time for the pause before SIGTERM, the drain and a little more', () => {
    for (const { spec } of world.deployments) {
      const { containers, terminationGracePeriodSeconds } = spec.template.spec;
      const pauseSeconds = containers[0].lifecycle.preStop.sleep.seconds;
      expect(terminationGracePeriodSeconds).toBeGreaterThan(
        pauseSeconds + Number(world.settings.data['SHUTDOWN_GRACE_SECONDS']),
      );
    }
  });

  it('gives a roll-out more time than its startup probe', () => {
    for (const { spec } of world.deployments) {
      const { periodSeconds, failureThreshold } = spec.template.spec.containers[0].startupProbe;
      expect(spec.progressDeadlineSeconds).toBeGreaterThan(periodSeconds * failureThreshold);
    }
  });

  it('keeps to the restricted Pod Security Standard, as the user of the image', () => {
    for (const { spec } of world.deployments) {
      const { securityContext, initContainers = [], containers } = spec.template.spec;
      // The stage that an image is built from, by its tag; without a name, the last one.
      const stages = read('Dockerfile').split(/^FROM /m);
      const stage =
        stages.find((text) => text.startsWith(`node AS ${containers[0].image.split(':')[1]}\n`)) ??
        stages.at(-1)!;
      const [, uid, gid] = /^USER (\d+):(\d+)$/m.exec(stage)!.map(Number);
      expect(securityContext).toEqual({
        runAsNonRoot: true,
        runAsUser: uid,
        runAsGroup: gid,
        fsGroup: gid,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const container of [...initContainers, ...containers])
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
    }
    const namespaces = world.all<Resource>('Namespace').map(({ metadata }) => metadata);
    for (const { labels } of namespaces)
      expect(labels).toMatchObject({
        'pod-security.kubernetes.io/enforce': 'restricted',
        'pod-security.kubernetes.io/enforce-version': 'v1.30',
        'pod-security.kubernetes.io/audit': 'restricted',
        'pod-security.kubernetes.io/audit-version': 'latest',
        'pod-security.kubernetes.io/warn': 'restricted',
        'pod-security.kubernetes.io/warn-version': 'latest',
      });
  });

  it('has requests and limits, images that are pulled once, and no token of the cluster', () => {
    const [account] = world.all<Resource & { automountServiceAccountToken: boolean }>('ServiceAccount');
    expect(account!.automountServiceAccountToken).toBe(false);
    for (const { spec } of world.deployments) {
      const pod = spec.template.spec;
      for (const { resources } of [...(pod.initContainers ?? []), ...pod.containers])
        for (const amounts of [resources.requests, resources.limits])
          expect(Object.keys(amounts).toSorted()).toEqual(['cpu', 'ephemeral-storage', 'memory']);
      for (const { imagePullPolicy } of [...(pod.initContainers ?? []), ...pod.containers])
        expect(imagePullPolicy).toBe('IfNotPresent');
      expect(pod).toMatchObject({
        serviceAccountName: account!.metadata.name,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
      });
    }
  });
});

withKubectl('the overlay for development', () => {
  let world: ReturnType<typeof rendered>;

  beforeAll(() => {
    world = rendered('overlays/dev');
  });

  it('has one process at a time, with a folder for the embedded database', () => {
    const [deployment, ...others] = world.deployments;
    expect(others).toEqual([]);
    expect(deployment!.spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
    expect(world.all('HorizontalPodAutoscaler')).toEqual([]);
    const { containers, volumes = [] } = deployment!.spec.template.spec;
    const [{ env, volumeMounts = [] }] = containers;
    expect(env.map(({ name }) => name)).not.toContain('DATABASE_URL');
    const mount = volumeMounts.find(({ mountPath }) => mountPath === world.settings.data['DATA_DIR']);
    const [claim] = world.all<Resource>('PersistentVolumeClaim');
    expect(volumes.find(({ name }) => name === mount?.name)?.persistentVolumeClaim).toEqual({
      claimName: claim!.metadata.name,
    });
  });

  it('has the simulated vendors beside the gateway, and what they expect', () => {
    const [{ initContainers, containers }] = world.deployments.map(({ spec }) => spec.template.spec) as [Pod];
    const { CALLBACK_PORT } = world.settings.data;
    expect(initContainers).toEqual([
      expect.objectContaining({
        env: [{ name: 'SANDBOX_CALLBACK_URL', value: `http://127.0.0.1:${CALLBACK_PORT}/callbacks/kiip` }],
        image: 'rewards-gateway-sandbox:dev',
        restartPolicy: 'Always',
      }),
    ]);
    expect(containers[0].image).toBe('rewards-gateway:embedded');
    expect(world.settings.data).toMatchObject(vendorUrls);
    const [secret] = world.all<ConfigMap>('Secret');
    expect(
      Object.fromEntries(Object.entries(secret!.data).map(([name, value]) => [name, atob(value)])),
    ).toEqual(demonstrationSecrets);
    const names = containers[0].env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef.name ?? []);
    expect(new Set(names)).toEqual(new Set([secret!.metadata.name]));
  });
});

withKubectl('the overlay for production', () => {
  let world: ReturnType<typeof rendered>;

  beforeAll(() => {
    world = rendered('overlays/production');
  });

  it('has a deployment for each half of the work, and scales the one that answers callers', () => {
    expect(
      world.deployments.map(({ metadata, spec }) => [
        metadata.name,
        roleOf(spec.template.spec.containers[0]),
        spec.replicas,
      ]),
    ).toEqual([
      ['rewards-gateway', 'api', undefined],
      ['rewards-gateway-worker', 'worker', 2],
    ]);
    const [scaler] = world.all<Resource & { spec: { scaleTargetRef: object } }>('HorizontalPodAutoscaler');
    expect(scaler!.spec.scaleTargetRef).toMatchObject({ kind: 'Deployment', name: 'rewards-gateway' });
  });

  it('creates the secrets that the pods reference, each for the half that uses it', () => {
    const [external] = world.all<
      Resource & { spec: { target: { name: string }; data: { secretKey: string }[] } }
    >('ExternalSecret');
    const made = external!.spec.data.map(({ secretKey }) => secretKey);
    for (const { spec } of world.deployments) {
      const { containers, volumes = [] } = spec.template.spec;
      const references = containers[0].env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []);
      const files = volumes.flatMap(({ secret }) => secret ?? []);
      const names = [...references.map(({ name }) => name), ...files.map(({ secretName }) => secretName)];
      expect(new Set(names)).toEqual(new Set([external!.spec.target.name]));
      const keys = [...references, ...files.flatMap(({ items }) => items)].map(({ key }) => key);
      expect(keys.toSorted()).toEqual(
        roleOf(containers[0]) === 'worker'
          ? ['DATABASE_URL', 'DELIVERY_CONSUMERS', 'REDIS_URL']
          : made.toSorted(),
      );
      expect(references.find(({ key }) => key === 'REDIS_URL')?.optional).toBe(false);
    }
  });

  it('exposes only callbacks to the public', () => {
    const [ingress] = world.all<
      Resource & { spec: { tls: object[]; rules: { http: { paths: object[] } }[] } }
    >('Ingress');
    // The class and the namespace of a controller are the reader's own.
    expect(ingress!.spec).not.toHaveProperty('ingressClassName');
    const policy = world
      .all<NetworkPolicy>('NetworkPolicy')
      .find(({ metadata }) => metadata.name.endsWith('-callbacks'))!;
    expect(world.chosen(policy.spec.podSelector.matchLabels)).toEqual(['rewards-gateway']);
    expect(policy.spec).toMatchObject({
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress' } } }],
          ports: [tcp('callbacks')],
        },
      ],
    });
    expect(ingress!.spec.tls).toHaveLength(1);
    expect(ingress!.spec.rules.flatMap(({ http }) => http.paths)).toEqual([
      {
        path: '/callbacks',
        pathType: 'Prefix',
        backend: { service: { name: 'rewards-gateway', port: { name: 'callbacks' } } },
      },
    ]);
  });

  it('runs the version of package.json', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    for (const { image } of world.containers)
      expect(image).toMatch(new RegExp(`/rewards-gateway:${version}$`));
    for (const { metadata, spec } of world.deployments)
      for (const { labels } of [metadata, spec.template.metadata])
        expect(labels).toMatchObject({ 'app.kubernetes.io/version': version });
  });
});

describe('the network of k8s/base', () => {
  // As it is written: no kubectl is needed to see that a door stands open.
  const policies = parseAllDocuments(read('k8s/base/networkpolicy.yaml')).map(
    (document) => document.toJS() as Resource & { spec: Record<string, unknown> },
  );
  const rulesOf = (name: string) => {
    const { podSelector: _, ...rules } = policies.find(({ metadata }) => metadata.name === name)!.spec;
    return rules;
  };
  const anyNamespace = {};
  const pods = (namespaces: Labels, labels: Labels) => ({
    namespaceSelector: namespaces === anyNamespace ? {} : { matchLabels: namespaces },
    podSelector: { matchLabels: labels },
  });

  it('has these policies and no other', () => {
    expect(policies.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
      ['NetworkPolicy', 'rewards-gateway'],
      ['NetworkPolicy', 'rewards-gateway-stores'],
      ['NetworkPolicy', 'rewards-gateway-callers'],
      ['NetworkPolicy', 'rewards-gateway-monitoring'],
      ['NetworkPolicy', 'rewards-gateway-consumers'],
    ]);
  });

  it('is closed, but for names, the world outside by HTTPS, and the stores', () => {
    expect(rulesOf('rewards-gateway')).toEqual({
      policyTypes: ['Ingress', 'Egress'],
      egress: [
        {
          to: [pods({ 'kubernetes.io/metadata.name': 'kube-system' }, { 'k8s-app': 'kube-dns' })],
          ports: [{ port: 53, protocol: 'UDP' }, tcp(53)],
        },
        {
          to: [
            {
              ipBlock: {
                cidr: '0.0.0.0/0',
                except: ['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
              },
            },
            {
              ipBlock: {
                cidr: '::/0',
                except: ['fc00::/7', 'fe80::/10', '::ffff:0:0/96', '64:ff9b::/96'],
              },
            },
          ],
          ports: [tcp(443)],
        },
      ],
    });
    expect(rulesOf('rewards-gateway-stores')).toEqual({
      policyTypes: ['Egress'],
      egress: [
        { to: [pods(anyNamespace, { 'app.kubernetes.io/name': 'redis' })], ports: [tcp(6379)] },
        { to: [pods(anyNamespace, { 'app.kubernetes.io/name': 'postgresql' })], ports: [tcp(5432)] },
      ],
    });
  });

  it('lets in, each on its own port, pods that say that they call or monitor, and no callbacks', () => {
    expect(rulesOf('rewards-gateway-monitoring')).toEqual({
      policyTypes: ['Ingress'],
      ingress: [
        { from: [pods(anyNamespace, { 'rewards-gateway/monitoring': 'true' })], ports: [tcp('management')] },
      ],
    });
    expect(rulesOf('rewards-gateway-callers')).toEqual({
      policyTypes: ['Ingress'],
      ingress: [{ from: [pods(anyNamespace, { 'rewards-gateway/caller': 'true' })], ports: [tcp('http')] }],
    });
  });

  it('lets out to pods that say that they are consumers', () => {
    expect(rulesOf('rewards-gateway-consumers')).toEqual({
      policyTypes: ['Egress'],
      egress: [{ to: [pods(anyNamespace, { 'rewards-gateway/consumer': 'true' })] }],
    });
  });
});

/** The overlay for production after one file of `k8s` was edited. */
function edited(path: string, before: string, after: string) {
  const folder = mkdtempSync(join(tmpdir(), 'kustomize-'));
  cpSync(new URL('k8s', root), folder, { recursive: true });
  const file = join(folder, path);
  writeFileSync(file, readFileSync(file, 'utf8').replace(before, after));
  try {
    return rendered(join(folder, 'overlays/production'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The overlay for production with one more component of `k8s/components`. */
function withComponent(name: string) {
  const list = 'components:\n';
  return edited('overlays/production/kustomization.yaml', list, `${list}  - ../../components/${name}\n`);
}

withKubectl('the component gateway-api', () => {
  it('routes callbacks, and nothing else, in place of the Ingress', () => {
    const world = withComponent('gateway-api');
    expect(world.all('Ingress')).toEqual([]);
    const [route, ...others] = world.all<Resource & { spec: object }>('HTTPRoute');
    expect(others).toEqual([]);
    expect(route!.apiVersion).toBe('gateway.networking.k8s.io/v1');
    expect(route!.metadata.namespace).toBe('rewards-gateway');
    const [service] = world.all<Resource & { spec: { ports: { name: string; port: number }[] } }>('Service');
    const { port } = service!.spec.ports.find(({ name }) => name === 'callbacks')!;
    // The whole of it: a schema would let misspelt members pass.
    expect(route!.spec).toEqual({
      parentRefs: [{ name: 'public', namespace: 'ingress', sectionName: 'https' }],
      hostnames: ['rewards.example'],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/callbacks' } }],
          backendRefs: [{ name: service!.metadata.name, port }],
        },
      ],
    });
  });
});

withKubectl('the component managed-stores', () => {
  it('lets every pod out to subnets, of IPv4 and IPv6, in place of pods', () => {
    const world = withComponent('managed-stores');
    expect(world.resources.flatMap((one) => schemaFaults(one))).toEqual([]);
    const policy = world.all('NetworkPolicy').find(({ metadata }) => metadata.name.endsWith('-stores'));
    expect(policy).toMatchObject({
      spec: {
        podSelector: { matchLabels: { 'app.kubernetes.io/name': 'rewards-gateway' } },
        policyTypes: ['Egress'],
        egress: [
          { to: subnets('192.0.2.0/24', '2001:db8:1::/64'), ports: [tcp(6379)] },
          { to: subnets('198.51.100.0/24', '2001:db8:2::/64'), ports: [tcp(5432)] },
        ],
      },
    });
  });
});

withKubectl('the component keda', () => {
  it('scales the workers by the deliveries that wait, and nothing else sets their number', () => {
    const world = withComponent('keda');
    const [scaler] = world.all<Resource & { spec: { triggers: { metadata: { query: string } }[] } }>(
      'ScaledObject',
    );
    const worker = world.deployments.find(({ metadata }) => metadata.name === 'rewards-gateway-worker')!;
    expect(worker.spec.replicas).toBeUndefined();
    const { query } = scaler!.spec.triggers[0]!.metadata;
    expect(scaler).toMatchObject({
      apiVersion: 'keda.sh/v1alpha1',
      metadata: { namespace: 'rewards-gateway' },
    });
    expect(scaler!.spec).toEqual({
      scaleTargetRef: { name: worker.metadata.name },
      minReplicaCount: 2,
      maxReplicaCount: 6,
      fallback: { failureThreshold: 5, replicas: 2 },
      triggers: [
        {
          type: 'prometheus',
          metadata: { serverAddress: 'http://prometheus.monitoring:9090', query, threshold: '1000' },
        },
      ],
    });
    const documented = read('docs/observability.md');
    const metrics = query.match(/rewards_gateway_\w+/g)!;
    expect(metrics).toHaveLength(3);
    for (const metric of metrics) expect(documented).toContain(`\`${metric}\``);
  });
});

withKubectl('the component migration-job', () => {
  it('runs the migration of the image as a pod that reaches the database and serves nobody', () => {
    const world = withComponent('migration-job');
    expect(world.resources.flatMap((one) => schemaFaults(one))).toEqual([]);
    const [job] = world.all<Deployment>('Job');
    const { metadata, spec } = job!.spec.template;
    const [container] = spec.containers;
    expect([container.image, container.args]).toEqual([
      world.deployments[0]!.spec.template.spec.containers[0].image,
      ['dist/cli/migrate.js'],
    ]);
    expect(read('tools/build.js')).toContain("'cli/migrate'");
    const selecting = world
      .all<NetworkPolicy>('NetworkPolicy')
      .filter((policy) => selects(policy.spec.podSelector.matchLabels, metadata.labels));
    expect(selecting.map((policy) => policy.metadata.name)).toEqual([
      'rewards-gateway',
      'rewards-gateway-consumers',
      'rewards-gateway-monitoring',
      'rewards-gateway-stores',
    ]);
    for (const one of world.deployments)
      expect(selects(one.spec.selector.matchLabels, metadata.labels)).toBe(false);
    const values = container.env.map(({ name, value }) => [
      name,
      value ??
        {
          DATABASE_URL: 'postgres://127.0.0.1/gateway',
          DELIVERY_CONSUMERS: consumers({ secrets: [`whsec_${'a'.repeat(32)}`] }),
        }[name],
    ]);
    expect(configErrorsOf(Object.fromEntries(values) as Environment)).toEqual([]);
  });
});

withKubectl('the component spool', () => {
  it('gives a volume to the pods that receive callbacks alone, as the SPOOL_DIR of the program', () => {
    const world = withComponent('spool');
    expect(world.resources.flatMap((one) => schemaFaults(one))).toEqual([]);
    const spools = world.deployments.map(({ spec }) => {
      const { volumes = [], containers } = spec.template.spec;
      const [{ env, volumeMounts = [] }] = containers;
      return {
        variable: env.find(({ name }) => name === 'SPOOL_DIR')?.value,
        mounted: volumeMounts.find(({ name }) => name === 'spool')?.mountPath,
        claim: volumes.find(({ name }) => name === 'spool')?.persistentVolumeClaim?.claimName,
      };
    });
    expect(spools).toEqual([
      {
        variable: '/var/spool/rewards-gateway',
        mounted: '/var/spool/rewards-gateway',
        claim: 'rewards-gateway-spool',
      },
      { variable: undefined, mounted: undefined, claim: undefined },
    ]);
    const [claim] = world.all('PersistentVolumeClaim');
    expect(claim).toMatchObject({
      metadata: { name: 'rewards-gateway-spool' },
      spec: { accessModes: ['ReadWriteMany'] },
    });
  });
});

withKubectl('the component priority', () => {
  it('gives all pods a priority class of their own, which evicts nobody', () => {
    const world = withComponent('priority');
    expect(world.resources.flatMap((one) => schemaFaults(one))).toEqual([]);
    const [priority] = world.all<Resource & { preemptionPolicy: string; globalDefault: boolean }>(
      'PriorityClass',
    );
    expect(priority).toMatchObject({ preemptionPolicy: 'Never', globalDefault: false });
    for (const { spec } of world.deployments)
      expect(spec.template.spec.priorityClassName).toBe(priority!.metadata.name);
  });
});

withKubectl('the component observability', () => {
  it('links every alert to the copy of the runbook that one line names', () => {
    const world = edited(
      'observability/alerts.yaml',
      ': docs/runbook.md\n',
      ': https://git.example/runbook.md\n',
    );
    const [rules] = world.all<
      Resource & { spec: { groups: { rules: { annotations?: { runbook_url: string } }[] }[] } }
    >('PrometheusRule');
    const urls = rules!.spec.groups.flatMap((group) =>
      group.rules.flatMap(({ annotations }) => annotations?.runbook_url ?? []),
    );
    expect(urls.length).toBeGreaterThan(30);
    expect(urls.filter((url) => !/^https:\/\/git\.example\/runbook\.md#[a-z]+$/.test(url))).toEqual([]);
  });
});

describe('every kustomization.yaml', () => {
  it.each([
    'base',
    'base/gateway',
    'overlays/dev',
    'overlays/production',
    'overlays/production/worker',
    ...readdirSync(new URL('k8s/components/', root)).map((name) => `components/${name}`),
    'observability',
  ])('of k8s/%s names every file of its folder', (folder) => {
    const {
      resources = [],
      patches = [],
      configMapGenerator = [],
    } = parse(read(`k8s/${folder}/kustomization.yaml`)) as {
      resources?: string[];
      patches?: { path: string }[];
      configMapGenerator?: { files?: string[] }[];
    };
    const files = configMapGenerator.flatMap((map) => map.files ?? []);
    const named = [...resources, ...patches.map(({ path }) => path), ...files].filter(
      (path) => !path.startsWith('..'),
    );
    const found = readdirSync(new URL(`k8s/${folder}/`, root));
    expect(named.toSorted()).toEqual(
      found.filter((file) => file !== 'kustomization.yaml' && !file.endsWith('.test.yaml')).toSorted(),
    );
  });
});
