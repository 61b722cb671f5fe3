"""Memory in huge pages for the server that the proxies stand before."""

import contextlib
import pathlib

RESERVED = pathlib.Path("/proc/sys/vm/nr_hugepages")


@contextlib.contextmanager
def huge_pages(count):
    """Reserves `count` more of them as long as it lasts, and gives how many the machine then has: PostgreSQL takes
    them by itself. Without, a new server process faults in each page of the shared buffers that it touches, for seconds.
    Who is not root does without."""
    before = RESERVED.read_text(encoding="ascii")
    try:
        RESERVED.write_text(f"{int(before) + count}\n", encoding="ascii")
    except PermissionError:
        yield int(before)
        return
    try:
        yield int(RESERVED.read_text(encoding="ascii"))
    finally:
        RESERVED.write_text(before, encoding="ascii")
