import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Environment } from '../../src/config/read-config.js';

export interface Probe {
  readonly httpGet: { readonly path: string };
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

interface PodTemplate {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly [
    {
      readonly startupProbe: Probe;
      readonly readinessProbe: Probe;
      readonly lifecycle?: { readonly preStop?: { readonly sleep: { readonly seconds: number } } };
    },
  ];
}

const read = (file: string): unknown =>
  parse(readFileSync(new URL(`../../k8s/base/${file}`, import.meta.url), 'utf8'));
const manifest = read('gateway/deployment.yaml') as { spec: { template: { spec: PodTemplate } } };
const kustomization = read('kustomization.yaml') as { configMapGenerator: [{ literals: string[] }] };

const { terminationGracePeriodSeconds, containers } = manifest.spec.template.spec;
const [{ startupProbe, readinessProbe, lifecycle }] = containers;

/** What k8s/base declares for a pod, read without kubectl. */
export const BASE = {
  startupProbe,
  readinessProbe,
  preStopSeconds: lifecycle?.preStop?.sleep.seconds ?? 0,
  terminationGracePeriodSeconds,
  settings: Object.fromEntries(
    kustomization.configMapGenerator[0].literals.map((line) => line.split('=')),
  ) as Environment,
};
