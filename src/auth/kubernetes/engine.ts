import { defineEngine } from '../../contract/engine.ts'
import type { Engine } from '../../contract/engine.ts'
import { configRoutes } from './configs.ts'
import { loginRoute, renewal } from './login.ts'
import { startKubernetes } from './mount.ts'
import type { Kubernetes } from './mount.ts'
import { podFolder } from './pod.ts'
import { roleRoutes } from './roles.ts'

/**
 * Pods, which log in with the token of their service account (`auth/kubernetes/`).
 * @param folder where a pod finds its own token and the certificates of its cluster
 */
export const kubernetesEngine = (folder = podFolder): Engine =>
  defineEngine<Kubernetes>({
    type: 'kubernetes',
    kind: 'auth',
    about: 'Pods of a Kubernetes cluster, with the tokens of their service accounts.',
    start: (host) => startKubernetes(host, folder),
    renew: renewal,
    routes: [loginRoute, ...configRoutes, ...roleRoutes],
  })
