"""A page as a real browser shows it: Chromium, without a window.

The page is served from here, so that whatever it asks for is seen.
"""

from __future__ import annotations

import contextlib
import html
import http.server
import json
import re
import shutil
import subprocess
import tempfile
import threading
from typing import NamedTuple

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
BROWSER_FLAGS = (
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
    ),
    *("--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-dev-shm-usage", "--enable-logging=stderr", "--v=0"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_DARK, _LIGHT = 0, 1
# The page in a frame as wide as a telephone; what it became is left in an attribute.
_OUTER = """<!doctype html><link rel="icon" href="data:,">
<body data-seen=""><iframe id="frame" src="/page"
width="%d" height="844"></iframe><script>
const frame = document.getElementById("frame");
frame.onload = () => {
  const page = frame.contentDocument, root = page.documentElement;
  const shown = (node) => node.getBoundingClientRect().width > 0;
  const texts = [], walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const range = page.createRange();
    range.selectNodeContents(node);
    for (const box of node.data.trim() ? range.getClientRects() : [])
      if (box.width) texts.push([node, box]);
  }
  const meet = (a, b) => a.left + 1 < b.right && b.left + 1 < a.right
    && a.top + 4 < b.bottom && b.top + 4 < a.bottom;  // lines are close
  const overlaps = texts.flatMap(([first, a], index) => texts.slice(index + 1)
    .filter(([second, b]) => first !== second && meet(a, b))
    .map(([second]) => [first.data, second.data]));
  const cut = texts.filter(([node, box]) => box.right > root.clientWidth + 1
    && !node.parentElement.closest("svg, .wide")).map(([node]) => node.data);
  document.body.dataset.seen = JSON.stringify({
    width: root.scrollWidth, overlaps, cut,
    text: page.body.textContent,
    names: [...page.querySelectorAll("svg .name")].map((node) => node.textContent),
    roles: [...page.querySelectorAll("svg[role=img]")].map(
      (svg) => svg.querySelector("title").textContent),
    bars: [...page.querySelectorAll("svg path.busy")].filter(shown).length,
    foreign: page.querySelectorAll("script, img, link, iframe, object").length,
    back: frame.contentWindow.getComputedStyle(page.body).backgroundColor,
    fore: frame.contentWindow.getComputedStyle(page.body).color,
  });
};
</script></body>"""


class Seen(NamedTuple):
    """What became of a page: facts of it, its requests, and what the console said."""

    page: dict[str, object]
    requests: list[str]
    console: list[str]


def look_at(text: str, *, width: int = 390, dark: bool = False) -> Seen:
    """Open the HTML *text* in a frame *width* pixels wide."""
    requests: list[str] = []
    answers = {"/": _OUTER % width, "/page": text}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            body = answers.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((body or "").encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with contextlib.closing(server.socket), tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [
                BROWSER,
                *BROWSER_FLAGS,
                f"--user-data-dir={profile}",
                f"--blink-settings=preferredColorScheme={_DARK if dark else _LIGHT}",
                "--dump-dom",
                f"http://127.0.0.1:{server.server_port}/",
            ],
            capture_output=True,
            encoding="utf-8",
            timeout=110,
            check=True,
        )
        server.shutdown()
    seen = re.search(r'data-seen="(.*?)">', done.stdout, re.DOTALL)[1]
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Seen(json.loads(html.unescape(seen)), requests, console)
