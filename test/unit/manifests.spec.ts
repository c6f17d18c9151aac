import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { envs, faultsOf } from '../support/config.js';
import type { Gateway } from '../support/gateway.js';
import { baseEnvironment } from '../support/gateway.js';
import { startKiipGateway } from '../support/kiip.js';

const base = new URL('../../k8s/base/', import.meta.url);
const load = (file: string): unknown => parse(readFileSync(new URL(file, base), 'utf8'));

interface Variable {
  name: string;
  value?: string;
  valueFrom?: { secretKeyRef: { name: string; key: string; optional?: boolean } };
}
interface Probe {
  httpGet: { path: string; port: string };
}
interface Deployment {
  metadata: { labels: object };
  spec: {
    selector: { matchLabels: object };
    template: { metadata: { labels: object }; spec: Pod };
  };
}
interface Pod {
  serviceAccountName: string;
  automountServiceAccountToken: boolean;
  enableServiceLinks: boolean;
  terminationGracePeriodSeconds: number;
  securityContext: { runAsUser: number; runAsGroup: number; fsGroup: number };
  containers: [Container];
  volumes: [{ name: string; secret: { secretName: string; items: { key: string; path: string }[] } }];
}
interface Container {
  ports: { name: string; containerPort: number }[];
  envFrom: { configMapRef: { name: string } }[];
  env: Variable[];
  volumeMounts: { name: string; mountPath: string; readOnly: boolean }[];
  startupProbe: Probe;
  readinessProbe: Probe;
  livenessProbe: Probe;
  lifecycle: { preStop: { sleep: { seconds: number } } };
  resources: { requests: object; limits: object };
  securityContext: object;
}

const { metadata, spec } = load('deployment.yaml') as Deployment;
const pod = spec.template.spec;
const [container] = pod.containers;
const settings = load('configmap.yaml') as { metadata: { name: string }; data: Record<string, string> };
const account = load('serviceaccount.yaml') as {
  metadata: { name: string };
  automountServiceAccountToken: boolean;
};
const service = load('service.yaml') as { spec: { selector: object; ports: { targetPort: string }[] } };
const [mount] = container.volumeMounts;
const [{ secret: files }] = pod.volumes;

/** What the process sees, with every secret in place. */
const environment = Object.fromEntries([
  ...Object.entries(settings.data),
  ...container.env
    .filter(({ valueFrom }) => !valueFrom?.secretKeyRef.optional)
    .map(({ name }) => [name.replace(/_FILE$/, ''), baseEnvironment[name.replace(/_FILE$/, '')]]),
]);

describe('the environment in the manifests', () => {
  it('has variables of the program only', () => {
    const given = [...Object.keys(settings.data), ...container.env.map(({ name }) => name)];
    expect(new Set(given).size).toBe(given.length);
    expect(
      given.map((name) => name.replace(/_FILE$/, '')).filter((name) => !envs(() => true).includes(name)),
    ).toEqual([]);
    expect(container.envFrom).toEqual([{ configMapRef: { name: settings.metadata.name } }]);
  });

  it('is one that the program accepts: nothing that it requires is missing', () => {
    expect(faultsOf(environment)).toEqual([]);
  });

  it('has secrets by reference alone, under the names of their variables', () => {
    const secrets = envs(({ secret }) => secret);
    expect(Object.keys(settings.data).filter((name) => secrets.includes(name))).toEqual([]);
    const references = container.env.filter(({ name }) => !name.endsWith('_FILE'));
    expect(references).toEqual(
      references.map(({ name }) => ({
        name,
        valueFrom: { secretKeyRef: expect.objectContaining({ name: files.secretName, key: name }) },
      })),
    );
  });

  it('names secret files that are mounted, and no other is', () => {
    const named = container.env.filter(({ name }) => name.endsWith('_FILE'));
    expect(named.map(({ name, value }) => [name, value])).toEqual(
      files.items.map(({ key, path }) => [`${key}_FILE`, `${mount?.mountPath}/${path}`]),
    );
    expect(envs(({ secret }) => secret)).toEqual(expect.arrayContaining(files.items.map(({ key }) => key)));
    expect(mount).toMatchObject({ name: pod.volumes[0].name, readOnly: true });
  });
});

describe('the ports and probes in the manifests', () => {
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startKiipGateway();
  });
  afterAll(() => gateway.close());

  it.each(['startup', 'readiness', 'liveness'] as const)(
    'have a %s probe that the program answers',
    async (kind) => {
      const { httpGet } = container[`${kind}Probe`];
      expect(httpGet).toEqual({
        path: { startup: '/health/startup', readiness: '/health/ready', liveness: '/health/live' }[kind],
        port: container.ports[0]?.name,
      });
      expect((await fetch(gateway.url + httpGet.path)).status).toBe(200);
    },
  );

  it('lead to the port that the program listens on', () => {
    expect(container.ports).toEqual([{ name: 'http', containerPort: Number(settings.data['PORT']) }]);
    expect(service.spec.ports.map(({ targetPort }) => targetPort)).toEqual(['http']);
  });

  it('belong to the pods of the deployment', () => {
    for (const labels of [spec.selector.matchLabels, spec.template.metadata.labels, service.spec.selector])
      expect(labels).toEqual(metadata.labels);
  });
});

describe('the pod', () => {
  it('has time for the pause before SIGTERM, the drain and a little more', () => {
    const needed =
      container.lifecycle.preStop.sleep.seconds + Number(settings.data['SHUTDOWN_GRACE_SECONDS']);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(needed);
  });

  it('keeps to the restricted Pod Security Standard, as the user of the image', () => {
    const dockerfile = readFileSync(new URL('../../Dockerfile', base), 'utf8');
    const [, uid, gid] = /^USER (\d+):(\d+)$/m.exec(dockerfile)!.map(Number);
    expect(pod.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: uid,
      runAsGroup: gid,
      fsGroup: gid,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('has requests and limits, and no token of the cluster', () => {
    for (const amounts of [container.resources.requests, container.resources.limits])
      expect(Object.keys(amounts)).toEqual(['cpu', 'memory']);
    expect(pod).toMatchObject({
      serviceAccountName: account.metadata.name,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
    });
    expect(account.automountServiceAccountToken).toBe(false);
  });
});

describe('kustomization.yaml', () => {
  it('lists every manifest of the folder', () => {
    const manifests = readdirSync(base).filter((file) => file !== 'kustomization.yaml');
    const { resources } = load('kustomization.yaml') as { resources: string[] };
    expect(resources.toSorted()).toEqual(manifests.toSorted());
  });
});
