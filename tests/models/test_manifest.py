"""The contract: a manifest says everything, and what does not fit is refused with the place."""

import json
from dataclasses import replace

import pytest

from retouch_models.bundle import Bundle
from retouch_models.decode import Misfit, decode, encode
from retouch_models.errors import BundleError
from retouch_models.manifest import Manifest, SizeSpec, parse_manifest


def test_json_round_trip(tiny: Bundle) -> None:
    text = tiny.manifest.to_json()
    again = parse_manifest(text, "tiny")
    assert again == tiny.manifest
    assert again.to_json() == text


def test_every_file_is_listed_once(tiny: Bundle) -> None:
    files = [spec.file for spec in tiny.manifest.all_files()]
    assert sorted(files) == sorted(set(files))
    on_disk = {str(p.relative_to(tiny.folder)) for p in tiny.folder.rglob("*") if p.is_file()}
    assert on_disk == {*files, "manifest.json"}


def test_a_newer_schema_says_how_to_upgrade(tiny: Bundle) -> None:
    data = json.loads(tiny.manifest.to_json()) | {"schema": 2, "something": "new"}
    with pytest.raises(BundleError, match=r"newer retouch .* pip install -U retouch"):
        parse_manifest(json.dumps(data), "tiny")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"native": 64, "multiple": 8, "minimum": 8}, "maximum is missing"),
        ({"native": 64, "multiple": 8, "minimum": 8, "maximum": 64, "max": 1}, "max is unknown"),
        ({"native": "64", "multiple": 8, "minimum": 8, "maximum": 64}, "native must be a whole number, not '64'"),
        ({"native": True, "multiple": 8, "minimum": 8, "maximum": 64}, "native must be a whole number, not True"),
        ({"native": 6.5, "multiple": 8, "minimum": 8, "maximum": 64}, "native must be a whole number, not 6.5"),
        ([], "must be an object"),
    ],
    ids=["missing", "unknown", "text", "bool", "fraction", "list"],
)
def test_misfits_name_the_place(value: object, message: str) -> None:
    with pytest.raises(Misfit, match=message):
        decode(SizeSpec, value)


def test_numbers_must_be_finite(tiny: Bundle) -> None:
    data = encode(tiny.manifest)
    data["latent"]["scale"] = float("nan")
    with pytest.raises(Misfit, match=r"latent\.scale must be a finite number"):
        decode(Manifest, data)


def test_lists_are_checked_item_by_item(tiny: Bundle) -> None:
    data = encode(tiny.manifest)
    data["graphs"]["unet"]["inputs"][1]["shape"] = [1, None]
    with pytest.raises(Misfit, match=r"graphs\.unet\.inputs\[1\]\.shape\[1\]"):
        decode(Manifest, data)


def test_names_of_unknown_kind_are_listed(tiny: Bundle) -> None:
    data = encode(tiny.manifest)
    data["noise"]["prediction"] = "flow"
    with pytest.raises(Misfit, match=r"noise\.prediction is 'flow'; it must be one of epsilon, v, sample"):
        decode(Manifest, data)


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "C:\\x", "\\\\host\\x", "a/C:x", "a\\..\\..\\x"])
def test_files_stay_inside_the_bundle(name: str, tiny: Bundle) -> None:
    first = tiny.manifest.files[0]
    bad = replace(tiny.manifest, files=(replace(first, file=name),))
    with pytest.raises(BundleError, match="outside the bundle"):
        parse_manifest(bad.to_json(), "tiny")


@pytest.mark.parametrize("name", ["", "tokenizer/", "manifest.json"])
def test_files_have_names_of_their_own(name: str, tiny: Bundle) -> None:
    first = tiny.manifest.files[0]
    bad = replace(tiny.manifest, files=(replace(first, file=name),))
    with pytest.raises(BundleError, match="as a file"):
        parse_manifest(bad.to_json(), "tiny")


def test_a_later_field_is_written_only_when_it_says_something() -> None:
    size = SizeSpec(native=64, multiple=8, minimum=8, maximum=64)
    assert set(encode(size)) == {"native", "multiple", "minimum", "maximum"}
    fixed = replace(size, fixed=((64, 32),))
    assert encode(fixed)["fixed"] == [[64, 32]]
    assert decode(SizeSpec, encode(fixed)) == fixed
