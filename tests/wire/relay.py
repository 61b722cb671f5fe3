"""Stands between pgwarden and a server, and gives it the server's bytes in pieces."""

import selectors
import socket
import threading

from wire import player

# Of one session so many bytes are cut: its login and its first answers. What follows passes as it comes.
_CUT_BYTES = 4096


class Relay:
    """A server's address whose sessions are cut, for the time of a `with`; stands in for a ScratchPostgres. `piece`: as
    player.Cuts has it."""

    def __init__(self, postgres, piece=1):
        self.piece = piece
        self.target = postgres.address
        self.socket_directory = postgres.socket_directory
        self.pieces = 0

    def __enter__(self):
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listening.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        with client, socket.create_connection(self.target) as server, selectors.DefaultSelector() as selector:
            for source, target in ((client, server), (server, client)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(source, selectors.EVENT_READ, target)
            cut_bytes = _CUT_BYTES
            cuts = player.Cuts(self.piece)
            while selector.get_map():
                for key, _ in selector.select():
                    cut = cut_bytes if key.fileobj is server else 0
                    try:
                        data = key.fileobj.recv(65536)
                    except OSError:  # reset
                        return
                    try:
                        at = 0
                        while at < min(cut, len(data)):
                            size = min(cuts.size(), cut - at)
                            key.data.sendall(data[at : at + size])
                            cuts.pause()
                            at += size
                            self.pieces += 1
                        key.data.sendall(data[at:])
                        if not data:
                            key.data.shutdown(socket.SHUT_WR)
                    except OSError:
                        if key.data is client:
                            return
                        data = b""  # the server has ended; its last words are still to come
                    if not data:
                        selector.unregister(key.fileobj)
                    elif cut:
                        cut_bytes -= min(cut, len(data))
