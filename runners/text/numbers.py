"""Numbers as people read them: shares, rates, sizes, times left. Pure text, no Markdown.

Never seven digits in a row: GitHub would take them for the hash of a commit, and link it.
"""

import math

MINUS = "\N{MINUS SIGN}"
NONE = "–"
ARROW = "→"


def percent(share: float) -> str:
    """A signed share: `−9.6%`."""
    return NONE if not math.isfinite(share) else signed(share * 100, 1) + "%"


def interval(low: float, high: float) -> str:
    """An interval of shares without the percent sign, which the number before it carries."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    ends = [">+999" if end > 9.99 else signed(end * 100, 1) for end in (low, high)]
    return f"[{', '.join(ends)}]"


def detectable(share: float) -> str:
    """The smallest slowdown that would have been caught."""
    return f"{share * 100:,.1f}%" if share < 1 else "more than 100%"


def signed(value: float, digits: int) -> str:
    """With its sign; what rounds to zero has none."""
    text = f"{value:+,.{digits}f}"
    return text[1:] if not text.strip("+-0.,") else text.replace("-", MINUS)


def rate(per_second: float) -> str:
    """Three to four digits: 0.512, 8.31, 118.4, 2,814, 91.7k, 1.3M."""
    if not math.isfinite(per_second) or per_second <= 0:
        return NONE
    if per_second >= 999_950:
        return f"{per_second / 1e6:,.1f}M"
    if per_second >= 9_999.5:
        return f"{per_second / 1e3:.1f}k"
    if per_second >= 999.95:
        return f"{per_second:,.0f}"
    if per_second >= 9.995:
        return f"{per_second:.1f}"
    return f"{per_second:.2f}" if per_second >= 0.995 else f"{per_second:.3g}"


def peak_bytes(base: int, head: int) -> tuple[str, str]:
    """Head's size, and how it differs from base; "" where the rounded difference is nothing."""
    unit, scale = _unit(max(base, head))
    difference = signed((head - base) / scale, 1)
    return f"{head / scale:,.1f} {unit}", "" if difference == "0.0" else difference


def size(number: int) -> str:
    """`7.03 MiB`; whole KiB and below."""
    unit, scale = _unit(number)
    return f"{number / scale:,.2f} {unit}" if scale > 1 << 10 else f"{number / scale:,.0f} {unit}"


def byte_change(base: int, head: int) -> str:
    """`7.03 → 8.53 MiB`; the exact bytes where rounding would hide what differs."""
    unit, scale = _unit(max(base, head))
    most = max(base, head) / scale
    digits = 2 if most < 10 else 1 if most < 100 else 0
    before, after = (f"{size / scale:,.{digits}f}" for size in (base, head))
    if before == after or max(base, head) < 1024:
        return f"{base:,} → {head:,} bytes"
    return f"{before} → {after} {unit}"


def plural(count: int, noun: str) -> str:
    """`1 perf test`, `2,300 perf tests`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def about(seconds: float) -> str:
    """A rough time left: `40 s`, `9 min`."""
    return f"{max(10, round(seconds, -1)):.0f} s" if seconds < 90 else f"{seconds / 60:,.0f} min"


def _unit(size: int) -> tuple[str, int]:
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if size >= scale:
            return unit, scale
    return "KiB", 1 << 10
