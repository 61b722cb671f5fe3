"""Memory in huge pages for the server that the proxies stand before."""

import contextlib
import pathlib

RESERVED = pathlib.Path("/proc/sys/vm/nr_hugepages")


@contextlib.contextmanager
def huge_pages(count):
    """Reserves `count` more of them as long as it lasts; whether there are so many. PostgreSQL takes them by itself.
    Without, a new server process faults in each page of the shared buffers that it touches, for seconds. Who is not root
    does without."""
    before = RESERVED.read_text(encoding="ascii")
    wanted = int(before) + count
    try:
        RESERVED.write_text(f"{wanted}\n", encoding="ascii")
    except OSError:
        yield False
        return
    try:
        yield int(RESERVED.read_text(encoding="ascii")) >= wanted
    finally:
        RESERVED.write_text(before, encoding="ascii")
