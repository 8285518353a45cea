"""Prompts: their grammar, prompts of other tools, styles."""

from retouch.prompt.error import PromptError
from retouch.prompt.grammar import Syntax, parse
from retouch.prompt.importers import from_a1111, from_novelai
from retouch.prompt.pieces import Piece, Prompt, escape

__all__ = ["Piece", "Prompt", "PromptError", "Syntax", "escape", "from_a1111", "from_novelai", "parse"]
