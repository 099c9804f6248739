"""An HTTP server with OpenVLA's contract, as a program: ``serve_openvla.py PORT KIND``.

As their deploy scripts: POST /act, json_numpy, one action (OpenVLA) or a list of actions (OFT), the string "error".
"""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import json_numpy
import numpy as np

KIND = sys.argv[2] if len(sys.argv) > 2 else ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = 0

    def do_POST(self) -> None:
        request = json_numpy.loads(self.rfile.read(int(self.headers["Content-Length"])).decode())
        Handler.asked += 1
        if self.path != "/act":
            self.reply(404, "not found")
        elif KIND == "slow" and Handler.asked > 1:
            threading.Event().wait(30)
        elif KIND == "crash" and Handler.asked > 1:
            self.reply(500, "Internal Server Error")
        elif KIND == "drip" and Handler.asked > 1:
            self.drip(json_numpy.dumps(self.answer(request)))
        elif KIND == "damaged" and Handler.asked > 1:
            self.reply(200, '{"__numpy__": "AAAA"}')
        elif KIND == "text":
            self.reply(200, "<html>")
        else:
            self.reply(200, json_numpy.dumps(self.answer(request)))

    def answer(self, request: dict[str, Any]) -> Any:
        if KIND == "error" and Handler.asked > 1:
            return "error"
        image = {"openvla": "image", "double": "image"}.get(KIND, "full_image")
        if request[image].shape != (256, 256, 3) or request[image].dtype != np.uint8 or not request["instruction"]:
            return "error"
        if KIND in ("openvla", "double"):
            action = np.array([0.01, 0, 0, 0, 0, 0.1, 0.0])
            if request.get("unnorm_key") not in (None, "bridge_orig"):
                return "error"
            return json_numpy.dumps(action) if KIND == "double" else action
        if request["wrist_image"].shape != (256, 256, 3):
            return "error"
        state = request["state"]
        if KIND == "joints":
            return [state] * 8
        if KIND == "fingers":  # turns, and closes the hand as far as the two fingers that it is told are apart
            left, right = state[6:]
            return [np.array([0, 0, 0, 0, 0.1, 0.1, 5 * (left - right)])]
        return [np.array([0, 0, 0.01, 0, 0, 0, 1.0])] * 8 if state.shape == (8,) else "error"

    def reply(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drip(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        for byte in text.encode():
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            threading.Event().wait(0.2)

    def log_message(self, *arguments: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
