"""One Chromium that stays, spoken to through the DevTools protocol over a pipe: a page costs what drawing it costs."""
import base64
import itertools
import json
import os
import subprocess
from pathlib import Path


class Chromium:
    def __init__(self, folder: Path, fonts: Path | None = None):
        ours, theirs = os.pipe(), os.pipe()  # what it reads (its 3), what it writes (its 4)
        folder.mkdir(parents=True, exist_ok=True)
        environment = dict(os.environ, HOME=str(folder))
        if fonts:
            environment["FONTCONFIG_FILE"] = str(fonts)

        def connect():
            os.dup2(ours[0], 63)
            os.dup2(theirs[1], 64)
            os.dup2(63, 3)
            os.dup2(64, 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe", "--no-first-run",
             "--disable-extensions", f"--user-data-dir={folder / 'profile'}", "about:blank"],
            preexec_fn=connect, close_fds=False, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(ours[0])
        os.close(theirs[1])
        self.out, self.read, self.rest, self.numbers = ours[1], theirs[0], b"", itertools.count(1)
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = None
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable")

    def ask(self, method: str, **parameters) -> dict:
        number = next(self.numbers)
        message = dict(id=number, method=method, params=parameters)
        if getattr(self, "session", None):
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        while True:
            answer = self.next()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def next(self) -> dict:
        while b"\0" not in self.rest:
            part = os.read(self.read, 1 << 20)
            if not part:
                raise RuntimeError("Chromium has ended")
            self.rest += part
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def show(self, html: str, width: int, height: int, scale: float):
        """Set the page's size in CSS pixels and show it."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)
        frame = self.ask("Page.getFrameTree")["frameTree"]["frame"]["id"]
        self.ask("Page.setDocumentContent", frameId=frame, html=html)

    def value(self, expression: str):
        """What a script says, promises waited for."""
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(str(result["exceptionDetails"])[:500])
        return result["result"].get("value")

    def picture(self) -> bytes:
        """A PNG of what is seen."""
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png", optimizeForSpeed=True)["data"])

    def close(self):
        os.close(self.out)
        self.process.wait(10)
