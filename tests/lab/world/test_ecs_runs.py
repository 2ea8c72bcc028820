"""RunTask: a token stands for the tasks that were made with it, and what has gone leaves nothing behind."""

import json

from ecs_stage import Behaviour, Json, Stage
from teal.lab.world import memory


def test_run_task_twice_with_one_token_is_one_task() -> None:
    """The same request with the same client token is answered with the same task; another one conflicts."""
    stage = Stage()
    stage.register()
    first = stage.run_task(clientToken="t")["taskArn"]
    assert stage.run_task(clientToken="t")["taskArn"] == first
    params: Json = {"cluster": "demo", "taskDefinition": "web", "clientToken": "t"}
    assert stage.refusal("RunTask", **params)[0] == "ConflictException"


def test_a_token_is_forgotten_with_its_tasks() -> None:
    """While a stopped task can be described its token stands for it; then the token is as good as new."""
    stage = Stage(time_scale=0.01)
    stage.register()
    first = stage.run_task(clientToken="t")["taskArn"]
    stage.run(2)
    stage.ecs("StopTask", cluster="demo", task=first)
    stage.run(50)
    assert stage.run_task(clientToken="t")["taskArn"] == first
    stage.run(30)
    assert stage.ecs("DescribeTasks", cluster="demo", tasks=[first])["tasks"] == []
    assert stage.run_task(clientToken="t")["taskArn"] != first


def test_tasks_that_have_gone_leave_nothing_behind() -> None:
    """However many tasks are run and fail, what ECS knows is as much as after the first of them."""
    stage = Stage(time_scale=0.01)
    stage.register()
    stage.images["web:crash"] = Behaviour(dies_after_s=0.5)
    stage.register("crash", "web:crash")
    sizes = set[int]()
    for number in range(4):
        task = stage.run_task(clientToken=f"t{number}")["taskArn"]
        stage.run_task(clientToken=f"c{number}", taskDefinition="crash")
        stage.run(3)
        stage.ecs("StopTask", cluster="demo", task=task)
        stage.run(90, step_s=0.5)
        sizes.add(len(json.dumps(memory.write(stage.clusters.memory()))))
    assert not stage.clusters.tasks()
    assert len(sizes) == 1
