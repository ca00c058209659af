"""Writes are complete or invisible; hashes are those of sha256sum; a full disk is a clear error."""

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest

from autogpt import files
from autogpt.errors import ConfigError, ResourceError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_write_replaces_the_whole_file_and_leaves_no_other(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "a.txt"
    files.write_text(target, "一\r\n")
    files.write_text(target, "二")
    assert target.read_bytes() == "二".encode()
    assert names(target.parent) == ["a.txt"]


def test_the_order_is_write_fsync_rename_fsync_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append("fsync"), fsync(fd))[1])
    monkeypatch.setattr(Path, "replace", lambda self, to: (calls.append("rename"), replace(self, to))[1])
    files.write_bytes(tmp_path / "a", b"x")
    assert calls == ["fsync", "rename", "fsync"]


def test_an_error_before_the_rename_keeps_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_text(tmp_path / "a", "old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        files.write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_a_full_disk_says_what_is_needed_and_keeps_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_text(tmp_path / "a", "old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
    with pytest.raises(ResourceError, match=r"3 bytes needed, .* bytes free.*then resume"):
        files.write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_json_keeps_chinese_readable_and_refuses_nan(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"标签": [1, None]})
    assert "标签" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"标签": [1, None]}
    with pytest.raises(ValueError, match="JSON compliant"):
        files.write_json(tmp_path / "b.json", float("nan"))
    assert not (tmp_path / "b.json").exists()


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with files.atomic_folder(tmp_path / "m") as staged:
        (staged / "sub").mkdir()
        (staged / "sub" / "x").write_text("1")
        assert not (tmp_path / "m").exists()
    assert (tmp_path / "m" / "sub" / "x").read_text() == "1"
    with pytest.raises(FileNotFoundError), files.atomic_folder(tmp_path / "m") as staged:
        (staged / "absent" / "x").write_text("2")
    assert names(tmp_path) == ["m"]
    assert names(tmp_path / "m") == ["sub"]


def test_a_folder_is_replaced_not_merged(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with files.atomic_folder(tmp_path / "m") as staged:
            (staged / name).write_text(name)
    assert names(tmp_path / "m") == ["two"]
    assert names(tmp_path) == ["m"]


def test_a_kill_between_the_two_moves_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / ".m.aside").mkdir()
    (tmp_path / ".m.aside" / "old").write_text("old")
    files.settle(tmp_path / "m")
    assert (tmp_path / "m" / "old").read_text() == "old"
    assert names(tmp_path) == ["m"]


def test_orphans_of_killed_writers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".a.1f.staged").write_text("half")
    (tmp_path / ".m.2f.staged").mkdir()
    (tmp_path / "kept").write_text("")
    assert files.remove_staged(tmp_path) == 2
    assert names(tmp_path) == ["kept"]


def test_hashes_are_sha256_of_every_file(tmp_path: Path) -> None:
    files.write_bytes(tmp_path / "b" / "x", b"abc")
    files.write_bytes(tmp_path / "a", b"")
    assert files.hashes(tmp_path) == {
        "a": hashlib.sha256(b"").hexdigest(),
        "b/x": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    place = tmp_path / "file" / "out"
    told = rf"{place} cannot be written \(.+\); give a place"
    with pytest.raises(ConfigError, match=told):
        files.write_text(place, "text")
    with pytest.raises(ConfigError, match=told):
        files.append_line(place, "text")
    with pytest.raises(ConfigError, match=told), files.atomic_file(place):
        pass
    with pytest.raises(ConfigError, match=told), files.atomic_folder(place):
        pass
