"""A real Chromium without a window, driven through a pipe by the DevTools protocol: no driver package, no port, no download."""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import time
from contextlib import contextmanager, suppress

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # there is no network but loopback
    "about:blank",
)
WAIT_S = 30
KEYS = {"ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35}


@contextmanager
def chromium(folder, size=(1280, 800)):
    """A page; `folder` holds the profile."""
    flags = [*FLAGS[:-1], f"--user-data-dir={folder}", f"--window-size={size[0]},{size[1]}", FLAGS[-1]]
    if os.geteuid() == 0:
        flags.insert(0, "--no-sandbox")  # Chromium's sandbox refuses root
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (theirs_in, theirs_out)]  # clear of 3 and 4
    quiet = os.open(os.devnull, os.O_RDWR)
    actions = [
        (os.POSIX_SPAWN_DUP2, end, number) for end, number in zip((quiet, quiet, quiet, *moved), range(5), strict=True)
    ]
    process = os.posix_spawn(PROGRAM, [PROGRAM, *flags], os.environ, file_actions=actions, setpgroup=0)
    for end in (theirs_in, theirs_out, quiet, *moved):
        os.close(end)
    try:
        yield Page(ours_out, ours_in, size)
    finally:
        os.close(ours_out)
        os.close(ours_in)
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)


class Page:
    """One page: asks, clicks, reads pixels, keeps what went wrong and what was fetched."""

    def __init__(self, to, back, size):
        self._to, self._back, self._rest, self._number = to, back, b"", 0
        self._session = None
        self.requested, self.complaints = [], []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.resize(*size)

    def send(self, method, **params):
        """One command, and what it gives back."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + WAIT_S
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._keep(answer)

    def open(self, url):
        """Go to an address."""
        self.send("Page.navigate", url=url)

    def resize(self, width, height, ratio=1):
        """Size of the page, and screen pixels for one of CSS."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=ratio, mobile=False
        )

    def ask(self, expression):
        """The value of a JavaScript expression; a promise's, when it has one."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def until(self, expression):
        """Wait for an expression to become true; its value."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            found = self.ask(f"(() => {{ try {{ return {expression} }} catch (e) {{ return false }} }})()")
            if found:
                return found
            time.sleep(0.05)
        raise TimeoutError(f"{expression} is {self.ask(expression)}; complaints: {self.complaints}")

    def mouse(self, kind, x, y, **more):
        """Pressed, released, moved or a wheel turned."""
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(self, start, end, steps=8):
        """With the left button, in some steps."""
        self.mouse("mousePressed", *start, button="left", clickCount=1)
        for step in range(1, steps + 1):
            x, y = (a + (b - a) * step / steps for a, b in zip(start, end, strict=True))
            self.mouse("mouseMoved", x, y, button="left", buttons=1)
        self.mouse("mouseReleased", *end, button="left", clickCount=1)

    def press(self, key):
        """A key, down and up."""
        more = {"text": key} if len(key) == 1 else {"windowsVirtualKeyCode": KEYS[key]}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **more)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def screenshot(self, path):
        """What is seen, as a PNG file."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))
        return path

    def _next(self, deadline):
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._back], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("Chromium says nothing")
            part = os.read(self._back, 1 << 20)
            if not part:
                raise EOFError("Chromium is gone")
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def _keep(self, event):
        params = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])
        elif event.get("method") == "Log.entryAdded":
            self.complaints.append(
                f"{params['entry']['level']}: {params['entry']['text']} {params['entry'].get('url')}"
            )
        elif event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"])
        elif event.get("method") == "Runtime.consoleAPICalled" and params["type"] in {"error", "warning"}:
            self.complaints.append([part.get("value") for part in params["args"]])
