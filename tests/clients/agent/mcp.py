"""An MCP server of npm and its client: JSON-RPC, a message a line, over the server's standard input and output."""

import json
import os
import pathlib
import select
import subprocess
import time

MODULES = pathlib.Path(__file__).resolve().parent / "node_modules"
REFERENCE = MODULES / "@modelcontextprotocol" / "server-postgres" / "dist" / "index.js"
CAPABLE = MODULES / "@henkey" / "postgres-mcp-server" / "build" / "index.js"
ANSWER_TIMEOUT_S = 30


class McpServer:
    """One server for the time of a `with`, initialized as an agent's host does it."""

    def __init__(self, program, *arguments):
        self.command = ["node", str(program), *arguments]
        self.requests = 0
        self.unread = b""

    def __enter__(self):
        # Not "production", it would log to the standard output, too, which is the client's.
        environment = dict(os.environ, NODE_ENV="production")
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env=environment)
        try:
            self.description = self.initialize()
        except (OSError, EOFError):
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def initialize(self):
        client = {"name": "agent", "version": "1"}
        answer = self.request("initialize", protocolVersion="2024-11-05", capabilities={}, clientInfo=client)
        self.send({"method": "notifications/initialized"})
        return answer["result"]

    def request(self, method, **parameters):
        """The whole answer: it has either "result" or "error"."""
        self.requests += 1
        self.send({"id": self.requests, "method": method, "params": parameters})
        while True:
            answer = json.loads(self.read_line())
            if answer.get("id") == self.requests:
                return answer

    def call(self, tool, **arguments):
        """What an agent reads of a tool's answer, be it an error."""
        answer = self.request("tools/call", name=tool, arguments=arguments)
        if "error" in answer:
            return answer["error"]["message"]
        # (Of several statements the reference server's answer has no text.)
        return "\n".join(part.get("text", "") for part in answer["result"]["content"])

    def send(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def read_line(self):
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while b"\n" not in self.unread:
            if not select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"{self.command[1]} does not answer")
            received = os.read(self.process.stdout.fileno(), 65536)
            if not received:
                raise EOFError(f"{self.command[1]} has ended")
            self.unread += received
        line, self.unread = self.unread.split(b"\n", 1)
        return line
