"""GitHub's published description of its API, as githubkit generates it: what an exchange may hold.

Nothing of the description is written down here: the paths, the bodies and the answers are read from
the generated client, and each body is checked with the generated model.
"""

import inspect
import json
import re
from dataclasses import dataclass
from datetime import datetime
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from githubkit_schemas.v2026_03_10 import models
from githubkit_schemas.v2026_03_10.rest.issues import IssuesClient
from githubkit_schemas.v2026_03_10.rest.pulls import PullsClient
from pydantic import BaseModel, TypeAdapter, ValidationError

OPERATIONS = (
    IssuesClient.list_comments,
    IssuesClient.create_comment,
    IssuesClient.update_comment,
    IssuesClient.delete_comment,
    PullsClient.get,
)


class Undescribed(AssertionError):
    """An exchange that GitHub's description does not allow."""


@dataclass(frozen=True)
class Operation:
    """One thing that the API can be asked for."""

    verb: str
    template: str
    body: Any
    answer: Any
    errors: dict[int, Any]

    def match(self, path: str) -> re.Match[str] | None:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template)
        return re.fullmatch(pattern, path)


def _read(client_method: Any) -> Operation:
    """Take an operation out of the client that is generated from the description."""
    source = inspect.getsource(client_method)
    verb, template = re.search(r"^ +(GET|POST|PATCH|DELETE) (/\S+)$", source, re.M).groups()
    body = re.search(r"type_validate_python\(\s*(\w+)", source)
    answer = re.search(r"response_model=([\w\[\]]+)", source)
    errors = re.findall(r'"(\d{3})": (\w+)', source)
    return Operation(
        verb,
        template,
        getattr(models, body[1]) if body else None,
        _model(answer[1]) if answer else None,
        {int(status): getattr(models, name) for status, name in errors},
    )


def _model(name: str) -> Any:
    inner = re.fullmatch(r"list\[(\w+)\]", name)
    return list[getattr(models, inner[1])] if inner else getattr(models, name)


DESCRIBED = tuple(_read(method) for method in OPERATIONS)


def find(verb: str, path: str) -> tuple[Operation, dict[str, str]]:
    """Find the operation that a request asks for, and the values in its path."""
    for operation in DESCRIBED:
        if operation.verb == verb and (found := operation.match(path)):
            return operation, found.groupdict()
    raise Undescribed(f"no operation {verb} {path}")


def check_request(operation: Operation, raw: bytes) -> Any:
    """Check the body of a request, and return it."""
    if operation.body is None:
        if raw:
            raise Undescribed(f"{operation.verb} {operation.template} takes no body")
        return None
    content = _check(operation.body, raw, f"the body of {operation.verb} {operation.template}")
    if unknown := content.keys() - operation.body.model_fields.keys():
        raise Undescribed(f"{operation.verb} {operation.template} knows no {sorted(unknown)}")
    return content


def check_answer(operation: Operation, status: int, raw: bytes) -> None:
    """Check the body of an answer; a refusal that is not listed is a BasicError."""
    what = f"the answer {status} to {operation.verb} {operation.template}"
    if status == 204 and operation.answer is None and not raw:
        return
    success = status in (200, 201) and operation.answer is not None
    if not success and status < 400:
        raise Undescribed(f"{what} is not described")
    _check(
        operation.answer if success else operation.errors.get(status, models.BasicError), raw, what
    )


def _check(model: Any, raw: bytes, what: str) -> Any:
    try:
        TypeAdapter(model).validate_json(raw, strict=True)
    except ValidationError as error:
        raise Undescribed(f"{what} is not as described: {error}") from error
    return json.loads(raw)


def example(model: type[BaseModel]) -> dict[str, Any]:
    """Build the smallest payload that the model allows."""
    return {
        field.alias or name: _value(field.annotation)
        for name, field in model.model_fields.items()
        if field.is_required()
    }


def _value(annotation: Any) -> Any:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return parts[0]
    if origin in (Union, UnionType):
        return None if type(None) in parts else _value(parts[0])
    if origin is list:
        return []
    if issubclass(annotation, BaseModel):
        return example(annotation)
    values = {str: "x", int: 1, bool: False, float: 1.0, datetime: "2026-01-02T03:04:05Z"}
    return values[annotation]
