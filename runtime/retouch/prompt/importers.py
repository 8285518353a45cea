"""Prompts of other tools, rewritten in this product's grammar.

Both tools forgive brackets without a partner; what they mean there is kept. Weights are rounded to four decimals.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from retouch.prompt.error import PromptError
from retouch.prompt.grammar import DEEPEST, LARGEST_WEIGHT, parse
from retouch.prompt.pieces import Piece, Prompt

_DECIMALS = 4

_NOVELAI_MARK = re.compile(r"(?P<number>(?<![0-9])-?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++))?::|[{}\[\]]")
_NOVELAI_PLAIN = re.compile(r"[()\\]|\bBREAK\b")
_NOVELAI_LEVELS = {"{": 1, "}": -1, "[": -1, "]": 1}

_A1111_NUMBER = r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)"
_A1111_MARK = re.compile(
    rf"""
      (?P<escape>   \\[()\[\]\\]? )
    | (?P<weight>   :\s*+(?P<number>{_A1111_NUMBER})\s*+\) )
    | (?P<schedule> :\s*+{_A1111_NUMBER}\s*+\] )
    | (?P<bracket>  [()\[\]] )
    | (?P<choice>   \| )
    | (?P<network>  <\w++:[^<>]*+> )
    | (?P<chunk>    \bBREAK\b )
    | (?P<and>      \bAND\b )
    """,
    re.VERBOSE,
)
_A1111_FACTORS = {"(": 1.1, "[": 1 / 1.1}


def from_novelai(text: str) -> str:
    """Rewrite a NovelAI prompt: round brackets, backslashes and BREAK are plain there, `{}`, `[]` and `1.2::` are not.

    There `::` sets the weight and forgets every open bracket. The text is kept where both grammars agree on it, and
    flattened to `(text:1.2)` where they do not. PromptError for weights beyond what a prompt may have.
    """
    meant = Prompt.of([_novelai_pieces(text)])
    kept = _NOVELAI_PLAIN.sub(r"\\\g<0>", text)
    try:
        read = parse(kept)
    except PromptError:
        return str(_rounded(meant))
    return kept if _alike(read, meant) else str(_rounded(meant))


def from_a1111(text: str) -> str:
    """Rewrite an AUTOMATIC1111 prompt: `[text]` is 1/1.1 there, and `{`, `}` and `::` are plain characters.

    PromptError for what has no counterpart: `[from:to:0.5]`, `[this|that]`, AND, `<lora:name:1>`.
    """
    reader = _A1111Reader(text)
    position = 0
    for match in _A1111_MARK.finditer(text):
        reader.write(text[position : match.start()], position)
        reader.mark(match)
        position = match.end()
    reader.write(text[position:], position)
    return str(_rounded(reader.prompt()))


def _novelai_pieces(text: str) -> Iterator[Piece]:
    base, level, position = 1.0, 0, 0
    for match in _NOVELAI_MARK.finditer(text):
        yield Piece(text[position : match.start()], base * 1.05**level)
        position = match.end()
        if match[0] in _NOVELAI_LEVELS:
            level += _NOVELAI_LEVELS[match[0]]
        else:
            base, level = 1.0 if match["number"] is None else float(match["number"]), 0
        if abs(level) > DEEPEST or abs(base * 1.05**level) > LARGEST_WEIGHT:
            raise PromptError(_too_much(base * 1.05**level), text, match.start())
    yield Piece(text[position:], base * 1.05**level)


@dataclass
class _Run:
    """Text with the weight it has gathered so far; `text` None is a BREAK."""

    text: str | None
    at: int
    weight: float = 1.0


class _A1111Reader:
    """Gathers runs of text, and multiplies those between two brackets when the second one comes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.runs: list[_Run] = []
        self.open: dict[str, list[int]] = {"(": [], "[": []}  # indices of the first run inside; they may overlap
        self.order: list[str] = []

    def write(self, text: str, at: int) -> None:
        """Add plain text that starts at an index of the prompt."""
        if text:
            self.runs.append(_Run(text, at))

    def mark(self, match: re.Match[str]) -> None:
        """Act on one piece of syntax, or take it as text where the tool does."""
        kind, found, at = match.lastgroup, match[0], match.start()
        if match["weight"] is not None:
            kind = "weight"
        if kind == "escape":
            self.write(found[1:], at)  # a backslash before anything else vanishes
        elif kind == "chunk":
            self.runs.append(_Run(None, at))
        elif kind == "bracket" and found in "([":
            self._open(found, at)
        elif kind == "bracket":
            self._close("(" if found == ")" else "[", found, at, None)
        elif kind == "weight":
            self._close("(", found, at, float(match["number"]))
        elif kind in ("and", "network") or (self.order and self.order[-1] == "["):
            self._refuse(str(kind), found, at)
        elif kind == "schedule":  # a number before a bracket that closes nothing, or not the innermost one
            self.write(found[:-1], at)
            self._close("[", "]", match.end() - 1, None)
        else:
            self.write(found, at)

    def prompt(self) -> Prompt:
        """Close what is still open, at the end as the tool does, and give the pieces."""
        for bracket, starts in self.open.items():
            for start in starts:
                self._multiply(start, _A1111_FACTORS[bracket])
        sections: list[list[Piece]] = [[]]
        for run in self.runs:
            if run.text is None:
                sections.append([])
                continue
            if not abs(run.weight) <= LARGEST_WEIGHT:
                raise PromptError(_too_much(run.weight), self.text, run.at)
            sections[-1].append(Piece(run.text, run.weight))
        return Prompt.of(sections)

    def _open(self, bracket: str, at: int) -> None:
        self.open[bracket].append(len(self.runs))
        self.order.append(bracket)
        if len(self.order) > DEEPEST:
            raise PromptError(f"more than {DEEPEST} brackets inside each other", self.text, at)

    def _close(self, bracket: str, found: str, at: int, weight: float | None) -> None:
        if not self.open[bracket]:
            self.write(found, at)
            return
        self._multiply(self.open[bracket].pop(), _A1111_FACTORS[bracket] if weight is None else weight)
        self.order.reverse()
        self.order.remove(bracket)
        self.order.reverse()

    def _multiply(self, start: int, factor: float) -> None:
        for run in self.runs[start:]:
            run.weight *= factor

    def _refuse(self, kind: str, found: str, at: int) -> None:
        problem = {
            "and": "AND joins prompts of their own, which is not done here; write a comma, or and",
            "network": f"{found[:40]} loads an extra network, which is not done here; take it out",
            "choice": "[this|that] changes the prompt during the run, which is not done here; keep one of them",
            "schedule": "[from:to:when] changes the prompt during the run, which is not done here; keep one of them",
        }[kind]
        raise PromptError(problem, self.text, at)


def _too_much(weight: float) -> str:
    return f"the weights here multiply to {weight:.4g}; they lie within -{LARGEST_WEIGHT:g}..{LARGEST_WEIGHT:g}"


def _rounded(prompt: Prompt) -> Prompt:
    return Prompt.of([Piece(p.text, round(p.weight, _DECIMALS)) for p in section] for section in prompt.sections)


def _alike(first: Prompt, second: Prompt) -> bool:
    """Whether two prompts differ by no more than rounding."""
    if [len(section) for section in first.sections] != [len(section) for section in second.sections]:
        return False
    pairs = zip(sum(first.sections, ()), sum(second.sections, ()), strict=True)
    return all(a.text == b.text and math.isclose(a.weight, b.weight, rel_tol=1e-9) for a, b in pairs)
