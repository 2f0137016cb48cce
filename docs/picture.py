"""Makes the pictures of comments: Markdown through GitHub's parser and headless Chromium to PNG.

    python docs/picture.py COMMENT.md OUT.png [--width 780] [--dark] [--open]

Needs `pip install cmarkgfm pillow` and Chromium. The look is near GitHub's, the parser is GitHub's.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cmarkgfm
from cmarkgfm.cmark import Options
from PIL import Image, ImageChops

LIGHT = {"page": "#ffffff", "text": "#1f2328", "faint": "#59636e", "line": "#d1d9e0"}
LIGHT |= {"band": "#f6f8fa", "code": "#818b981f", "link": "#0969da"}
DARK = {"page": "#0d1117", "text": "#f0f6fc", "faint": "#9198a1", "line": "#3d444d"}
DARK |= {"band": "#151b23", "code": "#656c7633", "link": "#4493f8"}

STYLE = """
html, body {{ margin: 0; background: {page}; color: {text}; }}
body {{ font: 14px/1.5 "Liberation Sans", Arial, "Noto Color Emoji", sans-serif; padding: 16px; }}
.comment {{ border: 1px solid {line}; border-radius: 6px; }}
.head {{ background: {band}; border-bottom: 1px solid {line}; border-radius: 6px 6px 0 0;
         padding: 8px 16px; color: {faint}; }}
.head b {{ color: {text}; }}
.body {{ padding: 16px; overflow-wrap: break-word; }}
.body > :first-child {{ margin-top: 0; }}
.body > :last-child {{ margin-bottom: 0; }}
h3 {{ font-size: 1.25em; line-height: 1.25; margin: 24px 0 16px; }}
p, ul, table, pre, details {{ margin: 0 0 16px; }}
ul {{ padding-left: 2em; }}
li + li {{ margin-top: .25em; }}
a {{ color: {link}; text-decoration: none; }}
code, pre {{ font-family: "Liberation Mono", "DejaVu Sans Mono", monospace; font-size: 85%; }}
code {{ background: {code}; border-radius: 6px; padding: .2em .4em; white-space: break-spaces; }}
h3 code {{ font-size: inherit; padding: 0 .2em; }}
pre {{ background: {band}; border-radius: 6px; padding: 16px; overflow: auto; line-height: 1.45; }}
pre code {{ background: none; padding: 0; font-size: 100%; white-space: pre; }}
table {{ display: block; width: max-content; max-width: 100%; overflow: auto;
         border-collapse: collapse; }}
th, td {{ border: 1px solid {line}; padding: 6px 13px; }}
tr:nth-child(2n) td {{ background: {band}; }}
sub {{ font-size: 75%; vertical-align: baseline; }}
"""


def page(markdown: str, *, dark: bool, opened: bool) -> str:
    """Turn a comment into the HTML of a page that looks like a pull request's."""
    # What GitHub itself lets through of HTML is kept, as it is there.
    body = cmarkgfm.github_flavored_markdown_to_html(
        markdown, Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_HARDBREAKS
    )
    if opened:
        body = body.replace("<details>", "<details open>")
    style = STYLE.format(**(DARK if dark else LIGHT))
    return (
        f'<!doctype html><meta charset="utf-8"><style>{style}</style><div class="comment">'
        f'<div class="head"><b>perflint</b> commented</div><div class="body">{body}</div></div>'
    )


def picture(html: str, out: Path, width: int, *, height: int = 3000, scale: int = 1) -> None:
    """Take a picture of the page and cut off what is empty below it."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is missing: install your system's package")
    with tempfile.TemporaryDirectory() as folder:
        source, raw = Path(folder, "page.html"), Path(folder, "raw.png")
        source.write_text(html, encoding="utf-8")
        # Chromium's window has a smallest width; an inner frame has not.
        frame = Path(folder, "frame.html")
        frame.write_text(
            "<!doctype html><style>html,body{margin:0}iframe{border:0;display:block}</style>"
            f'<iframe src="page.html" width="{width}" height="{height}"></iframe>'
        )
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        options += [
            f"--window-size={max(width, 800)},{height}",
            f"--force-device-scale-factor={scale}",
        ]
        command = [chromium, *options, f"--screenshot={raw}", frame.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        image = Image.open(raw).convert("RGB").crop((0, 0, width * scale, height * scale))
    empty = Image.new("RGB", image.size, image.getpixel((1, 1)))
    box = ImageChops.difference(image, empty).getbbox()
    bottom = box[3] + 16 * scale if box else image.size[1]
    image.crop((0, 0, image.size[0], min(bottom, image.size[1]))).save(out, optimize=True)


def main() -> None:
    """Read the command line and make one picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("comment", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=780)
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--open", action="store_true", help="show what is folded")
    options = parser.parse_args()
    html = page(options.comment.read_text(encoding="utf-8"), dark=options.dark, opened=options.open)
    picture(html, options.out, options.width, scale=options.scale)


if __name__ == "__main__":
    main()
