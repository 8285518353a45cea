"""A single-file checkpoint is read to the same weights and configuration as its folder, without the network."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from safetensors.torch import load_file, save_file

from export_support.original_names import UNET, write_single_file
from export_support.small_models import SMALL
from retouch_export.exporting import ExportOptions, export_bundle
from retouch_export.sources import open_source
from retouch_models.errors import ExportError

KINDS = ("sd15-inpaint", "sd15", "sd2-inpaint", "sdxl-inpaint", "lcm")


def single(kind: str, folder: Path, path: Path) -> Path:
    small = SMALL[kind]
    attends = [False, True, True] if small.levels == 3 else [True, True, True, False]
    return write_single_file(folder, path, linear=small.linear, two_texts=small.two_texts, attends=attends)


@pytest.fixture(scope="module", params=KINDS)
def pair(
    request: pytest.FixtureRequest,
    checkpoint_folder: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path, Path]:
    """Kind, folder and single file of a checkpoint."""
    folder = checkpoint_folder(request.param)
    return request.param, folder, single(request.param, folder, tmp_path_factory.mktemp("single") / "m.safetensors")


def test_every_weight_is_the_same_as_in_the_folder(pair: tuple[str, Path, Path]) -> None:
    _, folder, file = pair
    with open_source(str(folder)) as wanted, open_source(str(file)) as found:
        assert found.roles() == wanted.roles()
        parts = zip(
            (wanted.unet, wanted.vae, *wanted.text_encoders),
            (found.unet, found.vae, *found.text_encoders),
            strict=True,
        )
        for theirs, ours in parts:
            expected = dict(theirs.load().named_parameters())
            loaded = dict(ours.load().named_parameters())
            assert loaded.keys() == expected.keys()
            assert all(torch.equal(loaded[name], expected[name]) for name in expected)


def test_the_configuration_is_read_off_the_shapes(pair: tuple[str, Path, Path]) -> None:
    kind, folder, file = pair
    with open_source(str(folder)) as wanted, open_source(str(file)) as found:
        assert found.family()[0] == wanted.family()[0] == SMALL[kind].family
        for name in ("in_channels", "block_out_channels", "cross_attention_dim", "use_linear_projection"):
            theirs, ours = getattr(wanted.unet.config, name), getattr(found.unet.config, name)
            assert tuple(ours) == tuple(theirs) if isinstance(theirs, (list, tuple)) else ours == theirs
        assert found.text_roles() == wanted.text_roles()
        # The widths of SDXL's picture sizes are 256 in every real model; the small one has narrower ones.
        if not SMALL[kind].two_texts:
            module, other = found.module("text_encoder"), wanted.module("text_encoder")
            ids = torch.tensor([[698, 5, 80, 699, *[699] * 12]])
            with torch.inference_mode():
                torch.testing.assert_close(module(ids)[0], other(ids)[0], rtol=0, atol=1e-6)


def test_the_names_agree_with_diffusers_own_converter(pair: tuple[str, Path, Path]) -> None:
    kind, folder, file = pair
    config = {"layers_per_block": 1, "class_embed_type": None, "addition_embed_type": None}
    if SMALL[kind].two_texts:
        config["addition_embed_type"] = "text_time"
    tensors = load_file(file)
    theirs = convert_ldm_unet_checkpoint(dict(tensors), config)
    wanted = load_file(folder / "unet/diffusion_pytorch_model.safetensors")
    assert theirs.keys() == wanted.keys() - {"time_embedding.cond_proj.weight"}
    vae = convert_ldm_vae_checkpoint(dict(tensors), {"down_block_types": [1] * 4, "up_block_types": [1] * 4})
    assert vae.keys() == load_file(folder / "vae/diffusion_pytorch_model.safetensors").keys()


def test_tensors_that_say_so_make_it_zero_terminal_snr(
    checkpoint_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    file = single("sdxl", checkpoint_folder("sdxl"), tmp_path / "v.safetensors")
    save_file({**load_file(file), "v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}, file)
    with open_source(str(file)) as found:
        assert found.family()[0] == "sdxl"
        assert found.facts().prediction == "v"
        assert found.scheduler["rescale_betas_zero_snr"] is True


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda t: t | {f"{UNET}out.2.weight": torch.zeros(4, 32, 3, 3)}, r"out\.2\.weight has the shape \(4, 32"),
        (lambda t: {n: x for n, x in t.items() if "time_embed.2" not in n}, r"2 weights are missing"),
        (lambda t: {n: x for n, x in t.items() if not n.startswith("cond")}, r"holds no CLIP text encoder"),
        (lambda t: {n: x for n, x in t.items() if n.startswith(UNET)}, r"no whole Stable Diffusion checkpoint"),
    ],
    ids=["wrong shape", "missing weights", "no text encoder", "UNet alone"],
)
def test_what_is_wrong_with_a_file_is_said(
    checkpoint_folder: Callable[[str], Path], tmp_path: Path, damage, message: str
) -> None:
    file = single("sd15", checkpoint_folder("sd15"), tmp_path / "m.safetensors")
    save_file(damage(load_file(file)), tmp_path / "bad.safetensors")
    with pytest.raises(ExportError, match=message), open_source(str(tmp_path / "bad.safetensors")) as found:
        found.unet.load()


def test_a_single_file_becomes_a_bundle_that_makes_the_picture_of_diffusers(
    checkpoint_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    file = single("sd2-inpaint", checkpoint_folder("sd2-inpaint"), tmp_path / "m.safetensors")
    options = ExportOptions(name="m", precision="fp32")
    with open_source(str(file)) as found:
        bundle = export_bundle(found, tmp_path / "out", options, lambda _line: None)
    assert bundle.manifest.parity["picture"]["psnr_db"] > 50
    assert bundle.manifest.text.tokenizers[0].tokens == 16
