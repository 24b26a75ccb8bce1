"""Starts moto's server with what it has not got: the tags of scalable targets."""

import json
import sys

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.server import main

_tags: dict[str, dict[str, str]] = {}


def _list_tags(self: ApplicationAutoScalingResponse) -> str:
    return json.dumps({"Tags": _tags.get(json.loads(self.body)["ResourceARN"], {})})


def _tag(self: ApplicationAutoScalingResponse) -> str:
    request = json.loads(self.body)
    _tags.setdefault(request["ResourceARN"], {}).update(request["Tags"])
    return "{}"


ApplicationAutoScalingResponse.list_tags_for_resource = _list_tags
ApplicationAutoScalingResponse.tag_resource = _tag

if __name__ == "__main__":
    main(sys.argv[1:])
