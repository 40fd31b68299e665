"""A function by hand: speaks the Runtime API, and does what the path of the request, or the event's `do`, tells it.

It is there to test the double of Lambda, so it can also do what no runtime should.
"""

import json
import os
import socket
import sys
import time

HOST, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
BASE = "/2018-06-01/runtime/"
STREAM = {
    "Lambda-Runtime-Function-Response-Mode": "streaming",
    "Content-Type": "application/vnd.awslambda.http-integration-response",
    "Transfer-Encoding": "chunked",
}
PRELUDE = json.dumps({"statusCode": 201, "headers": {"x-made-by": "hand"}, "cookies": ["a=1", "b=2"]}).encode()


def connect():
    connection = socket.create_connection((HOST, int(PORT)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def head(method, path, headers):
    lines = [f"{method} {BASE}{path} HTTP/1.1", f"Host: {HOST}:{PORT}"]
    return "\r\n".join(lines + [f"{name}: {value}" for name, value in headers.items()] + ["", ""]).encode()


def read(connection):
    reader = connection.makefile("rb")
    status = int(reader.readline().split()[1])
    headers = {}
    while line := reader.readline().strip():
        name, value = line.decode().split(": ", 1)
        headers[name.lower()] = value
    return status, headers, reader.read(int(headers["content-length"]))


def ask(method, path, body=b"", **headers):
    with connect() as connection:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.sendall(head(method, path, {"Content-Length": len(body), **headers}) + body)
        return read(connection)


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def stream(request, pieces, prelude=PRELUDE + bytes(8), trailers=b"", **headers):
    """Sends a streamed response; a piece that is a number is a pause in seconds, and `None` breaks off."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    with connect() as connection:
        connection.sendall(head("POST", f"invocation/{request}/response", {**STREAM, **headers}) + chunk(prelude))
        for piece in pieces:
            if piece is None:
                return
            if isinstance(piece, bytes):
                connection.sendall(chunk(piece))
            else:
                time.sleep(piece)
        connection.sendall(b"0\r\n" + trailers + b"\r\n")
        read(connection)


def answer(request, headers, event):
    body = json.dumps({"event": event, "headers": headers}).encode()
    match event.get("do") or event["rawPath"].strip("/"):
        case "echo":
            stream(request, [body])
        case "slowly":
            stream(request, [b"one ", 0.3, b"two"])
        case "forever":
            stream(request, [b"one ", 60])
        case "whole":
            ask("POST", f"invocation/{request}/response", body)
        case "fail":
            failure = json.dumps({"errorType": "Own", "errorMessage": "by wish"}).encode()
            ask("POST", f"invocation/{request}/error", failure)
        case "exit":
            sys.exit(3)
        case "break_off":
            stream(request, [b"one ", 0.05, None])
        case "trailer":
            told = b"Lambda-Runtime-Function-Error-Type: Late\r\n"
            stream(request, [b"one "], trailers=told, Trailer="Lambda-Runtime-Function-Error-Type")
        case "undeclared":
            stream(request, [b"one "], trailers=b"Lambda-Runtime-Function-Error-Type: Late\r\n")
        case "nothing":
            stream(request, [])
        case "no_nulls":
            stream(request, [b"x"], prelude=PRELUDE)
        case "wrong_prelude":
            stream(request, [b"x"], prelude=b'{"status": 200}' + bytes(8))
        case "wrong_type":
            stream(request, [b"x"], Content_Type="application/json")
        case "wrong_id":
            ask("POST", "invocation/none/response", b"{}")
            stream(request, [b"x"])
        case "twice":
            stream(request, [b"x"])
            ask("POST", f"invocation/{request}/response", b"{}")
        case "early":
            ask("GET", "invocation/next")
            stream(request, [b"x"])
        case "elsewhere":
            ask("GET", "elsewhere")
            stream(request, [b"x"])


print("started", flush=True)
if os.environ.get("FAILS_TO_START"):
    ask("POST", "init/error", json.dumps({"errorType": "Start", "errorMessage": "by wish"}).encode())
    sys.exit(1)
while True:
    _, told, payload = ask("GET", "invocation/next")
    answer(told["lambda-runtime-aws-request-id"], told, json.loads(payload))
