"""GitHub's published description of its API, as githubkit generates it: what an exchange may hold.

Nothing of the description is written down here: the paths, the bodies and the answers are read from
the generated client, and each body is checked with the generated model.
"""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from githubkit_schemas.v2026_03_10 import models
from pydantic import BaseModel, TypeAdapter, ValidationError


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
    query: frozenset[str] = frozenset()

    def match(self, path: str) -> re.Match[str] | None:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template)
        return re.fullmatch(pattern, path)


@cache
def operation_of(client_method: Any) -> Operation:
    """Take an operation out of the client that is generated from the description."""
    source = textwrap.dedent(inspect.getsource(client_method))
    verb, template = re.search(r"^ +(GET|POST|PUT|PATCH|DELETE) (/\S+)$", source, re.M).groups()
    tree = ast.parse(source)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    body = [node.args[0] for node in calls if ast.unparse(node.func) == "type_validate_python"]
    sent = {word.arg: word.value for node in calls for word in node.keywords}
    errors = sent.get("error_models")
    params = [node.value for node in ast.walk(tree) if _is_params(node)]
    return Operation(
        verb,
        template,
        _model(body[0]) if body else None,
        _model(sent["response_model"]) if "response_model" in sent else None,
        {int(k.value): _model(v) for k, v in zip(errors.keys, errors.values, strict=True)}
        if errors
        else {},
        frozenset(key.value for dictionary in params for key in dictionary.keys),
    )


def _is_params(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "params"


def _model(written: ast.expr) -> Any:
    """Read a type as the generated client writes it: `list[Label]`, `Union[One, Other]`."""
    if isinstance(written, ast.Subscript):
        parts = written.slice.elts if isinstance(written.slice, ast.Tuple) else [written.slice]
        inner = tuple(_model(part) for part in parts)
        return list[inner[0]] if ast.unparse(written.value) == "list" else reduce(or_, inner)
    name = ast.unparse(written)
    if name == "None":
        return type(None)
    return str if name == "str" else getattr(models, name)


def check_query(operation: Operation, names: set[str]) -> None:
    """Check that the operation has parameters of these names."""
    if unknown := names - operation.query:
        raise Undescribed(f"{operation.verb} {operation.template} asks for no {sorted(unknown)}")


def check_request(operation: Operation, raw: bytes) -> Any:
    """Check the body of a request, and return it."""
    if operation.body is None:
        if raw:
            raise Undescribed(f"{operation.verb} {operation.template} takes no body")
        return None
    if not raw and type(None) in get_args(operation.body):
        return None
    content = _check(operation.body, raw, f"the body of {operation.verb} {operation.template}")
    known = {
        field.alias or name
        for model in _members(operation.body)
        for name, field in model.model_fields.items()
    }
    if isinstance(content, dict) and (unknown := content.keys() - known):
        raise Undescribed(f"{operation.verb} {operation.template} knows no {sorted(unknown)}")
    return content


def _members(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a body may be of."""
    if get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _members(part)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation


def check_answer(operation: Operation, status: int, raw: bytes) -> None:
    """Check the body of an answer; a refusal that is not listed is a BasicError."""
    what = f"the answer {status} to {operation.verb} {operation.template}"
    if status in (204, 302) and operation.answer is None and not raw:
        return
    success = status in (200, 201, 202) and operation.answer is not None
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
    return {**values, type(None): None}[annotation]
