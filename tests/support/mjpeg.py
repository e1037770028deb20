"""A camera that streams MJPEG over HTTP; each picture shows its number in bars, black or white."""

from __future__ import annotations

import socket
import threading
import time

import numpy as np

from rtgraph.nodes.camera.source import opencv

BITS, WIDTH, HEIGHT = 10, 240, 64
HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"


def numbered(number: int) -> np.ndarray:
    """Return a grey picture with a bar for each bit of a number."""
    bits = np.array([number >> bit & 1 for bit in range(BITS)], np.uint8)
    return np.repeat(np.repeat(bits * 255, WIDTH // BITS)[None, :], HEIGHT, axis=0)


def number_of(image: np.ndarray) -> int:
    """Read the number of a picture."""
    bar = WIDTH // BITS
    return sum(1 << bit for bit in range(BITS) if image[HEIGHT // 2, bit * bar + bar // 2].mean() > 127)


class MjpegPeer:
    """Serves any number of viewers, one after the other, at ``rate_hz``. ``sent_ns`` holds when a number was sent."""

    def __init__(self, rate_hz: float = 100.0) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/camera.mjpg"
        self.sent_ns: dict[int, int] = {}
        self.viewers = 0
        self._period_s = 1 / rate_hz
        self._hang_up, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def hang_up(self) -> None:
        """Close the present viewer's connection."""
        self._hang_up.set()

    def _serve(self) -> None:
        number = 0
        while True:
            try:
                viewer, _ = self._server.accept()
            except OSError:
                return
            self.viewers += 1
            self._hang_up.clear()
            with viewer:
                viewer.recv(4096)
                try:
                    viewer.sendall(HEAD)
                    while not self._hang_up.wait(self._period_s) and not self._closed.is_set():
                        number = (number + 1) % (1 << BITS)
                        self._send(viewer, number)
                except OSError:
                    continue

    def _send(self, viewer: socket.socket, number: int) -> None:
        data = opencv().imencode(".jpg", numbered(number))[1].tobytes()
        self.sent_ns[number] = time.monotonic_ns()
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        viewer.sendall(head.encode() + data + b"\r\n")

    def __enter__(self) -> MjpegPeer:
        return self

    def __exit__(self, *_) -> None:
        self._closed.set()
        self._hang_up.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)
