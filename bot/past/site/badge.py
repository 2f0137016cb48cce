"""A badge for a README: how many series changed for the worse lately. Pure."""

# Characters of the font are about so wide, in pixels; the text is fitted to its room anyway.
_WIDTH = 6.6
_LEFT = "performance"
_GREEN, _RED, _GREY = "#1a7f37", "#b35900", "#57606a"


def badge(series: int, worse: int, lately: int) -> str:
    """Draw it as SVG; white on these grounds has a contrast of at least 4.5."""
    if not series:
        right, ground = "no values yet", _GREY
    elif worse:
        right, ground = f"{worse:,} worse in {lately} commits", _RED
    else:
        right, ground = f"steady, {series:,} series", _GREEN
    left_room, right_room = _room(_LEFT), _room(right)
    room = left_room + right_room
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{room}" height="20" role="img" '
        f'aria-label="{_LEFT}: {right}"><title>{_LEFT}: {right}</title>'
        f'<rect width="{room}" height="20" rx="3" fill="{ground}"/>'
        f'<path d="M3 0h{left_room - 3}v20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#444c56"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="6" y="14" textLength="{left_room - 12}">{_LEFT}</text>'
        f'<text x="{left_room + 6}" y="14" textLength="{right_room - 12}">{right}</text>'
        "</g></svg>\n"
    )


def _room(text: str) -> int:
    return round(len(text) * _WIDTH) + 12
