"""Which fields of the two JSON bodies AWS takes as numbers and booleans; the others are texts.

JSON says by itself what is a number, but a variable and a flag do not. A field that is not here is not judged, except
`cpu` and `memory` of a task, which AWS wants as texts although they look like numbers.
"""

from collections.abc import Mapping

from teal.config.tree import Kind

_TASK_INTEGERS = (
    "containerDefinitions[].cpu",
    "containerDefinitions[].healthCheck.interval",
    "containerDefinitions[].healthCheck.retries",
    "containerDefinitions[].healthCheck.startPeriod",
    "containerDefinitions[].healthCheck.timeout",
    "containerDefinitions[].linuxParameters.maxSwap",
    "containerDefinitions[].linuxParameters.sharedMemorySize",
    "containerDefinitions[].linuxParameters.swappiness",
    "containerDefinitions[].linuxParameters.tmpfs[].size",
    "containerDefinitions[].memory",
    "containerDefinitions[].memoryReservation",
    "containerDefinitions[].portMappings[].containerPort",
    "containerDefinitions[].portMappings[].hostPort",
    "containerDefinitions[].restartPolicy.ignoredExitCodes[]",
    "containerDefinitions[].restartPolicy.restartAttemptPeriod",
    "containerDefinitions[].startTimeout",
    "containerDefinitions[].stopTimeout",
    "containerDefinitions[].ulimits[].hardLimit",
    "containerDefinitions[].ulimits[].softLimit",
    "ephemeralStorage.sizeInGiB",
    "volumes[].efsVolumeConfiguration.transitEncryptionPort",
)
_TASK_BOOLEANS = (
    "containerDefinitions[].disableNetworking",
    "containerDefinitions[].essential",
    "containerDefinitions[].interactive",
    "containerDefinitions[].linuxParameters.initProcessEnabled",
    "containerDefinitions[].mountPoints[].readOnly",
    "containerDefinitions[].privileged",
    "containerDefinitions[].pseudoTerminal",
    "containerDefinitions[].readonlyRootFilesystem",
    "containerDefinitions[].restartPolicy.enabled",
    "containerDefinitions[].volumesFrom[].readOnly",
    "enableFaultInjection",
    "volumes[].configuredAtLaunch",
    "volumes[].dockerVolumeConfiguration.autoprovision",
)
_TASK_TEXTS = ("cpu", "memory")
_SERVICE_INTEGERS = (
    "capacityProviderStrategy[].base",
    "capacityProviderStrategy[].weight",
    "deploymentConfiguration.maximumPercent",
    "deploymentConfiguration.minimumHealthyPercent",
    "desiredCount",
    "healthCheckGracePeriodSeconds",
    "volumeConfigurations[].managedEBSVolume.iops",
    "volumeConfigurations[].managedEBSVolume.sizeInGiB",
    "volumeConfigurations[].managedEBSVolume.throughput",
    "volumeConfigurations[].managedEBSVolume.volumeInitializationRate",
)
_SERVICE_BOOLEANS = (
    "deploymentConfiguration.alarms.enable",
    "deploymentConfiguration.alarms.rollback",
    "deploymentConfiguration.deploymentCircuitBreaker.enable",
    "deploymentConfiguration.deploymentCircuitBreaker.rollback",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "volumeConfigurations[].managedEBSVolume.encrypted",
)

KINDS: Mapping[str, Mapping[str, Kind]] = {
    "task_definition": {
        **dict.fromkeys(_TASK_INTEGERS, Kind.INTEGER),
        **dict.fromkeys(_TASK_BOOLEANS, Kind.BOOLEAN),
        **dict.fromkeys(_TASK_TEXTS, Kind.TEXT),
    },
    "service": {
        **dict.fromkeys(_SERVICE_INTEGERS, Kind.INTEGER),
        **dict.fromkeys(_SERVICE_BOOLEANS, Kind.BOOLEAN),
    },
}
