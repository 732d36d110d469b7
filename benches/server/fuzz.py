#!/usr/bin/env python3
"""Sends a running server requests that are nearly right, and many that are not.

    fuzz.py URL PID LOG SECONDS [SEED]

Paths, queries, headers, JSON, forms and documents are changed at random, and requests are cut off. What must hold: no answer of 500, no
panic in the log, an answer to whoever asks properly afterwards, and memory within twice the budget. A request that fails is printed as
Python writes bytes, so that it can become a test. The same seed sends the same requests, whatever the answers are.
"""

import json
import pathlib
import random
import re
import socket
import sys
import threading
import time
import urllib.parse
import zlib

THREADS = 4
# What numbers, words and places in an address become.
ODD = ["0", "-1", "1", "2147483648", "4294967296", "9223372036854775807", "18446744073709551616", "1e309", "NaN", "null", "true", "[]", "{}", "", " ",
       "%00", "%ff%fe", "..", "../../x", "%2e%2e%2f", "a" * 300, "é", "\u202e", "'", '"', '"a', "*", "a*", "-a", "[", "(", "\\", "once:x", "owner:x", "a,b",
       "1-", "-1", "3-1", "1-4294967295", "1,1,1", "auto", "skip", "never", "always"]
VALUES = [None, True, 0, -1, 1, 1.5, 1e308, 2**31, 2**53, 2**63, 2**64, "", "a", "\u0000", "\ud83d\ude00", '"', '"a b', "a*", "-a", "[", "a" * 5000,
          [], ["a"], [""], [None], {}, {"a": 1}, [[[[]]]]]
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "get", "G\0T"]
HEADERS = ["Accept: application/x-ndjson", "Last-Event-ID: 1", "Last-Event-ID: end", "Last-Event-ID: -1", "If-None-Match: *", "Range: bytes=0-",
           "Idempotency-Key: a", "Idempotency-Key: \xff", "Idempotency-Key: " + "k" * 300, "Pagestream-Password: \xff", "Expect: 100-continue",
           "Transfer-Encoding: chunked", "Content-Length: 5", "Content-Length: -1", "Content-Encoding: gzip", "Content-Encoding: br", "Host: a.example",
           "Host: [::1", "Origin: null", "Origin: http://a.example", "Sec-Fetch-Site: cross-site", "Authorization: Bearer \xff", "X-Api-Key: a",
           "Upgrade: websocket\r\nConnection: Upgrade", "Connection: keep-alive", "Cookie: a=b", "Accept-Encoding: gzip", "A" * 9000 + ": b", "Content-Type: text/x"]


def pdf(text: str) -> bytes:
    content = f"BT /F 12 Tf 40 700 Td ({text}) Tj ET"
    objects = ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
               "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
               f"<</Length {len(content)}>>stream\n{content}\nendstream"]
    return ("%PDF-1.4\n" + "".join(f"{i} 0 obj{o}endobj\n" for i, o in enumerate(objects, 1)) + "trailer<</Root 1 0 R>>\n").encode()


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
    rows = b"".join(b"\0" + bytes(width) for _ in range(height))
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def form(chance: random.Random, document: bytes) -> bytes:
    parts = []
    for name in chance.sample(["name", "ocr", "pages", "tags", "duplicates", "bulk", "unordered", "force", "password", "colour"], chance.randrange(4)):
        parts.append(f'Content-Disposition: form-data; name="{name}"\r\n\r\n{chance.choice(ODD)}'.encode())
    parts.append(f'Content-Disposition: form-data; name="file"; filename="{chance.choice(["a.pdf", "../x", chance.choice(ODD)])}"\r\n\r\n'.encode() + document)
    if chance.random() < 0.2:
        chance.shuffle(parts)
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


def changed(chance: random.Random, whole: bytes, most: int = 4) -> bytes:
    """Some bytes in another way: flipped, taken out, put in, said twice, cut off."""
    bytes_ = bytearray(whole)
    for _ in range(chance.randint(1, most)):
        if not bytes_:
            break
        at, length = chance.randrange(len(bytes_)), chance.choice([1, 1, 2, 8, 100])
        way = chance.randrange(6)
        if way == 0:
            bytes_[at] ^= 1 << chance.randrange(8)
        elif way == 1:
            del bytes_[at:at + length]
        elif way == 2:
            bytes_[at:at] = chance.randbytes(length)
        elif way == 3:
            bytes_[at:at] = bytes_[at:at + length] * chance.choice([1, 50])
        elif way == 4:
            bytes_[at:at + 1] = chance.choice([b"\0", b"\r\n", b"\xff", b'"', b"{", b"--b"])
        elif chance.random() < 0.3:
            del bytes_[at:]
    return bytes(bytes_)


class Fuzz:
    def __init__(self, url: str, pid: str, log: str, seconds: float, seed: int):
        parts = urllib.parse.urlsplit(url)
        self.place, self.pid, self.log = (parts.hostname, parts.port), pid, pathlib.Path(log)
        self.until, self.seed = time.monotonic() + seconds, seed
        self.known: list[str] = []
        self.failures: list[str] = []
        self.statuses: dict[int, int] = {}
        self.peak = 0

    def request(self, chance: random.Random) -> bytes:
        # Where to find something; else what is asked about would hardly ever be there.
        ident = chance.choice(self.known) if self.known and chance.random() < 0.8 else chance.choice(["x", "%00", "0" * 36, chance.choice(ODD)])
        page = chance.choice(["1", "1", "2", chance.choice(ODD)])
        body, kind = b"", ""
        method, path, names = chance.choice([
            ("GET", "/v1/documents", ["state", "tag", "limit", "before"]), ("GET", f"/v1/documents/{ident}", []), ("GET", "/v1/capacity", []),
            ("GET", f"/v1/documents/{ident}/pages", ["from", "limit"]), ("GET", f"/v1/documents/{ident}/pages/{page}", []),
            ("GET", f"/v1/documents/{ident}/pages/{page}/image", ["width"]), ("GET", f"/v1/documents/{ident}/events", ["from"]), ("GET", "/v1/events", ["from"]),
            ("GET", f"/v1/documents/{ident}/result." + chance.choice(["txt", "md", "html", "docx", "epub", "pdf", "json", "tsv", "csv", "hocr", "page.xml", "x"]),
             ["page", "images", "page_marks", "redo_text", "decrypt"]),
            ("POST", "/v1/search", []), ("POST", "/v1/similar", []), ("POST", "/v1/duplicates", []), ("POST", "/v1/documents", ["name", "pages", "ocr", "tags", "bulk"]),
            ("POST", "/v1/documents", ["force"]), ("POST", f"/v1/documents/{ident}/cancel", []), ("DELETE", f"/v1/documents/{ident}", []),
            ("GET", chance.choice(["/", "/app.js", "/openapi.json", "/metrics", "/readyz", "//", "/..", "/v1", chance.choice(ODD)]), []),
        ])
        if path in ("/v1/search", "/v1/similar", "/v1/duplicates"):
            fields = chance.sample(["query", "mode", "limit", "offset", "document", "source", "tags", "origin", "after", "before", "page", "text", "k", "x"], chance.randrange(4))
            asked = {"query": "harvest"} if path == "/v1/search" else {}
            asked |= {name: chance.choice(VALUES + [ident]) for name in fields}
            body, kind = json.dumps(asked).encode(), "application/json"
        elif method == "POST" and path == "/v1/documents":
            document = chance.choice([pdf(f"harvest {chance.random()}"), png(chance.randint(1, 64), chance.randint(1, 64)), b"%PDF-", b"II*\0", b"P5 9 9 255\n", b""])
            document = changed(chance, document) if chance.random() < 0.5 else document
            is_form = chance.random() < 0.5
            body, kind = (form(chance, document), "multipart/form-data; boundary=b") if is_form else (document, "application/octet-stream")
        asked = "&".join(f"{name}={chance.choice(ODD)}" for name in names + ["x"] if chance.random() < 0.3)
        if chance.random() < 0.1:
            method = chance.choice(METHODS)
        lines = [f"{method} {path}{'?' + asked if asked else ''} HTTP/1.1", f"Host: {self.place[0]}:{self.place[1]}", "Connection: close", f"Content-Length: {len(body)}"]
        if kind:
            lines.append(f"Content-Type: {kind}")
        lines += [chance.choice(HEADERS) for _ in range(chance.choice([0, 0, 0, 1, 2]))]
        # Odd characters of an address go out as they are in one byte, or in UTF-8.
        whole = "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body
        return changed(chance, whole) if chance.random() < 0.3 else whole

    def send(self, whole: bytes, patience: float) -> tuple[int | None, bytes]:
        with socket.create_connection(self.place, timeout=5) as connection:
            connection.settimeout(patience)
            try:
                connection.sendall(whole)
                answer = b""
                while piece := connection.recv(1 << 16):
                    answer = (answer + piece)[:1 << 16]
            except (TimeoutError, ConnectionError):
                pass  # a stream that goes on, a body that does not come, a server that had heard enough
        found = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
        return (int(found[1]) if found else None), answer

    def work(self, number: int) -> None:
        chance = random.Random(self.seed * 1000 + number)
        while time.monotonic() < self.until and len(self.failures) < 20:
            whole = self.request(chance)
            try:
                status, answer = self.send(whole, 0.3)
            except OSError as error:
                self.failures.append(f"no connection: {error}; {whole[:2000]!r}")
                return
            self.statuses[status or 0] = self.statuses.get(status or 0, 0) + 1
            if status in (500, 502, 504):
                self.failures.append(f"{status}: {whole[:4000]!r}\n    {answer[-400:]!r}")
            if status == 202 and (found := re.search(rb'"id":"([0-9a-f-]+)"', answer)):
                self.known = (self.known + [found[1].decode()])[-200:]

    def look(self) -> None:
        status, answer = self.send(b"GET /v1/capacity HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 10)
        if status != 200:
            self.failures.append(f"who asks properly gets {status}")
        resident = re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text())
        self.peak = max(self.peak, int(resident[1]) << 10)
        limit = int(re.search(rb'"memory":(\d+)', answer)[1]) if b'"memory":' in answer else 1 << 30
        if self.peak > 2 * limit:
            self.failures.append(f"{self.peak >> 20} MiB in memory")
        if "panicked" in (log := self.log.read_text(errors="replace")):
            self.failures.append("panic: " + log[log.index("panicked") - 200:][:2000])


def main() -> None:
    url, pid, log, seconds = sys.argv[1:5]
    seed = int(sys.argv[5]) if len(sys.argv) > 5 else random.randrange(1 << 30)
    fuzz = Fuzz(url, pid, log, float(seconds), seed)
    print(f"seed {seed}", flush=True)
    threads = [threading.Thread(target=fuzz.work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads) and not fuzz.failures:
            fuzz.look()
            time.sleep(1)
    except OSError as error:
        fuzz.failures.append(f"the server is gone: {error}")
    fuzz.until = min(fuzz.until, time.monotonic()) if fuzz.failures else fuzz.until
    for thread in threads:
        thread.join()
    if not fuzz.failures:
        fuzz.look()
    print(f"{sum(fuzz.statuses.values())} requests; answers by status (0: none): {dict(sorted(fuzz.statuses.items()))}; {fuzz.peak >> 20} MiB at most")
    for failure in fuzz.failures:
        print(failure)
    sys.exit(bool(fuzz.failures))


if __name__ == "__main__":
    main()
