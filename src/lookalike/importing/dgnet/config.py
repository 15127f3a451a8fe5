"""The settings of a DG-Net that the authors' files and their config.yaml tell."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lookalike.errors import UserError
from lookalike.importing.checkpoints import Checkpoint, read_options, size
from lookalike.methods.dgnet import DGNet
from lookalike.methods.ide import IDE

# What config.yaml must say, where it says it: with another value our networks would compute
# something else than the authors', and no weight's shape would show it.
BUILT = {
    "ID_stride": 1, "pool": "max", "single": "gray",
    "gen.activ": "lrelu", "gen.pad_type": "reflect", "gen.dec": "basic", "gen.tanh": False,
    "gen.mlp_norm": "none", "gen.n_downsample": 2, "gen.n_res": 4,
    "dis.activ": "lrelu", "dis.pad_type": "reflect", "dis.norm": "none", "dis.n_res": 4,
    "dis.n_layer": 2,
}  # fmt: skip
# Settings of the training, which the model's file records: config.yaml's name → ours.
SETTINGS = {
    "crop_image_height": "height", "crop_image_width": "width",
    "batch_size": "batch_size", "erasing_p": "erase", "max_iter": "joint_steps",
    "warm_iter": "ramp_from",
    "gan_w": "adv_weight", "recon_x_w": "recon_weight", "recon_xp_w": "positive_weight",
    "max_cyc_w": "cycle_weight", "id_w": "id_weight", "pid_w": "positive_id_weight",
    "recon_id_w": "generated_id_weight", "max_teacher_w": "teacher_weight", "B_w": "fine_factor",
    "dis.LAMBDA": "r1_weight", "use_encoder_again": "encode_again",
    "lr_g": "lr", "lr2": "lr_trunk", "weight_decay": "weight_decay",
}  # fmt: skip


def classes_of(file: Checkpoint) -> int:
    """The number of identities that an id file tells apart."""
    return size(file, "classifier1.classifier.0.weight", 0, 751)


def settings(files: Mapping[str, Checkpoint], path: Path | None, notes: list[str]) -> DGNet:
    """The settings: sizes from the weights, the rest from config.yaml at `path`, if there is one.

    Notes every size that config.yaml gives otherwise. Raises UserError where it says that the
    networks are built otherwise than ours.
    """
    code, gen, dis = DGNet.preset("code"), files.get("gen"), files.get("dis")
    scales = {name.split(".")[1] for name in dis.tensors if name[:5] == "cnns."} if dis else ()
    sizes: dict[str, Any] = {
        "structure_dim": size(gen, "enc_content.model.0.conv.weight", 0, code.structure_dim),
        "mlp_dim": size(gen, "mlp_w1.model.0.fc.weight", 0, code.mlp_dim),
        "dis_dim": size(dis, "cnns.0.0.conv.weight", 0, code.dis_dim),
        "dis_scales": len(scales) or code.dis_scales,
    }
    changes: dict[str, Any] = {}
    if path is not None:
        config = read_options(path)
        prefixes = tuple(f"{kind}." for kind in ("gen", "dis") if kind not in files)
        config = {key: value for key, value in config.items() if not key.startswith(prefixes)}
        for key, value in BUILT.items():
            if config.get(key, value) != value:
                raise UserError(
                    f"{path} says {key}: {config[key]}, but Lookalike's DG-Net has {value}: these "
                    "weights would give wrong results in it."
                )
        real = {
            "ID_class": classes_of(files["id"]),
            "gen.dim": sizes["structure_dim"],
            "gen.mlp_dim": sizes["mlp_dim"],
            "dis.dim": sizes["dis_dim"],
            "dis.num_scales": sizes["dis_scales"],
        }
        for key, value in real.items():
            if config.get(key, value) != value:
                notes.append(f"{path} says {key}: {config[key]}, but the weights have {value}.")
        changes = trained_with(config, path)
    return dataclasses.replace(code, stride_on="3x3", weights="none", **sizes, **changes)


def trained_with(config: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Our names and values of the settings in config.yaml that say how the model was trained."""
    code, changes = DGNet.preset("code"), {}
    try:
        for key, name in SETTINGS.items():
            if key in config:
                changes[name] = type(getattr(code, name))(config[key])
        if "lr2" in config:
            changes["lr_head"] = 10 * changes["lr_trunk"]
        if "max_w" in config:
            changes["structure_weight"] = changes["appearance_weight"] = float(config["max_w"])
        if "step_size" in config:
            changes["milestones"] = tuple(int(r * int(config["step_size"])) for r in (1, 1.5, 1.75))
        if "warm_scale" in config:
            changes["ramp"] = round(1 / float(config["warm_scale"]))
        if "teacher_style" in config:
            styles = ("soft", "hard", "appearance", "uniform", "masked")
            changes["label_style"] = styles[int(config["teacher_style"])]
    except (TypeError, ValueError, ArithmeticError, IndexError) as error:
        raise UserError(f"{path} has a setting that DG-Net can't have ({error}).") from error
    return changes


def teacher_settings(file: Checkpoint, path: Path | None, notes: list[str]) -> tuple[IDE, int]:
    """The teacher's settings and number of identities; path: its opts.yaml, which has its stride.

    Raises UserError for a stride that no ResNet has.
    """
    opts = read_options(path) if path else {}
    if "stride" not in opts:
        where = f"{path} doesn't say" if path else f"no opts.yaml beside {file.path} says"
        notes.append(f"{where} the stride of the teacher's last stage; 2, the default, was taken.")
    stride = opts.get("stride", 2)
    if stride not in (1, 2):
        raise UserError(f"{path} says stride: {stride}, but a last stage strides by 1 or 2.")
    classes = size(file, "classifier.classifier.0.weight", 0, 751)
    if opts.get("nclasses", classes) != classes:
        notes.append(f"{path} says nclasses: {opts['nclasses']}, but the weights have {classes}.")
    return IDE(weights="none", stride_on="3x3", last_stride=stride), classes
