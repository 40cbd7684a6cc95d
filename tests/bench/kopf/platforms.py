"""The Kubernetes objects of a Platform as they are usually made with kopf: the other side of `cargo xtask bench operator`.

It makes as many objects as the Rust operator makes there, of the same kinds and about the same size, looks before it sends, and
does nothing on PostgreSQL, Redis and Kafka: no database, no login, no topic, no key.
"""

import base64
import os
import secrets
import threading

import kopf
import kubernetes
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

ROLES = ["web", "worker", "beat", "realtime", "analytics", "analytics-worker"]
SERVICES = {"web": 8000, "realtime": 8001, "analytics": 8002}
# The logins of the roles and of the migration, the two halves of the signing key, what role web alone knows, its first user.
SECRETS = [
    "db-app", "db-migrator", "db-analytics-reader", "db-analytics-owner", "redis-app", "redis-analytics", "kafka-app",
    "kafka-analytics", "keyring", "signing", "web", "admin",
]
MANAGER = "kopf"
OURS = {"app.kubernetes.io/managed-by": MANAGER}

threads = threading.local()


def api(version, kind):
    """The resource of a kind; each thread has a client of its own, since the connections of one are not shared."""
    if not hasattr(threads, "client"):
        threads.client = DynamicClient(kubernetes.client.ApiClient())
        threads.kinds = {}
    if (version, kind) not in threads.kinds:
        threads.kinds[version, kind] = threads.client.resources.get(api_version=version, kind=kind)
    return threads.kinds[version, kind]


@kopf.on.startup()
def configure(settings, **_):
    kubernetes.config.load_kube_config()
    settings.execution.max_workers = int(os.environ["CONCURRENCY"])
    settings.posting.enabled = False


def holds(found, wanted):
    """Whether what is there has every wanted value."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(holds(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(found, list) and len(found) == len(wanted) and all(map(holds, found, wanted))
        )
    return found == wanted


def ensure(wanted):
    """Looks, and sends what differs."""
    resource = api(wanted["apiVersion"], wanted["kind"])
    name, namespace = wanted["metadata"]["name"], wanted["metadata"]["namespace"]
    try:
        found = resource.get(name=name, namespace=namespace).to_dict()
    except NotFoundError:
        found = None
    # Drawn once.
    if found is not None and (wanted["kind"] == "Secret" or holds(found, wanted)):
        return
    resource.server_side_apply(
        body=wanted, name=name, namespace=namespace, field_manager=MANAGER, force_conflicts=True
    )


def labels(name, role):
    return OURS | {
        "app.kubernetes.io/name": "crewdeck",
        "app.kubernetes.io/part-of": "crewdeck",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": role,
    }


def pod(name, role, spec):
    image = f"{spec['image']['repository']}:{spec['image']['tag']}"
    probe = {"httpGet": {"path": "/readyz", "port": 9000}}
    return {
        "automountServiceAccountToken": False,
        "serviceAccountName": f"{name}-{role}",
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{
            "name": "crewdeck",
            "image": image,
            "env": [
                {"name": "ROLE", "value": role},
                {"name": "CREWDECK_CONFIG", "value": "/etc/crewdeck/config/crewdeck.toml"},
            ],
            "ports": [{"name": "probes", "containerPort": 9000, "protocol": "TCP"}],
            "readinessProbe": probe,
            "livenessProbe": probe,
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [
                {"name": "config", "mountPath": "/etc/crewdeck/config", "readOnly": True},
                {"name": "db-app", "mountPath": "/etc/crewdeck/credentials/db-app", "readOnly": True},
            ],
        }],
        "volumes": [
            {"name": "config", "configMap": {"name": f"{name}-{role}-config"}},
            {"name": "db-app", "secret": {"secretName": f"{name}-db-app"}},
        ],
    }


def deployment(name, role, spec):
    selector = {"app.kubernetes.io/instance": name, "app.kubernetes.io/component": role}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"{name}-{role}", "labels": labels(name, role)},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": labels(name, role)}, "spec": pod(name, role, spec)},
        },
    }


def of_role(name, role, spec):
    """What a role, or the migration, has beside its pods."""
    both = {"labels": labels(name, role)}
    text = "\n".join(f'key_{number} = "value"' for number in range(60))
    selector = {"app.kubernetes.io/instance": name, "app.kubernetes.io/component": role}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": f"{name}-{role}", **both},
           "automountServiceAccountToken": False}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-{role}-config", **both},
           "data": {"crewdeck.toml": text}}
    yield {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": f"{name}-{role}", **both},
           "spec": {
               "podSelector": {"matchLabels": selector},
               "policyTypes": ["Ingress", "Egress"],
               "egress": [{"ports": [{"port": port, "protocol": "TCP"}]} for port in (5432, 6379, 9092)],
           }}
    if role in SERVICES:
        yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"{name}-{role}", **both},
               "spec": {
                   "selector": selector,
                   "ports": [{"name": "http", "port": SERVICES[role], "protocol": "TCP"}],
               }}


def job(name, step, spec):
    template = pod(name, "migrate", spec)
    template["restartPolicy"] = "Never"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"{name}-{step}-1", "labels": labels(name, "migrate")},
        "spec": {
            "backoffLimit": 0,
            "template": {"metadata": {"labels": labels(name, "migrate")}, "spec": template},
        },
    }


def objects(name, spec):
    """Everything of a Platform, in order; the role that comes last is the last object."""
    for secret in SECRETS:
        value = base64.b64encode(secrets.token_bytes(1500)).decode()
        yield {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{name}-{secret}", "labels": labels(name, secret)},
               "data": {"value": value}}
    for config in ["external", "jwks", "release"]:
        yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-{config}", "labels": labels(name, config)},
               "data": {"value": "0123456789abcdef" * 60}}
    yield from of_role(name, "migrate", spec)
    for step in ["plan", "expand"]:
        yield job(name, step, spec)
    for role in ROLES:
        yield from of_role(name, role, spec)
        yield deployment(name, role, spec)


def placed(wanted, name, namespace, uid):
    """The object in the Platform's namespace, tied to it."""
    owner = {
        "apiVersion": "crewdeck.io/v1beta1", "kind": "Platform", "name": name, "uid": uid,
        "controller": True, "blockOwnerDeletion": True,
    }
    wanted["metadata"] |= {"namespace": namespace, "ownerReferences": [owner]}
    return wanted


@kopf.on.resume("crewdeck.io", "v1beta1", "platforms")
@kopf.on.create("crewdeck.io", "v1beta1", "platforms")
@kopf.on.update("crewdeck.io", "v1beta1", "platforms", field="spec")
def reconcile(name, namespace, spec, meta, status, patch, **_):
    for wanted in objects(name, spec):
        ensure(placed(wanted, name, namespace, meta["uid"]))
    if "conditions" in status:
        return
    patch.status["observedGeneration"] = meta["generation"]
    patch.status["conditions"] = [{
        "type": "Ready", "status": "True", "reason": "Ready", "message": "every object is applied",
        "lastTransitionTime": meta["creationTimestamp"], "observedGeneration": meta["generation"],
    }]


@kopf.on.event("apps", "v1", "deployments", labels=OURS)
def drift(type, spec, meta, **_):
    """Puts a Deployment right; the number of pods is all that is looked at."""
    if type != "MODIFIED" or spec["replicas"] == 1:
        return
    name, namespace = meta["labels"]["app.kubernetes.io/instance"], meta["namespace"]
    platform = api("crewdeck.io/v1beta1", "Platform").get(name=name, namespace=namespace).to_dict()
    role = meta["labels"]["app.kubernetes.io/component"]
    ensure(placed(deployment(name, role, platform["spec"]), name, namespace, platform["metadata"]["uid"]))
