"""Text for published tables and pages: names instead of local paths."""

from __future__ import annotations

import hashlib
import re

# Folders that say nothing without the folder around them
GENERIC = {"hr", "lr", "gt", "valid", "test", "images", "data"}
_PATH = re.compile(r"(?<![\w/.:])(?:~|\.{1,2})?/(?:[^\s/:;,'\"()]+/)*[^\s/:;,'\"()]+/?")


def without_paths(text: str) -> str:
    """`text` with the last component of every local path in place of the path.

    >>> without_paths("checkpoint /srv/me/models/team25.pth: holds no tensors")
    'checkpoint team25.pth: holds no tensors'
    >>> without_paths("12 MB/s at 3/4 of https://example.org/a")
    '12 MB/s at 3/4 of https://example.org/a'
    """
    return _PATH.sub(lambda found: _name(found.group()), text)


def public_label(text: str) -> str:
    """As `without_paths`, with a mark that keeps apart what had different paths.

    >>> public_label("pairs /srv/me/Set5/HR /srv/me/Set5/LR")
    'pairs Set5/HR Set5/LR (6ad4)'
    >>> public_label("DIV2K_LSDIR")
    'DIV2K_LSDIR'
    """
    shown = without_paths(text)
    return shown if shown == text else f"{shown} ({hashlib.sha256(text.encode()).hexdigest()[:4]})"


def _name(path: str) -> str:
    parts = [part for part in path.split("/") if part not in ("", "~", ".", "..")]
    if not parts:
        return path
    return "/".join(parts[-2:]) if parts[-1].lower() in GENERIC else parts[-1]
