"""Cluster operations."""

import re

from teal.lab.world.ecs_model import STARTING, Cluster, EcsState, Json, TaskStatus, find_cluster, paged, short_name
from teal.lab.world.ecs_tags import read_tags, show_tags
from teal.lab.world.ground import Params
from teal.lab.world.wires import AwsRefusal

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,254}")
DESCRIBED_MOST = 100
KEPT = ("configuration", "settings", "capacityProviders", "defaultCapacityProviderStrategy")


def create_cluster(state: EcsState, params: Params, now_s: float) -> Json:
    """CreateCluster. Creating a cluster that exists answers with the one that exists."""
    name = str(params.get("clusterName") or "default")
    if not NAME.fullmatch(name):
        raise AwsRefusal("InvalidParameterException", "Identifier contains invalid characters.")
    known = state.clusters.get(name)
    if known is None or not known.active:
        known = Cluster(
            name=name,
            arn=state.ground.arn("ecs", f"cluster/{name}"),
            settings={key: params[key] for key in KEPT if key in params},
            tags=read_tags(params.get("tags", [])),
        )
        state.clusters[name] = known
        state.ground.tell(now_s, "ecs", name, "cluster created")
    return {"cluster": _view(state, known, {"TAGS", "SETTINGS", "CONFIGURATIONS"})}


def describe_clusters(state: EcsState, params: Params, _now_s: float) -> Json:
    """DescribeClusters. A cluster that is not there is a failure in the answer, not an error."""
    references = list(params.get("clusters") or ["default"])
    if len(references) > DESCRIBED_MOST:
        raise AwsRefusal("InvalidParameterException", "clusters can have at most 100 items.")
    include = set(params.get("include") or [])
    found: list[Json] = []
    failures: list[Json] = []
    for reference in references:
        cluster = state.clusters.get(short_name(reference))
        if cluster is None:
            arn = state.ground.arn("ecs", f"cluster/{short_name(reference)}")
            failures.append({"arn": arn, "reason": "MISSING"})
        else:
            found.append(_view(state, cluster, include))
    return {"clusters": found, "failures": failures}


def list_clusters(state: EcsState, params: Params, _now_s: float) -> Json:
    """ListClusters."""
    return paged("clusterArns", [each.arn for each in state.clusters.values() if each.active], params)


def delete_cluster(state: EcsState, params: Params, now_s: float) -> Json:
    """DeleteCluster, which refuses while something lives in it."""
    cluster = find_cluster(state, params)
    if any(each.cluster is cluster and each.status != "INACTIVE" for each in state.services.values()):
        message = "The Cluster cannot be deleted while Services are active."
        raise AwsRefusal("ClusterContainsServicesException", message)
    if any(task.cluster is cluster for task in state.live.values()):
        raise AwsRefusal("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
    cluster.active = False
    state.ground.tell(now_s, "ecs", cluster.name, "cluster deleted")
    return {"cluster": _view(state, cluster, set())}


def _view(state: EcsState, cluster: Cluster, include: set[str]) -> Json:
    tasks = [task for task in state.live.values() if task.cluster is cluster]
    services = [each for each in state.services.values() if each.cluster is cluster and each.status == "ACTIVE"]
    view: Json = {
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": "ACTIVE" if cluster.active else "INACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": sum(task.status is TaskStatus.RUNNING for task in tasks),
        "pendingTasksCount": sum(task.status in STARTING for task in tasks),
        "activeServicesCount": len(services),
        "statistics": [],
        "tags": show_tags(cluster.tags) if "TAGS" in include else [],
        "settings": cluster.settings.get("settings", []) if "SETTINGS" in include else [],
        "capacityProviders": cluster.settings.get("capacityProviders", []),
        "defaultCapacityProviderStrategy": cluster.settings.get("defaultCapacityProviderStrategy", []),
    }
    if "CONFIGURATIONS" in include and "configuration" in cluster.settings:
        view["configuration"] = cluster.settings["configuration"]
    return view
