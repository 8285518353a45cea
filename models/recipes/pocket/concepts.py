"""The things that the model can draw: which emoji become concepts, and by what words they are called."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORDS = Path(__file__).parent / "words"
POPULAR = WORDS / "popular.txt"
EXTRA = WORDS / "extra.txt"
"""Slugs from other groups: people, parts of the body, signs."""

GROUPS = ("Smileys & Emotion", "Objects", "Travel & Places", "Animals & Nature", "Food & Drink", "Activities")
SKIPPED = re.compile(r"oclock|thirty|button|mahjong|japanese-.*(?:secret|here)|keycap|input-|curly-loop")
KEYWORD = re.compile(r"[a-z ]{3,18}")
MOST_KEYWORDS = 8
EVERYDAY = {
    "airplane": "plane",
    "automobile": "car",
    "beer-mug": "mug of beer",
    "bread": "loaf of bread",
    "cat-face": "cat",
    "closed-book": "book",
    "couch-and-lamp": "sofa with a lamp",
    "deciduous-tree": "tree",
    "dog-face": "dog",
    "ear-of-corn": "corn",
    "evergreen-tree": "pine tree",
    "french-fries": "fries",
    "full-moon": "moon",
    "hamburger": "burger",
    "hot-beverage": "cup of coffee",
    "jack-o-lantern": "halloween pumpkin",
    "laptop": "computer",
    "light-bulb": "lamp bulb",
    "mantelpiece-clock": "clock",
    "mobile-phone": "phone",
    "running-shoe": "sneaker",
    "sailboat": "boat",
    "shortcake": "slice of cake",
    "snowman-without-snow": "snowman",
    "soccer-ball": "football",
    "sport-utility-vehicle": "suv",
    "t-shirt": "shirt",
    "teacup-without-handle": "cup of tea",
    "top-hat": "hat",
    "wine-glass": "glass of wine",
    "wrapped-gift": "gift box",
}
"""What people say, where the standard's name is another."""


@dataclass(frozen=True)
class Concept:
    """One thing and its words."""

    names: tuple[str, ...]
    """The standard's name first, the everyday one last; at least one."""
    keywords: tuple[str, ...]

    @property
    def noun(self) -> str:
        """What a user would type."""
        return self.names[-1]


def concepts_of(groups: Iterable[Mapping[str, Any]], keywords: Mapping[str, list[str]]) -> dict[str, Concept]:
    """Choose concepts by slug from `data-by-group.json` of unicode-emoji-json and the keywords of emojilib."""
    found, extra = {}, set(EXTRA.read_text(encoding="utf-8").split())
    for group in groups:
        for emoji in group["emojis"]:
            slug = emoji["slug"].replace("_", "-")
            wanted = group["name"] in GROUPS or slug in extra
            if wanted and not SKIPPED.search(slug):
                found[slug] = _concept(slug, group["name"], keywords.get(emoji["emoji"], [])[1:])
    return found


def popular() -> tuple[str, ...]:
    """Slugs of the everyday things, which are drawn more often."""
    return tuple(dict.fromkeys(POPULAR.read_text(encoding="utf-8").split()))


def nouns(concepts: Mapping[str, Concept]) -> dict[str, tuple[str, ...]]:
    """The popular nouns, each with the slugs that it may mean: `dog` is the whole animal or its face."""
    found: dict[str, tuple[str, ...]] = {}
    for slug in popular():
        noun = concepts[slug].noun
        found[noun] = (*found.get(noun, ()), slug)
    return found


def with_article(noun: str) -> str:
    """`owl` -> `an owl`."""
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def _concept(slug: str, group: str, raw_keywords: list[str]) -> Concept:
    name = slug.replace("-", " ")
    names = [name]
    if name.endswith(" face") and group == "Animals & Nature":
        names.append(name.removesuffix(" face"))
    if slug in EVERYDAY:
        names.append(EVERYDAY[slug])
    words = [keyword.replace("_", " ").lower() for keyword in raw_keywords]
    kept = [word for word in words if KEYWORD.fullmatch(word) and word not in names]
    return Concept(tuple(dict.fromkeys(names)), tuple(kept[:MOST_KEYWORDS]))
