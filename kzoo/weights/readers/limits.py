"""A file may claim to be larger inside than any memory."""

import os

# Weights hardly compress: only a file of zeros comes near, and a small one may.
_FACTOR = 100
_SMALL = 2**26


def check_size(path, inside):
    """Refuses a file that says to hold `inside` bytes and cannot in earnest."""
    size = os.path.getsize(path)
    if inside > _FACTOR * size + _SMALL:
        raise ValueError(f"{size:,} bytes that say to hold {inside:,}")


def check_archive(path, archive):
    """As `check_size`, of a zip archive."""
    check_size(path, sum(entry.file_size for entry in archive.infolist()))
