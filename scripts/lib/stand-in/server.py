"""Starts moto's server with what it has not got: the tags of scalable targets, refreshes of scaling groups, tasks whose
memory is that of the whole task, as Fargate's is, and CBOR.

    server.py -p PORT      0 for a free one; the first line printed is the port
"""

import argparse
import json
import logging

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult
from moto.ecs.models import EC2ContainerServiceBackend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from cbor_front import CborFront

_tags: dict[str, dict[str, str]] = {}


def _list_tags(self: ApplicationAutoScalingResponse) -> str:
    return json.dumps({"Tags": _tags.get(json.loads(self.body)["ResourceARN"], {})})


def _tag(self: ApplicationAutoScalingResponse) -> str:
    request = json.loads(self.body)
    _tags.setdefault(request["ResourceARN"], {}).update(request["Tags"])
    return "{}"


ApplicationAutoScalingResponse.list_tags_for_resource = _list_tags
ApplicationAutoScalingResponse.tag_resource = _tag

# Each refresh is under way once and has succeeded when it is looked at again.
_refreshes: list[str] = []


def _start_refresh(self: AutoScalingResponse) -> ActionResult:
    (group,) = self.autoscaling_backend.describe_auto_scaling_groups(names=[self._get_param("AutoScalingGroupName")])
    _refreshes.append("InProgress")
    return ActionResult({"InstanceRefreshId": f"{group.name}-{len(_refreshes)}"})


def _describe_refreshes(self: AutoScalingResponse) -> ActionResult:
    names = self._get_param("InstanceRefreshIds")
    if not names:
        # Those that are over: each test delivers one after the other.
        return ActionResult({"InstanceRefreshes": []})
    (name,) = names
    at = int(name.rsplit("-", 1)[1]) - 1
    state, _refreshes[at] = _refreshes[at], "Successful"
    return ActionResult({"InstanceRefreshes": [{"InstanceRefreshId": name, "Status": state}]})


AutoScalingResponse.start_instance_refresh = _start_refresh
AutoScalingResponse.describe_instance_refreshes = _describe_refreshes


def _no_requirements(task_definition: object) -> dict[str, object]:
    return {"CPU": 0, "MEMORY": 0, "PORTS": [], "PORTS_UDP": []}


EC2ContainerServiceBackend._calculate_task_resource_requirements = staticmethod(_no_requirements)

if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("-H", dest="host", default="127.0.0.1")
    options.add_argument("-p", dest="port", type=int, default=0)
    given = options.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = CborFront(DomainDispatcherApplication(create_backend_app))
    server = make_server(given.host, given.port, application, threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()
