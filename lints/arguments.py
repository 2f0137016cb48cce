"""Puts arguments into calls, and takes them out, in the layout that a call has already."""

from collections.abc import Container, Sequence

import libcst as cst

_NO_SPACE = cst.SimpleWhitespace("")
_SPACE = cst.SimpleWhitespace(" ")


def keyword_argument(name: str, value: cst.BaseExpression) -> cst.Arg:
    """Return `name=value` as an argument."""
    return cst.Arg(value, keyword=cst.Name(name), equal=cst.AssignEqual(_NO_SPACE, _NO_SPACE))


def with_argument(call: cst.Call, new: cst.Arg) -> cst.Call:
    """Add an argument after the last one: on a line of its own, where that one has its own."""
    if not call.args:
        return _with_only(call, new)
    *others, last = call.args
    tail, trailing = _tail(last)
    gap = _gap(call)
    if isinstance(gap, cst.ParenthesizedWhitespace):
        gap, tail = _parted(gap, tail)
    last = last.with_changes(comma=_comma(gap), whitespace_after_arg=_NO_SPACE)
    return call.with_changes(args=[*others, _parenthesized(last), _ending(new, tail, trailing)])


def with_first_argument(call: cst.Call, new: cst.Arg) -> cst.Call:
    """Add an argument before all others: on a line of its own, where the next one has its own."""
    if not call.args:
        return _with_only(call, new)
    before = call.whitespace_before_args
    gap: cst.BaseParenthesizableWhitespace = _SPACE
    if isinstance(before, cst.ParenthesizedWhitespace):
        gap = before.with_changes(first_line=_end_of(before), empty_lines=())
        if len(call.args) > 1 and not _is_broken(call.args[0]):
            gap = _SPACE
    return call.with_changes(args=[new.with_changes(comma=_comma(gap)), *call.args])


def without_arguments(call: cst.Call, names: Container[str]) -> cst.Call:
    """Leave out the arguments that are passed by these names; what ended the call still ends it."""
    kept = [arg for arg in call.args if not (arg.keyword and arg.keyword.value in names)]
    return with_arguments(call, kept)


def with_arguments(call: cst.Call, kept: Sequence[cst.Arg]) -> cst.Call:
    """Keep some of the arguments of a call; what ended the call still ends it."""
    if not kept:
        return call.with_changes(args=[], whitespace_before_args=_NO_SPACE)
    if kept[-1] is call.args[-1]:
        return call.with_changes(args=kept)
    tail, trailing = _tail(call.args[-1])
    tail = _with_comments_of(kept[-1], tail)
    return call.with_changes(args=[*kept[:-1], _ending(kept[-1], tail, trailing)])


def _with_only(call: cst.Call, new: cst.Arg) -> cst.Call:
    before = call.whitespace_before_args
    kept = before if _has_comment(before) else _NO_SPACE
    return call.with_changes(args=[new], whitespace_before_args=kept)


def _with_comments_of(
    arg: cst.Arg, tail: cst.BaseParenthesizableWhitespace
) -> cst.BaseParenthesizableWhitespace:
    """Let the comments behind an argument take the place of those behind the last one."""
    own = _tail(arg)[0]
    if not isinstance(own, cst.ParenthesizedWhitespace):
        return tail
    if not isinstance(tail, cst.ParenthesizedWhitespace):
        return own if _has_comment(own) else tail
    lines = (*own.empty_lines, *tail.empty_lines)
    return tail.with_changes(first_line=own.first_line, empty_lines=lines)


def _has_comment(space: cst.BaseParenthesizableWhitespace) -> bool:
    if not isinstance(space, cst.ParenthesizedWhitespace):
        return False
    return bool(space.first_line.comment) or any(line.comment for line in space.empty_lines)


def _tail(last: cst.Arg) -> tuple[cst.BaseParenthesizableWhitespace, cst.Comma | None]:
    """Return what stands before the closing parenthesis, and the trailing comma, if any."""
    if isinstance(last.comma, cst.Comma):
        return last.comma.whitespace_after, last.comma
    return last.whitespace_after_arg, None


def _ending(
    arg: cst.Arg, tail: cst.BaseParenthesizableWhitespace, trailing: cst.Comma | None
) -> cst.Arg:
    """Make an argument the last one."""
    if trailing is None:
        return arg.with_changes(comma=cst.MaybeSentinel.DEFAULT, whitespace_after_arg=tail)
    return arg.with_changes(comma=_comma(tail), whitespace_after_arg=_NO_SPACE)


def _comma(after: cst.BaseParenthesizableWhitespace) -> cst.Comma:
    return cst.Comma(whitespace_after=after)


def _end_of(line: cst.ParenthesizedWhitespace) -> cst.TrailingWhitespace:
    """Return the end of a line, without blanks or a comment before it."""
    return cst.TrailingWhitespace(newline=line.first_line.newline)


def _is_broken(arg: cst.Arg) -> bool:
    """Whether what follows an argument begins on a line of its own."""
    comma = arg.comma
    return isinstance(comma, cst.Comma) and isinstance(
        comma.whitespace_after, cst.ParenthesizedWhitespace
    )


def _gap(call: cst.Call) -> cst.BaseParenthesizableWhitespace:
    """Return what stands before the last argument: of a single one, only a new line counts."""
    if len(call.args) > 1:
        comma = call.args[-2].comma
        return comma.whitespace_after if isinstance(comma, cst.Comma) else _SPACE
    before = call.whitespace_before_args
    return before if isinstance(before, cst.ParenthesizedWhitespace) else _SPACE


def _parted(
    gap: cst.ParenthesizedWhitespace, tail: cst.BaseParenthesizableWhitespace
) -> tuple[cst.ParenthesizedWhitespace, cst.BaseParenthesizableWhitespace]:
    """Let comments behind the last argument stay there, before the new line of the next one."""
    line = _end_of(gap)
    if not isinstance(tail, cst.ParenthesizedWhitespace):
        return gap.with_changes(first_line=line, empty_lines=()), tail
    first = tail.first_line if tail.first_line.comment else line
    gap = gap.with_changes(first_line=first, empty_lines=tail.empty_lines)
    return gap, tail.with_changes(first_line=line, empty_lines=())


def _parenthesized(arg: cst.Arg) -> cst.Arg:
    """A generator that is no longer the only argument needs parentheses of its own."""
    if not isinstance(arg.value, cst.GeneratorExp) or arg.value.lpar:
        return arg
    value = arg.value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return arg.with_changes(value=value)
