"""What steers the UNet, encoded by a stand-in whose hidden states tell which token stood where."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from retouch.conditioning import (
    Conditioning,
    PromptOptions,
    TextEncoding,
    TextModel,
    add_guidance_embedding,
    add_time_ids,
    encode_prompt,
    guidance_embedding,
    keep_mean,
    scale,
)
from retouch.errors import UnknownName
from retouch.geometry import Size
from retouch.prompt import PromptError, parse
from retouch.prompt.chunks import split
from retouch.tokenizer import Tokenizer
from retouch_models.manifest import TokenizerSpec

FOLDER = Path(__file__).parents[2] / "models/retouch_models/bundled/pocket/tokenizer"
SPEC = TokenizerSpec(folder="tokenizer", tokens=32, bos=3627, eos=3628, pad=3628)
POCKET = Tokenizer.load(FOLDER, SPEC)
LONG = "a red heart, an owl, " * 6
WIDTH = 5


def text_model(seed: int = 0, *, width: int = WIDTH, pooled: int | None = None, pad: int = 3628) -> TextModel:
    """A table of random rows per token plus one per place; pooled is the mean of the hidden states."""
    draw = np.random.default_rng(seed)
    table = draw.normal(0.3, 1, (3629, width)).astype(np.float32)
    places = draw.normal(0, 1, (SPEC.tokens, width)).astype(np.float32)

    def encode(ids: NDArray[np.int64]) -> TextEncoding:
        assert ids.dtype == np.int64
        assert ids.shape[1] == SPEC.tokens
        hidden = table[ids] + places
        hidden.flags.writeable = False
        return TextEncoding(hidden, hidden.mean(axis=1)[:, :pooled] if pooled is not None else None)

    return TextModel(Tokenizer.load(FOLDER, replace(SPEC, pad=pad)), encode)


MODEL = text_model()


def encoded(
    prompt: str, negative: str = "", *, guidance: float = 7.5, options: PromptOptions | None = None
) -> Conditioning:
    return encode_prompt(prompt, negative, guidance=guidance, models=[MODEL], options=options)


def test_the_order_is_negative_then_positive() -> None:
    context = encoded("a red heart", "a dog").context
    assert context.dtype == np.float32
    assert context.shape == (2, 32, WIDTH)
    assert_array_equal(context[0], encoded("a dog", guidance=1).context[0])
    assert_array_equal(context[1], encoded("a red heart", guidance=1).context[0])


def test_guidance_1_encodes_the_prompt_alone_and_says_that_the_rest_has_no_effect() -> None:
    alone = encoded("a red heart", "a dog", guidance=1)
    assert alone.context.shape == (1, 32, WIDTH)
    assert alone.notes == ("undesired content has no effect at guidance 1",)
    assert encoded("a red heart", guidance=1).notes == ()


def test_guidance_0_is_guidance() -> None:
    assert len(encoded("a", "b", guidance=0).context) == 2


def test_a_plain_prompt_is_the_encoding_of_its_frame() -> None:
    frame = POCKET.frame(POCKET.tokens("a red heart"))
    assert_array_equal(encoded("a red heart", guidance=1).context, MODEL.encode(frame[None]).hidden)


@pytest.mark.parametrize("text", ["(a red heart:1)", "1::a:: red [{heart}]", "a (red:1.0) heart", "a red 1::heart"])
@pytest.mark.parametrize("emphasis", ["original", "no_norm"])
def test_weight_1_everywhere_is_bit_identical_to_no_syntax(text: str, emphasis: str) -> None:
    options = PromptOptions(emphasis=emphasis)
    assert_array_equal(encoded(text, options=options).context, encoded("a red heart", options=options).context)


def test_literal_prompts_keep_their_brackets() -> None:
    literal = encoded("a (red) heart", options=PromptOptions(syntax="literal")).context
    assert_array_equal(literal, encoded(r"a \(red\) heart").context)
    assert not np.array_equal(literal, encoded("a (red) heart").context)


def test_no_norm_scales_the_weighted_tokens_and_nothing_else() -> None:
    plain, weighted = (
        encoded(t, options=PromptOptions(emphasis="no_norm")).context[1] for t in ("a red heart", "a (red:1.5) heart")
    )
    changed = np.flatnonzero((plain != weighted).any(axis=1))
    assert changed.tolist() == [2]  # start, a, red
    assert_array_equal(weighted[2], plain[2] * np.float32(1.5))


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.3, -0.5])
def test_original_keeps_the_mean_of_the_chunk(weight: float) -> None:
    plain = encoded("a red heart").context[1]
    weighted = encoded(f"a (red:{weight}) heart").context[1]
    assert not np.array_equal(plain, weighted)
    # float32 rounding of 160 products and one factor
    assert_allclose(weighted.mean(dtype=np.float64), plain.mean(dtype=np.float64), rtol=1e-5)


def test_original_is_z_times_w_times_the_ratio_of_the_means() -> None:
    z = np.array([[1.0, 2.0], [3.0, 6.0]], np.float32)
    weights = np.array([1.0, 2.0], np.float32)
    assert_allclose(keep_mean(z, weights), np.array([[1, 2], [6, 12]]) * (3.0 / 5.25), rtol=1e-6)  # float32
    assert_allclose(scale(z, weights), [[1, 2], [6, 12]])


@pytest.mark.parametrize("other", [-1.0, 1.0, 0.0, -0.9], ids=["zero mean", "no change", "zeros", "tiny mean"])
def test_a_mean_near_zero_never_blows_the_text_up(other: float) -> None:
    z = np.array([[1.0], [1.0]], np.float32)
    weighted = keep_mean(z, np.array([1.0, other], np.float32))
    assert np.isfinite(weighted).all()
    assert np.abs(weighted).max() <= 2


@pytest.mark.parametrize(
    ("prompt", "negative"), [(LONG, "dog"), ("dog", LONG), (LONG + LONG, LONG), ("a BREAK b BREAK c", "")]
)
def test_both_prompts_have_the_same_number_of_chunks_and_the_rest_is_empty_ones(prompt: str, negative: str) -> None:
    both = encoded(prompt, negative).context
    alone = {text: encoded(text, guidance=1).context[0] for text in (prompt, negative)}
    longest = max(len(context) for context in alone.values())
    assert both.shape[1] == longest
    assert longest % 32 == 0
    assert longest >= 64
    empty = encoded("", guidance=1).context[0]
    for row, text in zip(both, (negative, prompt), strict=True):
        own = len(alone[text])
        assert_array_equal(row[:own], alone[text])
        assert_array_equal(row[own:], np.tile(empty, ((longest - own) // 32, 1)))


def test_break_starts_a_chunk_and_chunks_stand_behind_each_other() -> None:
    joined = encoded("a red heart BREAK (an owl:1.3)", guidance=1).context
    parts = [encoded(text, guidance=1).context for text in ("a red heart", "(an owl:1.3)")]
    assert_array_equal(joined, np.concatenate(parts, axis=1))


def test_breaks_without_text_between_them_make_no_chunks() -> None:
    assert_array_equal(encoded("BREAK a BREAK BREAK b BREAK").context, encoded("a BREAK b").context)
    assert encoded("BREAK").context.shape[1] == 32


WORDS = st.lists(
    st.sampled_from(["owl", ",", "a", "BREAK", "(red:1.5)", "unbelievable", "!", "<|endoftext|>"]), max_size=120
)


@settings(deadline=None)  # other work may share the machine
@given(WORDS)
def test_chunks_hold_every_token_once_in_order(words: list[str]) -> None:
    prompt = parse(" ".join(words))
    chunks = split(prompt, POCKET)
    assert all(0 < len(chunk.ids) <= 30 for chunk in chunks) or [chunk.ids for chunk in chunks] == [()]
    assert all(len(chunk.ids) == len(chunk.weights) for chunk in chunks)
    pieces = [piece for section in prompt.sections for piece in section]
    assert [i for chunk in chunks for i in chunk.ids] == [i for piece in pieces for i in POCKET.tokens(piece.text)]


@pytest.mark.parametrize(
    ("before", "after", "first"),
    [
        ("owl " * 29 + ",", "heart " * 5, 30),
        ("owl " * 25 + ",", "heart " * 9, 26),
        ("owl " * 22 + ",", "heart " * 9, 23),
        ("owl " * 21 + ",", "heart " * 12, 30),
        ("owl " * 10 + "," + "owl " * 14 + ",", "heart " * 9, 26),
        ("owl " * 30, ", heart", 30),
        ("owl " * 26 + ",", "owl " * 3 + ", heart", 30),
        ("owl " * 30, "heart", 30),
    ],
    ids=[
        "at the end",
        "near",
        "8 back",
        "9 back is too far",
        "the last of two",
        "comma right behind",
        "comma right behind and one before",
        "no comma",
    ],
)
def test_a_full_chunk_ends_behind_its_last_near_comma(before: str, after: str, first: int) -> None:
    chunks = split(parse(before + after), POCKET)
    assert len(chunks[0].ids) == first


def test_weights_follow_their_tokens_into_the_next_chunk() -> None:
    first, second = split(parse("owl " * 28 + "(heart heart heart heart:1.5) owl"), POCKET)
    assert first.weights == (1.0,) * 28 + (1.5,) * 2
    assert second.weights == (1.5, 1.5, 1.0)


def test_without_chunks_the_words_that_are_cut_are_named() -> None:
    cut = encoded("owl " * 28 + "red heart, (blue:1.2) sky", "dog", options=PromptOptions(chunk=False))
    assert cut.context.shape == (2, 32, WIDTH)
    (note,) = cut.notes
    assert note == ("the prompt is 3 tokens longer than the 30 that this model reads; these words were cut: , blue sky")
    assert_array_equal(cut.context[1], encoded("owl " * 28 + "red heart", guidance=1).context[0])


def test_a_long_cut_is_shortened_and_both_prompts_are_named() -> None:
    notes = encoded("owl " * 200, "dog " * 40, options=PromptOptions(chunk=False)).notes
    assert [note.split(" is ")[0] for note in notes] == ["the undesired content", "the prompt"]
    assert all(len(note) < 400 for note in notes)


def test_without_chunks_break_only_gives_a_note() -> None:
    one = encoded("a BREAK owl", options=PromptOptions(chunk=False))
    assert one.notes == ("BREAK in the prompt has no effect: this model reads text as one chunk",)
    assert_array_equal(one.context, encoded("a owl").context)


def test_a_prompt_that_fits_gives_no_note() -> None:
    assert encoded("owl " * 30, options=PromptOptions(chunk=False)).notes == ()
    assert encoded(LONG).notes == ()


def test_two_encoders_are_joined_along_the_width_and_pooled_is_the_second_one_s_first_chunk() -> None:
    one, two = text_model(1, width=3, pooled=3), text_model(2, width=4, pooled=2, pad=0)
    both = encode_prompt(LONG, "dog", guidance=5, models=[one, two])
    first, second = (encode_prompt(LONG, "dog", guidance=5, models=[model]).context for model in (one, two))
    assert_array_equal(both.context, np.concatenate([first, second], axis=2))
    pooled = both.extra["text_embeds"]
    assert pooled.shape == (2, 2)
    first_chunks = [split(parse(text), two.tokenizer)[0] for text in ("dog", LONG)]
    expected = two.encode(np.stack([two.tokenizer.frame(chunk.ids) for chunk in first_chunks])).pooled
    assert expected is not None
    assert_array_equal(pooled, expected)


def test_each_encoder_pads_with_its_own_token() -> None:
    seen: list[int] = []
    for pad in (3628, 0):
        model = text_model(pad=pad)

        def encode(ids: NDArray[np.int64], model: TextModel = model) -> TextEncoding:
            seen.append(int(ids[0, -1]))
            return model.encode(ids)

        encode_prompt("a", "", guidance=1, models=[TextModel(model.tokenizer, encode)])
    assert seen == [3628, 0]


@pytest.mark.parametrize(("negative", "zeros"), [("", True), (" ", True), ("dog", False)])
def test_empty_undesired_content_is_zeros_where_the_model_wants_that(negative: str, zeros: bool) -> None:
    model = text_model(pooled=2)
    options = PromptOptions(zero_empty_negative=True)
    found = encode_prompt("a", negative, guidance=5, models=[model], options=options)
    assert found.context[0].any() != zeros
    assert found.extra["text_embeds"][0].any() != zeros
    assert found.context[1].any()
    assert found.extra["text_embeds"][1].any()


def test_a_mistake_says_in_which_prompt_it_is() -> None:
    with pytest.raises(PromptError, match="undesired content, character 3"):
        encoded("a", "a (dog")


def test_an_unknown_emphasis_is_refused() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'no_norm'"):
        encoded("a", options=PromptOptions(emphasis="no norm"))


def test_time_ids_are_original_crop_target_each_vertical_first() -> None:
    base = encoded("a")
    found = add_time_ids(base, original=Size(1200, 800), crop=(30, 40), target=Size(1024, 512))
    assert found.extra["time_ids"].tolist() == [[800, 1200, 40, 30, 512, 1024]] * 2
    assert found.extra["time_ids"].dtype == np.float32
    assert "time_ids" not in base.extra
    assert found.context is base.context


def test_the_guidance_embedding_is_that_of_diffusers() -> None:
    """LatentConsistencyModelPipeline.get_guidance_scale_embedding of diffusers 0.36, at w = guidance - 1, width 256."""
    places = [0, 1, 50, 100, 127, 128, 129, 178, 255]
    expected = {
        1.0: [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0],
        2.5: [-0.9939, 0.1989, 0.7906, 0.8738, 0.1494, -0.1103, 0.98, -0.6124, 0.9888],
        8.0: [0.5069, 0.8043, -0.8312, -0.9695, 0.6442, 0.862, 0.5942, -0.556, 0.7648],
    }
    for guidance, values in expected.items():
        found = guidance_embedding(guidance, 256)
        assert found.shape == (1, 256)
        assert found.dtype == np.float32
        # diffusers multiplies angles up to 7,000 in float32, which is 5e-4 off in the angle itself
        assert_allclose(found[0, places], values, atol=1e-3)


def test_an_odd_width_of_the_guidance_embedding_ends_in_zero() -> None:
    assert guidance_embedding(3.0, 9).shape == (1, 9)
    assert guidance_embedding(3.0, 9)[0, -1] == 0


def test_the_guidance_embedding_is_added_for_each_row() -> None:
    found = add_guidance_embedding(encoded("a"), 8.0, 256).extra["timestep_cond"]
    assert_array_equal(found, np.repeat(guidance_embedding(8.0), 2, axis=0))
