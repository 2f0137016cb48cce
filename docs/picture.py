"""Makes the pictures of comments: GitHub's parser and headless Chromium turn Markdown into PNG.

    python docs/picture.py tests/bot/golden/states/*.md --into pictures --width 780 375

Needs `pip install cmarkgfm` and Chromium. The parser is GitHub's own; what its sanitizer takes away
and how its pages look is imitated. A phone's page is narrower than the phone: beside the text of a
comment there are two times 16 pixels at each side, as here.
"""

import argparse
import base64
import html
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from html.parser import HTMLParser
from pathlib import Path
from types import TracebackType
from typing import Any

import cmarkgfm
from cmarkgfm.cmark import Options

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

# What GitHub lets through, of what may stand in a comment; all else it takes away.
KEPT = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "div", "blockquote", "pre", "details"),
    *("b", "i", "strong", "em", "a", "code", "tt", "ins", "del", "s", "strike", "sup", "sub"),
    *("ol", "ul", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tfoot", "tr", "td", "th"),
    *("kbd", "q", "samp", "var", "summary"),
}
ATTRIBUTES = {"href", "align", "lang", "open", "title"}
VOID = {"br", "hr"}
DROPPED_WHOLE = {"script", "style", "iframe", "textarea", "title", "noscript"}


class Sanitizer(HTMLParser):
    """Keeps what GitHub keeps: elements and attributes of its list, links to web addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []
        self._dropped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write an element that is let through."""
        if tag in DROPPED_WHOLE:
            self._dropped += 1
        if self._dropped or tag not in KEPT:
            return
        said = [
            f' {name}="{html.escape(value or "")}"'
            for name, value in attrs
            if name in ATTRIBUTES and (name != "href" or _is_address(value or ""))
        ]
        self.kept.append(f"<{tag}{''.join(said)}>")

    def handle_endtag(self, tag: str) -> None:
        """End it again."""
        if tag in DROPPED_WHOLE:
            self._dropped = max(0, self._dropped - 1)
        elif not self._dropped and tag in KEPT - VOID:
            self.kept.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Keep text."""
        if not self._dropped:
            self.kept.append(html.escape(data, quote=False))


def _is_address(value: str) -> bool:
    scheme = value.partition(":")[0].lower()
    return ":" not in value or scheme in ("http", "https", "mailto")


def body(markdown: str) -> str:
    """HTML as GitHub shows it: line ends of comments are kept, comments in HTML are not."""
    options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_HARDBREAKS
    sanitizer = Sanitizer()
    sanitizer.feed(cmarkgfm.github_flavored_markdown_to_html(markdown, options))
    sanitizer.close()
    return "".join(sanitizer.kept)


def page(markdown: str, *, dark: bool = False, opened: bool = False) -> str:
    """Turn a comment into the HTML of a page that looks like a pull request's."""
    shown = body(markdown)
    if opened:
        shown = shown.replace("<details>", "<details open>")
    style = STYLE.format(**(DARK if dark else LIGHT))
    return (
        '<!doctype html><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style>{style}</style><div class="comment">'
        f'<div class="head"><b>perflint</b> commented</div><div class="body">{shown}</div></div>'
    )


class Browser:
    """A headless Chromium that one page after the other is shown to."""

    def __init__(self, chromium: str) -> None:
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()

        def wire() -> None:
            # Chromium reads commands from 3 and writes answers to 4, whatever stood there.
            high_in, high_out = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        options += ["--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe"]
        self._process = subprocess.Popen(
            [chromium, *options, f"--user-data-dir={self._profile.name}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4, theirs_in, theirs_out),
            preexec_fn=wire,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._read, self._count = b"", 0
        self.events: list[dict[str, Any]] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session: str | None = attached["sessionId"]
        self._frame = self._ask("Page.getFrameTree")["frameTree"]["frame"]["id"]

    def __enter__(self) -> "Browser":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        os.close(self._out)
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        self._profile.cleanup()

    def show(self, source: str, width: int, *, height: int = 800, scale: int = 1) -> None:
        """Show HTML on a screen of `width` × `height` pixels; below 500 it is a phone's."""
        self._size(width, height, scale)
        self._ask("Page.setDocumentContent", frameId=self._frame, html=source)

    def visit(self, address: str, width: int, *, height: int = 800, scale: int = 1) -> None:
        """Go to an address, anew also where the browser is there already."""
        self._size(width, height, scale)
        self._ask("Page.navigate", url="about:blank")
        self.wait("location.href === 'about:blank'")
        said = self._ask("Page.navigate", url=address)
        if "errorText" in said:
            raise ValueError(f"{address}: {said['errorText']}")
        self.wait("location.href !== 'about:blank' && document.readyState === 'complete'")

    def wait(self, script: str, seconds: float = 20) -> None:
        """Wait until a JavaScript expression is true, also on a page that comes meanwhile."""
        until = time.monotonic() + seconds
        while not self._holds(script):
            if time.monotonic() > until:
                raise TimeoutError(f"waited in vain for: {script}")
            time.sleep(0.02)

    def _holds(self, script: str) -> bool:
        try:
            return bool(self.value(f"Boolean({script})"))
        except RuntimeError as error:
            if "navigated or closed" in str(error):
                return False
            raise

    def listen(self, *domains: str) -> None:
        """Keep in `events` what Chromium tells of `Network`, `Log`, `Runtime`, from now on."""
        for domain in domains:
            self._ask(f"{domain}.enable")
        self.events.clear()

    def press(self, key: str) -> None:
        """Press a key and let it go, as a person does."""
        more = {"text": key} if len(key) == 1 else {}
        self._ask("Input.dispatchKeyEvent", type="keyDown", key=key, **more)
        self._ask("Input.dispatchKeyEvent", type="keyUp", key=key)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse at one place and let it go at another."""
        for kind, (x, y) in (
            ("mouseMoved", start),
            ("mousePressed", start),
            ("mouseMoved", end),
            ("mouseReleased", end),
        ):
            held = 0 if kind == "mouseMoved" and (x, y) == start else 1
            button = "left" if held else "none"
            self._ask(
                "Input.dispatchMouseEvent",
                type=kind,
                x=x,
                y=y,
                button=button,
                buttons=held if kind != "mouseReleased" else 0,
                clickCount=1,
            )

    def prefer(self, scheme: str) -> None:
        """Have the system prefer `dark` or `light` colours."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._ask("Emulation.setEmulatedMedia", features=features)

    def screen(self) -> bytes:
        """Return what is on the screen as PNG."""
        return base64.b64decode(self._ask("Page.captureScreenshot")["data"])

    def _size(self, width: int, height: int, scale: int) -> None:
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 500,
        )

    def value(self, script: str) -> Any:
        """Return the value of a JavaScript expression on the page; of a promise, what it gives."""
        said = self._ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in said:
            raise ValueError(said["exceptionDetails"])
        return said["result"].get("value")

    def picture(self) -> bytes:
        """Return the whole page as PNG."""
        height = self.value("Math.ceil(document.querySelector('.comment').offsetHeight) + 32")
        clip = {"x": 0, "y": 0, "width": self.value("innerWidth"), "height": height, "scale": 1}
        made = self._ask("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(made["data"])

    def _ask(self, method: str, **values: object) -> dict[str, Any]:
        self._count += 1
        message: dict[str, object] = {"id": self._count, "method": method, "params": values}
        if session := getattr(self, "_session", None):
            message["sessionId"] = session
        sent = json.dumps(message).encode() + b"\0"
        while sent:
            sent = sent[os.write(self._out, sent) :]
        while True:
            while b"\0" not in self._read:
                more = os.read(self._in, 1 << 16)
                if not more:
                    raise RuntimeError("Chromium ended")
                self._read += more
            raw, _, self._read = self._read.partition(b"\0")
            answer = json.loads(raw)
            if answer.get("id") != self._count:
                if "method" in answer:
                    self.events.append(answer)
                continue
            if "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']['message']}")
            result: dict[str, Any] = answer["result"]
            return result


def find_chromium() -> str | None:
    """Where Chromium is; None where it is not installed."""
    return (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )


def main() -> None:
    """Read the command line and make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("comments", type=Path, nargs="+", metavar="COMMENT.md")
    parser.add_argument("--into", type=Path, required=True, metavar="DIR")
    parser.add_argument("--width", type=int, nargs="+", default=[780, 375])
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--open", action="store_true", help="show what is folded")
    options = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        sys.exit("Chromium is missing: install your system's package")
    options.into.mkdir(parents=True, exist_ok=True)
    with Browser(chromium) as browser:
        for comment in options.comments:
            source = page(
                comment.read_text(encoding="utf-8"), dark=options.dark, opened=options.open
            )
            for width in options.width:
                browser.show(source, width, scale=options.scale)
                several = f"-{width}" if len(options.width) > 1 else ""
                out = options.into / f"{comment.stem}{several}.png"
                out.write_bytes(browser.picture())
                print(out)


if __name__ == "__main__":
    main()
