"""What a process uses over time."""

import os
import threading
import time


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def slope(points):
    """Of the line through `points` of (x, y), by least squares."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


class Sampler(threading.Thread):
    """Reads the resident memory and the number of open files of a process every second, until `stop`."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.stopping = threading.Event()
        self.began = time.monotonic()
        self.memory_kib = []  # (seconds, KiB)
        self.files_max = 0

    def run(self):
        while not self.stopping.wait(1):
            self.memory_kib.append((time.monotonic() - self.began, resident_kib(self.pid)))
            self.files_max = max(self.files_max, open_files(self.pid))

    def stop(self):
        self.stopping.set()
        self.join()

    def warm(self):
        """The samples of memory without those of the first fifth of the time."""
        return self.memory_kib[len(self.memory_kib) // 5 :]
