"""Our own recipes: the JSON text of a PNG, or the same text inside the settings line of JPEG, WebP and TIFF."""

from retouch.a1111_text import split_fields
from retouch.picture import Picture
from retouch.recipe import Recipe, recipe_from_json
from retouch.recipe_text import A1111_TEXT, OWN_TEXT
from retouch.recipes import READERS


@READERS.register
def read(picture: Picture) -> Recipe | None:
    """Read our JSON."""
    text = picture.text.get(OWN_TEXT)
    if text is None:
        text = split_fields(picture.text.get(A1111_TEXT, "").rpartition("\n")[2]).get(OWN_TEXT)
    return None if text is None else recipe_from_json(text)
