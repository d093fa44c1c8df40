"""Weights, gradients and moments shared out among a run's processes: by FSDP2, or by ZeRO-3 where DeepSpeed is there.

Each process holds its share of every layer; a layer is brought together where it is computed, and let go again.
"""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, Any

from .options import OptionError

if TYPE_CHECKING:
    from .options import Settings
    from .processes import Processes
    from .prompts import PromptFormat

DEEPSPEED_MISSING = (
    "--shard zero3 needs DeepSpeed, which is not installed: `DS_BUILD_OPS=0 .venv/bin/pip install deepspeed`, "
    "or use --shard fsdp2, which needs nothing more."
)


def require_library(shard: str | None) -> None:
    """Raise OptionError where ``shard`` needs a library that is not installed."""
    if shard == "zero3" and importlib.util.find_spec("deepspeed") is None:
        raise OptionError(DEEPSPEED_MISSING)


def check_sharding(settings: Settings, fmt: PromptFormat, processes: Processes, *, device: str) -> None:
    """Raise OptionError where the model cannot be shared out like that."""
    if settings.shard == "none":
        return
    if settings.shard == "zero3" and device == "cpu":
        raise OptionError("--shard zero3 needs GPUs: accelerate runs DeepSpeed on nothing else. Use --shard fsdp2.")
    if settings.method == "qlora":
        raise OptionError(
            "4-bit weights are packed in blocks that cannot be shared out: use --method lora with "
            f"--shard {settings.shard}, or QLoRA without --shard."
        )
    if settings.trains_adapter and fmt.name == "dolly":
        raise OptionError(
            "Beside LoRA's layers, Dolly's format trains single rows of the embedding, which cannot be shared out: use "
            f"--method full with --shard {settings.shard}, or --prompt-format plain, or leave out --shard."
        )
    if processes.count == 1:
        raise OptionError(
            f"--shard {settings.shard} shares the model out over several processes, and this is one. Start it with "
            "`accelerate launch --num-processes N manage.py finetune …` or torchrun, or leave it out."
        )


def announce(settings: Settings) -> None:
    """Have FSDP2's weights read by one process of each machine, and sent to the others; before the model is loaded."""
    if settings.shard == "fsdp2":
        os.environ.update(ACCELERATE_USE_FSDP="true", FSDP_VERSION="2", FSDP_CPU_RAM_EFFICIENT_LOADING="true")


def arguments(settings: Settings) -> dict[str, Any]:
    """Return what the trainer's arguments say about sharing out."""
    if settings.shard == "fsdp2":
        return {"fsdp": True, "fsdp_config": fsdp_config()}
    return {"deepspeed": deepspeed_config(settings)} if settings.shard == "zero3" else {}


def fsdp_config() -> dict[str, Any]:
    """Return the plugin's settings: each layer a unit, checkpoints written by all processes, a share each."""
    return {
        "version": 2,
        "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "reshard_after_forward": True,
        "cpu_ram_efficient_loading": True,
        "state_dict_type": "SHARDED_STATE_DICT",
    }


def deepspeed_config(settings: Settings) -> dict[str, Any]:
    """Return DeepSpeed's settings for ZeRO-3; "auto" is what the trainer's arguments say."""
    return {
        "zero_optimization": {
            "stage": 3,
            "overlap_comm": True,
            "contiguous_gradients": True,
            "reduce_bucket_size": "auto",
            "stage3_prefetch_bucket_size": "auto",
            "stage3_param_persistence_threshold": "auto",
            "stage3_gather_16bit_weights_on_model_save": False,  # sitting.save_model brings them together, in full
        },
        # 16-bit sums of gradients over many processes lose what 32-bit ones keep.
        "communication_data_type": "fp32",
        "bf16": {"enabled": settings.bf16},
        "zero_allow_untested_optimizer": True,
        "train_micro_batch_size_per_gpu": "auto",
        "train_batch_size": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
    }


def policy(settings: Settings) -> dict[str, Any]:
    """Return the precision of FSDP2: 16-bit products where they pay, gradients brought together in 32 bits."""
    import torch
    from torch.distributed.fsdp import MixedPrecisionPolicy

    if settings.shard != "fsdp2" or not settings.bf16:
        return {}
    # No type for what comes out, where accelerate's own policy says 16 bits: the loss would be rounded to three digits.
    return {"mixed_precision_policy": MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)}


def trainer_class(settings: Settings) -> Any:
    """Return TRL's SFTTrainer, as it must be for a model that is shared out."""
    from trl import SFTTrainer

    class FullyShardedTrainer(SFTTrainer):
        """Accelerate takes note of FSDP2 on GPUs only, though torch has it on processors as well."""

        def create_accelerator_and_postprocess(self) -> None:
            super().create_accelerator_and_postprocess()
            from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin

            state = self.accelerator.state
            if state.distributed_type != DistributedType.FSDP:
                state.fsdp_plugin = FullyShardedDataParallelPlugin(**self.args.fsdp_plugin_args)
                state.distributed_type = DistributedType.FSDP
                self.is_fsdp_enabled = True

    class ZeroTrainer(SFTTrainer):
        """A checkpoint is DeepSpeed's own; the weights beside it would be the same once more."""

        def save_model(self, *args: Any, **kwargs: Any) -> None:
            pass

    return {"none": SFTTrainer, "fsdp2": FullyShardedTrainer, "zero3": ZeroTrainer}[settings.shard]


def read_checkpoint(trainer: Any, path: str, settings: Settings) -> None:
    """Give the trainer's model the weights of a checkpoint, after training or instead of it. All must call it."""
    if not settings.shares_out:
        trainer._load_from_checkpoint(path)  # noqa: SLF001
    elif trainer.model_wrapped is trainer.model and not is_shared_out(trainer.model):  # nothing was trained
        trainer._prepare_for_training(settings.steps, trainer.get_train_dataloader(), path)  # noqa: SLF001
    elif settings.shard == "fsdp2":
        trainer._load_from_checkpoint(path)  # noqa: SLF001
    else:
        from transformers.integrations.deepspeed import deepspeed_load_checkpoint

        deepspeed_load_checkpoint(trainer.model_wrapped, path, load_module_strict=not settings.trains_adapter)


def is_shared_out(model: Any) -> bool:
    """Whether each process holds a share of the model, so that all must call it together, from the top."""
    from torch.distributed.fsdp import FSDPModule

    return isinstance(model, FSDPModule) or any(hasattr(weight, "ds_id") for weight in model.parameters())


def brought_together(model: Any, *, trained_only: bool) -> dict[str, Any]:
    """Return the weights in full, on the main process; empty on the others. All must call it.

    ``trained_only`` leaves out the frozen ones: of LoRA all but the adapter.
    """
    from torch.distributed.fsdp import FSDPModule

    if isinstance(model, FSDPModule):
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

        wanted = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=trained_only)
        found: dict[str, Any] = get_model_state_dict(model, options=wanted)
        # A tied weight is one weight under two names; brought together it would be two, and saved twice.
        tied = getattr(model, "all_tied_weights_keys", None) or {}
        return {name: weight for name, weight in found.items() if name not in tied}
    return _from_zero(model, trained_only=trained_only)


def _from_zero(model: Any, *, trained_only: bool) -> dict[str, Any]:
    """Return the 32-bit weights that DeepSpeed's optimizer keeps, one whole at a time."""
    import deepspeed
    from deepspeed.utils import safe_get_full_fp32_param

    found: dict[str, Any] = {}
    main = int(os.environ.get("RANK", "0")) == 0
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            whole = safe_get_full_fp32_param(weight)
        elif trained_only:
            continue
        else:
            with deepspeed.zero.GatheredParameters([weight]):
                whole = weight.detach().clone()
        if main:
            found[name] = whole.detach().cpu()
    return found
