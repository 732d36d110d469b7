#!/usr/bin/env python3
"""Hands a document to `pagestream serve`, follows its pages as they are read, and fetches it as Markdown.

    pip install -r examples/client.txt
    pagestream serve --data-dir work &
    python3 examples/client.py examples/data/sample.pdf --out sample.md

A connection that breaks costs nothing: `Last-Event-ID` says where it broke, and the stream goes on behind that page, also when the
server was started anew meanwhile. The idempotency key does the same for the upload: sent twice, it is one document.
"""

import argparse
import os
import pathlib
import sys
import time
import uuid
from collections.abc import Iterator

import httpx
import httpx_sse

# What a server that is being started anew, or that is full, is given before somebody takes it for gone.
PATIENCE = 60.0


def refused(answer: httpx.Response) -> SystemExit:
    """What is amiss comes as problem details (RFC 9457): a sentence for people, a code for programs."""
    answer.read()
    try:
        problem = answer.json()
        return SystemExit(f"{problem['code']}: {problem['detail']}")
    except (ValueError, KeyError):
        return SystemExit(f"HTTP {answer.status_code}")


def submit(client: httpx.Client, path: pathlib.Path) -> dict:
    """Hands a file over; waits while the system is full."""
    once = {"Idempotency-Key": str(uuid.uuid4())}
    until = time.monotonic() + PATIENCE
    while True:
        pause = 1.0
        try:
            with path.open("rb") as file:
                answer = client.post("/v1/documents", params={"name": path.name}, content=file, headers=once)
            if answer.status_code == 202:
                return answer.json()
            if answer.status_code not in (429, 503):
                raise refused(answer)
            pause = float(answer.headers.get("Retry-After", pause))
        except httpx.TransportError as error:
            print(f"{error}; trying again", file=sys.stderr)
        if time.monotonic() + pause > until:
            raise SystemExit("the server did not take the document")
        time.sleep(pause)


def follow(client: httpx.Client, document: str, last: str = "") -> Iterator[tuple[str, dict]]:
    """The pages of a document in their order, then its end: each once, however often the connection breaks."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            headers = {"Last-Event-ID": last} if last else {}
            with httpx_sse.connect_sse(client, "GET", f"/v1/documents/{document}/events", headers=headers) as source:
                if source.response.status_code == 204:
                    return
                if source.response.status_code != 200:
                    raise refused(source.response)
                for event in source.iter_sse():
                    # An event without data is a heartbeat; `document` says how it stands and has no id of its own.
                    last, until = event.id or last, time.monotonic() + PATIENCE
                    if event.event in ("page", "end"):
                        yield event.event, event.json()
                    if event.event == "end":
                        return
        except (httpx.TransportError, httpx_sse.SSEError) as error:
            print(f"the stream broke behind {last or 'its beginning'}: {error}", file=sys.stderr)
        if time.monotonic() > until:
            raise SystemExit("the server is gone")
        time.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--server", default="http://127.0.0.1:8420")
    parser.add_argument("--out", type=pathlib.Path, help="where the Markdown goes; standard output where nothing is said")
    arguments = parser.parse_args()
    key = os.environ.get("PAGESTREAM_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    # A stream shows every 15 seconds that it is still there (`server.heartbeat`): whoever hears nothing for longer connects anew.
    timeout = httpx.Timeout(10.0, read=40.0)
    # Nothing stands between: proxies of the environment are for other hosts.
    with httpx.Client(base_url=arguments.server, headers=headers, timeout=timeout, trust_env=False) as client:
        document = submit(client, arguments.file)
        print(f"{document['source']} is {document['id']}", file=sys.stderr)
        for kind, data in follow(client, document["id"]):
            if kind == "page":
                print(f"page {data['page']}: {data['status']}, {len(data['text'])} characters", file=sys.stderr)
            elif data is None or data["state"] != "done":
                raise SystemExit(f"it ended as {'removed' if data is None else data['state']}: {data and data.get('reason')}")
        answer = client.get(f"/v1/documents/{document['id']}/result.md")
        if answer.status_code != 200:
            raise refused(answer)
        if arguments.out:
            arguments.out.write_text(answer.text, encoding="utf-8")
        else:
            sys.stdout.write(answer.text)


if __name__ == "__main__":
    main()
