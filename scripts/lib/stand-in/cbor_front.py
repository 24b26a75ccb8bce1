"""Lets moto speak RPC v2 CBOR, the only protocol in which current clients call CloudWatch.

A call becomes one in JSON, which moto understands, and its answer becomes CBOR again, in the types that the service's
own description names: clients refuse a text where they expect a time."""

import datetime
import gzip
import io
import json
import re

import botocore.session
import cbor2

_PATH = re.compile(r"^/service/(GraniteServiceVersion20100801)/operation/(\w+)$")
_SERVICE = botocore.session.get_session().get_service_model("cloudwatch")


def _plain(value):
    """What JSON can say."""
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def _typed(value, shape):
    """What the description of the service says it is."""
    if value is None or shape is None:
        return value
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        members = shape.members.items()
        return {name: _typed(value[name], inner) for name, inner in members if value.get(name) is not None}
    if kind == "list":
        return [_typed(inner, shape.member) for inner in value]
    if kind == "timestamp":
        if isinstance(value, str):
            value = datetime.datetime.fromisoformat(value).timestamp()
        return cbor2.CBORTag(1, float(value))
    if kind in ("double", "float"):
        return float(value)
    return value


def _answer(operation, status, said):
    try:
        document = json.loads(said) if said else {}
    except ValueError:
        document = {"__type": "InternalFailure", "message": said.decode("utf-8", "replace")}
    if status.startswith("2"):
        return _typed(document, _SERVICE.operation_model(operation).output_shape) or {}
    code = document.get("__type") or document.get("Error", {}).get("Code") or "InternalFailure"
    return {"__type": code, "message": document.get("message") or document.get("Message") or ""}


class CborFront:
    """A WSGI application before moto's own."""

    def __init__(self, inner):
        self._inner = inner

    def __call__(self, environ, start_response):
        call = _PATH.match(environ["PATH_INFO"])
        if not call:
            return self._inner(environ, start_response)
        service, operation = call.groups()
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ.get("HTTP_CONTENT_ENCODING") == "gzip":
            body = gzip.decompress(body)
        body = json.dumps(_plain(cbor2.loads(body)) if body else {}).encode()
        dropped = ("HTTP_CONTENT_ENCODING", "HTTP_SMITHY_PROTOCOL", "HTTP_ACCEPT")
        asked = {key: value for key, value in environ.items() if key not in dropped}
        asked |= {
            "PATH_INFO": "/",
            "RAW_URI": "/",
            "REQUEST_URI": "/",
            "CONTENT_TYPE": "application/x-amz-json-1.0",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_X_AMZ_TARGET": f"{service}.{operation}",
            "wsgi.input": io.BytesIO(body),
        }
        seen = {}

        def note(status, headers, exc_info=None):
            seen["status"] = status

        said = b"".join(self._inner(asked, note))
        answer = cbor2.dumps(_answer(operation, seen["status"], said))
        headers = [
            ("Content-Type", "application/cbor"),
            ("Content-Length", str(len(answer))),
            ("smithy-protocol", "rpc-v2-cbor"),
        ]
        start_response(seen["status"], headers)
        return [answer]
