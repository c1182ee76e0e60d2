"""A server on the loopback that speaks OpenAI's protocol, and misbehaves as a list of scripts says."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-never-to-be-seen"


class Endpoint:
    """A local server that speaks the protocol, and answers with what a list of scripts says."""

    def __init__(self):
        self.scripts, self.asked, self.headers = [], [], []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                # Pictures come as forms, everything else as JSON.
                body = json.loads(raw) if "json" in self.headers["Content-Type"] else raw
                endpoint.asked.append(body)
                endpoint.headers.append({name.lower(): value for name, value in self.headers.items()})
                script = endpoint.scripts.pop(0) if len(endpoint.scripts) > 1 else endpoint.scripts[0]
                script(self)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


def reply(handler, status, content, **headers):
    data = json.dumps(content).encode()
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(data)


def says(text, before=0.0):
    def script(handler):
        time.sleep(before)
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        reply(handler, 200, {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "usage": usage,
                             "choices": [{"index": 0, "finish_reason": "stop", "message": message}]})  # fmt: skip

    return script


def fails(status, **headers):
    return lambda handler: reply(handler, status, {"error": {"message": "no"}}, **headers)


def cut_off(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"id": "x", "choi')
    handler.close_connection = True
