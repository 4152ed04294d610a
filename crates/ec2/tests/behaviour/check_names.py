"""Checks the parameters of Query calls against Amazon's own service model, which moto brings with it.

Reads `[[action, {name: value}], ...]` and prints the names that the model does not know.
"""

import json
import sys

import botocore.session


def wire_name(member, shape):
    """Name of a member in the EC2 dialect of the Query protocol."""
    if "queryName" in shape.serialization:
        return shape.serialization["queryName"]
    name = shape.serialization.get("name", member)
    return name[0].upper() + name[1:]


def known(shape, parts):
    if shape.type_name == "list":
        return bool(parts) and parts[0].isdigit() and known(shape.member, parts[1:])
    if shape.type_name == "structure":
        return bool(parts) and any(
            wire_name(member, inner) == parts[0] and known(inner, parts[1:])
            for member, inner in shape.members.items()
        )
    return not parts


model = botocore.session.get_session().get_service_model("ec2")
for action, params in json.load(sys.stdin):
    shape = model.operation_model(action).input_shape
    for name in params:
        if name not in ("Action", "Version") and not known(shape, name.split(".")):
            print(f"{action}: {name}")
