"""What a test looks at: every file of a session, and a tree that must not change."""

from __future__ import annotations

import hashlib
import os
import stat

from lib import sessions


def files_of(store, session_id):
    """Return every file of the session, live first, then archived."""
    live = [store / f"{session_id}.jsonl"]
    archived = sorted(store.glob(f"archive/*/{session_id}.*jsonl"))
    return [path for path in live if path.exists()] + archived


def only_file_of(store, session_id):
    """Return the one file of the session, which begins with its metadata."""
    files = files_of(store, session_id)
    assert len(files) == 1, files
    first = sessions.load_session_jsonl(files[0])[0]
    assert (first["type"], first["session_id"]) == ("session_metadata", session_id)
    return files[0]


def listing(folder, besides=None):
    """Return each path below *folder* with its inode, mode and content.

    What is in *besides* is left out.
    """
    seen = {}
    for here, folders, names in os.walk(folder):
        folders[:] = [n for n in folders if os.path.join(here, n) != str(besides)]
        for path in (os.path.join(here, name) for name in (*folders, *names)):
            if path != str(besides):
                seen[path] = _look(path)
    return seen


def _look(path):
    status = os.lstat(path)
    content = None
    if stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    elif stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            content = hashlib.sha256(file.read()).hexdigest()
    return status.st_ino, status.st_mode, status.st_uid, content


def copies(text, session_id, names, folder):
    """Write a session like *text*, that of *session_id*, for each of *names*."""
    for name in names:
        path = folder / f"{name}.jsonl"
        path.write_text(text.replace(f'"{session_id}"', f'"{name}"'))
        path.chmod(0o600)
