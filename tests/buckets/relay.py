"""A wire between a client and a server on loopback: it counts what goes each way, and can be slow or be cut."""

import socket
import threading
import time
from contextlib import contextmanager, suppress

STEP = 1 << 16


class Relay:
    """Listens on `port`, and hands everything on."""

    def __init__(self, to):
        self._to, self._open, self._lock = to, [], threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.taken = self.sent = 0
        """Bytes from the clients, and to them."""

        self.fuse = None
        """Bytes from the clients after which the wire is cut for good."""

        self.pause = 0.0
        """Seconds for each 64 KiB from the clients."""

        self.dropped = 0
        """So many more clients are turned away as soon as they come."""

        self.is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self):
        self.taken = self.sent = 0

    def cut(self):
        """Nobody gets through any more."""
        self.is_cut = True
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                if self.dropped:
                    self.dropped -= 1
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._to))
                with self._lock:
                    self._open += [client, server]
                threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source, target, up):
        with suppress(OSError):
            while data := source.recv(STEP):
                with self._lock:
                    self.taken += len(data) if up else 0
                    self.sent += 0 if up else len(data)
                if up and self.fuse is not None and self.taken > self.fuse and not self.is_cut:
                    self.cut()
                    break
                if up and self.pause:
                    time.sleep(self.pause)
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        source.close()


@contextmanager
def relayed(port):
    """A relay to a port."""
    relay = Relay(port)
    try:
        yield relay
    finally:
        relay.cut()
