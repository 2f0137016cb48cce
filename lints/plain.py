"""Results as plain tuples, to be kept or handed to another process, and back."""

from dataclasses import fields
from enum import Enum
from typing import Any

from .finding import Cell, Confidence, Edit, Finding, Severity, Span
from .outside import HotCall, Place
from .values import Device, Kind, Value


def plain_finding(finding: Finding) -> tuple[Any, ...]:
    """Return a finding as a tuple."""
    fix, cell = finding.fix, finding.cell
    return (
        finding.path,
        _plain_span(finding.span),
        finding.code,
        finding.rule,
        finding.message,
        finding.severity.value,
        finding.confidence.value,
        finding.why,
        None if fix is None else (_plain_span(fix.span), fix.text, fix.safe),
        None if cell is None else (cell.number, cell.first, cell.file_line, cell.file_end_line),
    )


def finding_of(plain: tuple[Any, ...]) -> Finding:
    """Return the finding behind a tuple."""
    path, span, code, rule, message, severity, confidence, why, fix, cell = plain
    return Finding(
        path,
        Span(*span),
        code,
        rule,
        message,
        Severity(severity),
        Confidence(confidence),
        why,
        None if fix is None else Edit(Span(*fix[0]), fix[1], fix[2]),
        None if cell is None else Cell(*cell),
    )


def plain_call(call: HotCall) -> tuple[Any, ...]:
    """Return a call as a tuple."""
    passed = tuple((name, _plain_value(value)) for name, value in call.passed)
    told = call.seldom, call.given, call.missing
    return call.target, call.place.value, call.chain, passed, *told


def call_of(plain: tuple[Any, ...]) -> HotCall:
    """Return the call behind a tuple."""
    target, place, chain, passed, *told = plain
    values = tuple((name, _value_of(value)) for name, value in passed)
    return HotCall(target, Place(place), tuple(chain), values, *map(tuple, told))


def _plain_span(span: Span) -> tuple[int, int, int, int]:
    return span.line, span.column, span.end_line, span.end_column


def _plain_value(value: Value) -> tuple[Any, ...]:
    return tuple(
        _plain_part(getattr(value, field.name)) for field in fields(Value) if field.name != "loader"
    )


def _plain_part(part: Any) -> Any:
    if isinstance(part, Enum):
        return part.value
    if isinstance(part, tuple):
        return tuple((name, _plain_value(inner)) for name, inner in part)
    return part


def _value_of(plain: tuple[Any, ...]) -> Value:
    names = [field.name for field in fields(Value) if field.name != "loader"]
    given = dict(zip(names, plain, strict=True))
    for name, read in (("kind", Kind), ("device", Device), ("confidence", Confidence)):
        given[name] = read(given[name])
    if parts := given.get("parts"):
        given["parts"] = tuple((name, _value_of(inner)) for name, inner in parts)
    return Value(**given)
