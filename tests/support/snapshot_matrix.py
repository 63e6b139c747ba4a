"""Every look of a screen: the lab's four themes, on a small and on a large terminal."""

import pytest

SIZES = ((80, 24), (160, 48))
THEMES = ("dark", "light", "contrast", "plain")

LOOKS = pytest.mark.parametrize(
    ("size", "theme"),
    [
        pytest.param(size, f"labgrader-{theme}", id=f"{size[0]}x{size[1]}-{theme}")
        for size in SIZES
        for theme in THEMES
    ],
)
