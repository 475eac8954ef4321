"""Checks deploy/: `check.py PROMTOOL`. Nothing leaves the machine; kustomize is not needed.

The kustomizations are resolved as far as ours go (resources, generated ConfigMaps, merging patches, images, labels, namespace),
and what comes out is held against the schemas of several versions of Kubernetes and against what the program knows: its
variables, ports and times. The dashboard's expressions are put through promtool as if they were rules.
"""

import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
# The oldest that autoscaling/v2 and policy/v1 make possible, and one that is new.
VERSIONS = ("1.25", "1.29", "1.33")
SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|_KEY$|HEADERS$|^(REDIS|DATABASE)_URL$")

faults = []
checks = 0


def hold(condition, what):
    global checks
    checks += 1
    if not condition:
        faults.append(what)


def environment(path):
    """The NAME=value lines of a file."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def merge(old, new):
    """A strategic merge, as far as our patches go: maps merge, lists of named things merge by name, others are replaced."""
    if isinstance(old, dict) and isinstance(new, dict):
        merged = dict(old)
        for key, value in new.items():
            merged[key] = merge(old[key], value) if key in old else value
        return merged
    if isinstance(old, list) and isinstance(new, list) and all(isinstance(i, dict) and "name" in i for i in old + new):
        names = [item["name"] for item in old]
        merged = list(old)
        for item in new:
            if item["name"] in names:
                place = names.index(item["name"])
                merged[place] = merge(merged[place], item)
            else:
                merged.append(item)
        return merged
    return new


def identity(resource):
    return resource["kind"], resource["metadata"]["name"]


def resolve(folder):
    """The resources of a kustomization, and what its ConfigMap generators hold."""
    path = folder / "kustomization.yaml"
    kustomization = yaml.safe_load(path.read_text())
    known = {"apiVersion", "kind", "namespace", "resources", "images", "configMapGenerator", "patches", "labels"}
    hold(not set(kustomization) - known, f"{path}: {set(kustomization) - known} is not resolved by this check: extend it")
    resources, maps = {}, {}
    for name in kustomization.get("resources", []):
        target = (folder / name).resolve()
        hold(target.exists(), f"{path}: {name} is not there")
        if target.is_dir():
            inner, inner_maps = resolve(target)
            resources.update(inner)
            maps.update(inner_maps)
        elif target.exists():
            for document in yaml.safe_load_all(target.read_text()):
                key = identity(document)
                hold(key not in resources, f"{path}: {key} is there twice")
                resources[key] = document
    # What is not listed is not applied: a file that somebody forgot.
    listed = {*kustomization.get("resources", []), "kustomization.yaml"}
    listed |= {patch["path"] for patch in kustomization.get("patches", [])}
    for generator in kustomization.get("configMapGenerator", []):
        listed |= set(generator.get("envs", []))
        content = {}
        for name in generator.get("envs", []):
            content.update(environment(folder / name))
        merges = generator.get("behavior") == "merge"
        hold(merges == (generator["name"] in maps), f"{path}: ConfigMap {generator['name']}: merge what is there, create what is not")
        maps[generator["name"]] = {**maps.get(generator["name"], {}), **content}
    for file in folder.iterdir():
        hold(file.name in listed, f"{file}: is not named in kustomization.yaml")
    for patch in kustomization.get("patches", []):
        change = yaml.safe_load((folder / patch["path"]).read_text())
        hold(identity(change) in resources, f"{folder / patch['path']}: patches {identity(change)}, which is not there")
        if identity(change) in resources:
            resources[identity(change)] = merge(resources[identity(change)], change)
    images = {image["name"]: image for image in kustomization.get("images", [])}
    for resource in resources.values():
        for container in containers(resource):
            image = images.get(container["image"].split(":")[0])
            if image:
                container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"
        if "namespace" in kustomization:
            resource["metadata"]["namespace"] = kustomization["namespace"]
    return copy.deepcopy(resources), maps


def pod(resource):
    if resource["kind"] in ("Deployment", "Job"):
        return resource["spec"]["template"]
    return None


def containers(resource):
    template = pod(resource)
    return template["spec"]["containers"] if template else []


def selects(selector, labels):
    return all(labels.get(name) == value for name, value in selector.items())


def check_schema(name, resource):
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(resource, version, strict=True)
            hold(True, "")
        except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
            hold(False, f"{name}: {identity(resource)} for Kubernetes {version}: {error}")


def check_pod(name, resource, maps, variables):
    what = f"{name}: {resource['metadata']['name']}"
    template = pod(resource)
    spec = template["spec"]
    security = spec.get("securityContext", {})
    hold(security.get("runAsNonRoot") is True and security.get("runAsUser", 0) >= 10000, f"{what}: runs as root")
    hold(security.get("seccompProfile") == {"type": "RuntimeDefault"}, f"{what}: has no seccomp profile")
    hold(spec.get("automountServiceAccountToken") is False, f"{what}: is given a token of Kubernetes")
    hold(spec.get("enableServiceLinks") is False, f"{what}: Services put variables into its environment")
    if resource["kind"] == "Deployment":
        hold(selects(resource["spec"]["selector"]["matchLabels"], template["metadata"]["labels"]), f"{what}: selects other pods")
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    for container in spec["containers"]:
        own = container.get("securityContext", {})
        hold(own.get("readOnlyRootFilesystem") is True, f"{what}: its files may be written")
        hold(own.get("allowPrivilegeEscalation") is False, f"{what}: it may gain rights")
        hold(own.get("capabilities") == {"drop": ["ALL"]}, f"{what}: it has capabilities")
        limits = container.get("resources", {})
        hold("memory" in limits.get("limits", {}) and {"cpu", "memory"} <= set(limits.get("requests", {})), f"{what}: has no resources")
        mounts = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", [])}
        hold(set(mounts) == set(volumes), f"{what}: volumes {set(volumes)} and mounts {set(mounts)} differ")

        settings = {}
        for source in container.get("envFrom", []):
            if "configMapRef" in source:
                hold(source["configMapRef"]["name"] in maps, f"{what}: no ConfigMap {source['configMapRef']['name']}")
                settings.update(maps.get(source["configMapRef"]["name"], {}))
        for entry in container.get("env", []):
            hold(entry["name"] in variables, f"{what}: there is no variable {entry['name']}")
            hold("value" not in entry or not SECRET.search(entry["name"]), f"{what}: {entry['name']} is a secret, and stands there")
            settings[entry["name"]] = entry.get("value", "")
        check_program(what, resource, container, settings, mounts, volumes)


def check_program(what, resource, container, settings, mounts, volumes):
    """What a file says twice must be the same, and what the program needs must be there."""
    command = container["args"][0]
    spec = pod(resource)["spec"]
    if command == "migrate":
        hold("DATABASE_URL" in settings, f"{what}: migrate needs DATABASE_URL")
        return
    port = {"serve": "PORT", "logger": "LOGGER_PORT"}[command]
    hold(settings.get("HOST") == "0.0.0.0", f"{what}: probes cannot reach it")
    ports = {entry["name"]: entry["containerPort"] for entry in container["ports"]}
    hold(str(ports.get("http")) == settings.get(port), f"{what}: its port is not {port}")
    annotations = pod(resource)["metadata"]["annotations"]
    hold(annotations.get("prometheus.io/port") == settings.get(port), f"{what}: Prometheus looks at another port")
    for probe, path in (("startupProbe", "/health"), ("livenessProbe", "/health"), ("readinessProbe", "/ready")):
        get = container.get(probe, {}).get("httpGet", {})
        hold(get.get("path") == path and get.get("port") in ports, f"{what}: {probe} is not {path} at a port of its own")
    needed = {"serve": {"REDIS_URL"}, "logger": {"REDIS_URL", "DATABASE_URL"}}[command]
    hold(needed <= set(settings), f"{what}: {needed - set(settings)} is missing")
    # What a stop takes: the pause before it, the drain, two seconds for last words and some for the log.
    pause = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])
    stop = float(pause[1]) + int(settings["SHUTDOWN_TIMEOUT_MS"]) / 1000 + 5
    hold(spec.get("terminationGracePeriodSeconds", 30) >= stop, f"{what}: is killed before a stop of {stop} s has ended")
    if command == "serve":
        spool = [name for name, path in mounts.items() if settings["SPOOL_DIR"] == path]
        hold(len(spool) == 1, f"{what}: SPOOL_DIR is not on a volume")
        for name in spool:
            size = volumes[name]["emptyDir"]["sizeLimit"]
            hold(size.endswith("Mi") and int(size[:-2]) << 20 > int(settings["SPOOL_MAX_BYTES"]), f"{what}: the spool does not fit")


def check_kubernetes(variables):
    for folder in [DEPLOY / "kubernetes/base", *sorted((DEPLOY / "kubernetes/overlays").iterdir())]:
        name = str(folder.relative_to(DEPLOY))
        resources, maps = resolve(folder)
        for content in maps.values():
            for variable in content:
                hold(variable in variables, f"{name}: there is no variable {variable}")
                hold(not SECRET.search(variable), f"{name}: {variable} is a secret, and stands in a ConfigMap")
        by_kind = {}
        for resource in resources.values():
            check_schema(name, resource)
            by_kind.setdefault(resource["kind"], []).append(resource)
        hold("Secret" not in by_kind, f"{name}: a Secret in a file")
        needed = {"Deployment", "Job", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy", "ServiceAccount"}
        hold(needed <= set(by_kind), f"{name}: {needed - set(by_kind)} is missing")
        pods = [resource for resource in resources.values() if pod(resource)]
        accounts = {account["metadata"]["name"] for account in by_kind.get("ServiceAccount", [])}
        for resource in pods:
            check_pod(name, resource, maps, variables)
            hold(pod(resource)["spec"]["serviceAccountName"] in accounts, f"{name}: {identity(resource)} has no account")
        labels = [pod(resource)["metadata"]["labels"] for resource in pods]
        for label in labels:
            policies = [p for p in by_kind.get("NetworkPolicy", []) if selects(p["spec"]["podSelector"]["matchLabels"], label)]
            hold(len(policies) == 1, f"{name}: {label} has {len(policies)} network policies")
        for kind in ("PodDisruptionBudget", "Service"):
            for resource in by_kind.get(kind, []):
                selector = resource["spec"]["selector"]
                selector = selector.get("matchLabels", selector)
                hold(sum(selects(selector, label) for label in labels) == 1, f"{name}: {identity(resource)} selects nothing")
        for scaler in by_kind.get("HorizontalPodAutoscaler", []):
            target = scaler["spec"]["scaleTargetRef"]
            hold((target["kind"], target["name"]) in resources, f"{name}: {identity(scaler)} scales nothing")
            scaled = resources.get((target["kind"], target["name"]), {"spec": {}})
            hold("replicas" not in scaled["spec"], f"{name}: {target['name']} has replicas beside its autoscaler")
            hold(scaler["spec"]["minReplicas"] >= 2, f"{name}: one bridge is none while it is updated")
        services = {service["metadata"]["name"]: service for service in by_kind.get("Service", [])}
        for ingress in by_kind.get("Ingress", []):
            for rule in ingress["spec"]["rules"]:
                for path in rule["http"]["paths"]:
                    backend = path["backend"]["service"]
                    ports = [port["name"] for port in services.get(backend["name"], {}).get("spec", {}).get("ports", [])]
                    hold(backend["port"]["name"] in ports, f"{name}: {identity(ingress)} leads nowhere")
                    hold(path["path"] == "/webhooks/", f"{name}: {identity(ingress)} opens {path['path']} to the world")


def promtool(promtool_path, *arguments, cwd=None):
    done = subprocess.run([promtool_path, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60)
    hold(done.returncode == 0, f"promtool {' '.join(arguments)}:\n{done.stdout}{done.stderr}")


def check_prometheus(tool):
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())
    tests = (DEPLOY / "prometheus/alerts.test.yml").read_text()
    promtool(tool, "check", "rules", "alerts.yml", cwd=DEPLOY / "prometheus")
    promtool(tool, "test", "rules", "alerts.test.yml", cwd=DEPLOY / "prometheus")
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        for end in ("fires", "is silent"):
            hold(f"name: {rule['alert']} {end}\n" in tests, f"alerts.test.yml: nothing tests that {rule['alert']} {end}")
        hold({"summary", "description"} <= set(rule["annotations"]), f"{rule['alert']}: says nothing")


def check_grafana(tool):
    dashboard = json.loads((DEPLOY / "grafana/chatbridge.json").read_text())
    panels = dashboard["panels"]
    hold(len({panel["id"] for panel in panels}) == len(panels), "dashboard: two panels of one id")
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        hold(not cells & taken and place["x"] + place["w"] <= 24, f"dashboard: {panel['title']} lies on another, or beside the page")
        taken |= cells
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    hold(len(expressions) > 40, "dashboard: shows next to nothing")
    rules = []
    for number, expression in enumerate(expressions):
        concrete = expression.replace("$__rate_interval", "5m").replace("$platform", ".*")
        hold("$" not in concrete, f"dashboard: a variable that nobody sets in {expression}")
        rules.append({"record": f"panel:{number}", "expr": concrete})
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "dashboard.yml"
        path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
        promtool(tool, "check", "rules", str(path))


def main():
    tool = sys.argv[1]
    named = re.findall(r"^#?([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    check_kubernetes(set(named))
    check_prometheus(tool)
    check_grafana(tool)
    for fault in faults:
        print(f"FAIL {fault}")
    print(f"deploy: {checks - len(faults)} checks passed, {len(faults)} failed")
    sys.exit(1 if faults else 0)


main()
