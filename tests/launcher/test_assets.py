"""The front-end files that pages use, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.assets import FILES, copy_front_end, icon_sprite

OUTLINE = '<svg viewBox="0 0 24 24">\n  <path stroke="none" d="M0 0h24v24H0z" fill="none" />\n  <path d="M3 13h2" />\n</svg>'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for source in FILES:
        path = tmp_path / "node_modules" / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("content{}\n/*# sourceMappingURL=content.css.map */\n")
    icon = tmp_path / "node_modules/@tabler/icons/icons/outline/heartbeat.svg"
    icon.parent.mkdir(parents=True)
    icon.write_text(OUTLINE)
    (tmp_path / "static").mkdir()
    (tmp_path / "static/icons.txt").write_text("# what pages use\n\nheartbeat  # readings\n")
    return tmp_path


def test_a_source_map_is_not_promised_where_none_is_served(checkout: Path) -> None:
    copy_front_end(checkout)
    copied = [path for path in (checkout / "static-packages").rglob("*") if path.suffix in (".css", ".js")]
    assert len(copied) == len(FILES)
    assert all(path.read_text() == "content{}\n" for path in copied)


def test_the_sprite_holds_the_icons_that_are_listed(checkout: Path) -> None:
    copy_front_end(checkout)
    sprite = (checkout / "static-packages/vendor/icons.svg").read_text()
    assert sprite.count("<symbol") == 1
    assert '<symbol id="heartbeat" viewBox="0 0 24 24" fill="none" stroke="currentColor"' in sprite
    assert '<path d="M3 13h2" /></symbol>' in sprite
    assert "M0 0h24v24H0z" not in sprite


def test_what_is_no_longer_used_is_no_longer_served(checkout: Path) -> None:
    old = checkout / "static-packages/vendor/old.js"
    old.parent.mkdir(parents=True)
    old.touch()
    copy_front_end(checkout)
    assert not old.exists()


def test_a_misspelt_icon_stops_the_installation(checkout: Path) -> None:
    with pytest.raises(FileNotFoundError, match="hartbeat"):
        icon_sprite(["hartbeat"], checkout / "node_modules/@tabler/icons/icons")
